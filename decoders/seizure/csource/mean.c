/* x [rows, steps]: the larger of the means and of what most [rows] has, or for the first channel the means */
static void mean_over_time(const int16_t *x, int16_t *most, int32_t first, int32_t rows, int32_t steps, int32_t mult, int32_t shift)
{
	int32_t r, t;
	for (r = 0; r < rows; r++) {
		int32_t sum = 0;
		int16_t v;
		for (t = 0; t < steps; t++)
			sum += x[r * steps + t];
		v = clamp_logit(times(sum, mult, shift));
		if (first || v > most[r])
			most[r] = v;
	}
}

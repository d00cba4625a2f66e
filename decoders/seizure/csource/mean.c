/* x [rows, steps], y [rows] */
static void mean_over_time(const int8_t *x, int8_t *y, int32_t rows, int32_t steps, int32_t mult, int32_t shift)
{
	int32_t r, t;
	for (r = 0; r < rows; r++) {
		int32_t sum = 0;
		for (t = 0; t < steps; t++)
			sum += x[r * steps + t];
		y[r] = clamp8(times(sum, mult, shift));
	}
}

/* adds the energy of one second of a channel in each band */
static void energies(uint64_t *acc, const int16_t *x)
{
	int64_t sum = 0;
	int32_t mean, t, b, k;
	for (t = 0; t < BLOCK; t++)
		sum += 8 * (int32_t)x[t];
	mean = (int32_t)(sum < 0 ? -((2 * -sum + BLOCK) / (2 * BLOCK)) : (2 * sum + BLOCK) / (2 * BLOCK));
	for (t = 0; t < BLOCK; t++) {
		int32_t d = 8 * (int32_t)x[t] - mean;
		d = d > 8 * 32767 ? 8 * 32767 : d < -8 * 32767 ? -8 * 32767 : d;
		stretch[t] = (int32_t)round_shift((int64_t)d * hann[t], 15);
	}
	for (b = 0; b < BANDS; b++) {
		for (k = band_edges[2 * b]; k < band_edges[2 * b + 1]; k++) {
			int64_t re = 0, im = 0;
			int32_t at = 0;
			for (t = 0; t < BLOCK; t++) {
				re += (int64_t)stretch[t] * cosine[at];
				im += (int64_t)stretch[t] * sine[at];
				at += k;
				if (at >= BLOCK)
					at -= BLOCK;
			}
			re = round_shift(re, 15);
			im = round_shift(im, 15);
			acc[b] += (uint64_t)(re * re) + (uint64_t)(im * im);
		}
	}
}

/* the logarithm of v + 1 to base 2, times 256 */
static int32_t logarithm(uint64_t v)
{
	int32_t e = 63;
	v++;
	while (!(v >> e))
		e--;
	return e * 256 + log_table[(e >= 8 ? v >> (e - 8) : v << (8 - e)) & 255];
}

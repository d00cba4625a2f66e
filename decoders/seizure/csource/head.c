/* x [width], y [CLASSES]: the last layer; map as in the others */
static void head(const int16_t *x, int16_t *y, const int8_t *w, const uint8_t *map, const int32_t *bias, const int32_t *mult, const uint8_t *shift,
	int32_t width)
{
	int32_t o, k, i = 0;
	for (o = 0; o < CLASSES; o++) {
		int32_t acc = bias[o];
		for (k = 0; k < width; k++, i++)
			if (!map || map[i >> 3] >> (i & 7) & 1)
				acc += (int32_t)*w++ * x[k];
		y[o] = clamp_logit(times(acc, mult[o], shift[o]));
	}
}

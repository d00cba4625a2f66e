/* the product of row g of a matrix with x; map is 0 where all weights are there, otherwise *w moves on */
static int32_t row_times(const int8_t **w, const uint8_t *map, int32_t g, const int8_t *x, int32_t width)
{
	int32_t acc = 0, k, i = g * width;
	if (!map) {
		for (k = 0; k < width; k++)
			acc += (int32_t)(*w)[i + k] * x[k];
		return acc;
	}
	for (k = 0; k < width; k++, i++)
		if (map[i >> 3] >> (i & 7) & 1)
			acc += (int32_t)*(*w)++ * x[k];
	return acc;
}

/* x [width], y [CLASSES]: the last layer */
static void head(const int8_t *x, int16_t *y, const int8_t *w, const uint8_t *map, const int32_t *bias, const int32_t *mult, const uint8_t *shift,
	int32_t width)
{
	int32_t o;
	for (o = 0; o < CLASSES; o++) {
		const int32_t v = times(bias[o] + row_times(&w, map, o, x, width), mult[o], shift[o]);
		y[o] = (int16_t)(v > INT16_MAX ? INT16_MAX : v < -INT16_MAX ? -INT16_MAX : v);
	}
}

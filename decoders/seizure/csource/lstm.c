static int32_t clamp16(int32_t v)
{
	return v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v;
}

/* the function at v/4096, between two of its values along a straight line */
static int32_t bend(const int16_t *curve, int32_t v)
{
	const int32_t u = v + 32768, i = u >> 8, part = u & 255;
	return i == 255 ? curve[i] : curve[i] + (int32_t)round_shift((int64_t)(curve[i + 1] - curve[i]) * part, 8);
}

/* the product of row g of a matrix with x; map is 0 where all weights are there, otherwise *w moves on */
static int32_t row_times(const int8_t **w, const uint8_t *map, int32_t g, const int16_t *x, int32_t width)
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

/* x [tokens, width], h [hidden]: gates i, f, g, o */
static void lstm(const int16_t *x, int16_t *h, int16_t *cell, int16_t *gate, const int8_t *wih, const uint8_t *map_ih, const int8_t *whh,
	const uint8_t *map_hh, const int32_t *bias, const int32_t *mult_x, const uint8_t *shift_x, const int32_t *mult_h,
	const uint8_t *shift_h, int32_t tokens, int32_t width, int32_t hidden)
{
	int32_t s, g, k;
	for (k = 0; k < hidden; k++) {
		cell[k] = 0;
		h[k] = 0;
	}
	for (s = 0; s < tokens; s++) {
		const int8_t *wi = wih, *wh = whh;
		for (g = 0; g < 4 * hidden; g++) {
			const int32_t a = bias[g] + row_times(&wi, map_ih, g, x + s * width, width);
			const int32_t b = row_times(&wh, map_hh, g, h, hidden);
			gate[g] = (int16_t)clamp16(clamp16(times(a, mult_x[g], shift_x[g])) + clamp16(times(b, mult_h[g], shift_h[g])));
		}
		for (k = 0; k < hidden; k++) {
			const int32_t i = bend(sigmoid_curve, gate[k]), f = bend(sigmoid_curve, gate[hidden + k]);
			const int32_t c = bend(tanh_curve, gate[2 * hidden + k]), o = bend(sigmoid_curve, gate[3 * hidden + k]);
			cell[k] = (int16_t)clamp16((int32_t)(round_shift((int64_t)f * cell[k], 15) + round_shift((int64_t)i * c, 19)));
			h[k] = clamp_fine((int32_t)round_shift((int64_t)o * bend(tanh_curve, clamp16(cell[k] * 2)), 18));
		}
	}
}

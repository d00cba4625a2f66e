/* x [in, steps], y [out, after], w [out, in, kernel]; a dense layer has one step and one tap */
static void convolve(const int16_t *x, int16_t *y, const int8_t *w, const int32_t *bias, const int32_t *mult, const uint8_t *shift,
	int32_t in, int32_t steps, int32_t out, int32_t after, int32_t kernel, int32_t stride, int16_t least)
{
	int32_t o, t, c, k;
	for (o = 0; o < out; o++) {
		for (t = 0; t < after; t++) {
			int32_t acc = bias[o];
			int16_t q;
			for (c = 0; c < in; c++) {
				const int16_t *row = x + c * steps + t * stride;
				const int8_t *tap = w + (o * in + c) * kernel;
				for (k = 0; k < kernel; k++)
					acc += (int32_t)tap[k] * row[k];
			}
			q = clamp_fine(times(acc, mult[o], shift[o]));
			y[o * after + t] = q < least ? least : q;
		}
	}
}

/* as convolve; w holds the weights that are not 0, bit i of map says whether weight i is among them */
static void convolve_sparse(const int16_t *x, int16_t *y, const int8_t *w, const uint8_t *map, const int32_t *bias, const int32_t *mult,
	const uint8_t *shift, int32_t in, int32_t steps, int32_t out, int32_t after, int32_t kernel, int32_t stride, int16_t least)
{
	int32_t o, t, c, k;
	for (o = 0; o < out; o++) {
		const int8_t *next = w;
		for (t = 0; t < after; t++) {
			int32_t acc = bias[o], i = o * in * kernel;
			int16_t q;
			next = w;
			for (c = 0; c < in; c++) {
				const int16_t *row = x + c * steps + t * stride;
				for (k = 0; k < kernel; k++, i++)
					if (map[i >> 3] >> (i & 7) & 1)
						acc += (int32_t)*next++ * row[k];
			}
			q = clamp_fine(times(acc, mult[o], shift[o]));
			y[o * after + t] = q < least ? least : q;
		}
		w = next;
	}
}

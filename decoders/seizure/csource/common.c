/* v*2^-shift, half away from zero; |v| < 2^62 */
static int64_t round_shift(int64_t v, int32_t shift)
{
	const int64_t half = (int64_t)1 << (shift - 1);
	return v < 0 ? -((half - v) >> shift) : (v + half) >> shift;
}

/* v*mult*2^-shift, half away from zero, cut to 32 bits */
static int32_t times(int32_t v, int32_t mult, int32_t shift)
{
	const int64_t p = round_shift((int64_t)v * mult, shift);
	return p > INT32_MAX ? INT32_MAX : p < INT32_MIN ? INT32_MIN : (int32_t)p;
}

static int16_t clamp_fine(int32_t v)
{
	return (int16_t)(v > 4095 ? 4095 : v < -4095 ? -4095 : v);
}

static int16_t clamp_logit(int32_t v)
{
	return (int16_t)(v > INT16_MAX ? INT16_MAX : v < -INT16_MAX ? -INT16_MAX : v);
}

package kernel

func dot(x, y []float32) float32             { return dotGeneric(x, y) }
func sum(x []float32) float32                { return sumGeneric(x) }
func sumDot(x, y []float32) (s, d float32)   { return sumDotGeneric(x, y) }
func maxOf(x []float32) float32              { return maxOfGeneric(x) }
func finite(x []float32) bool                { return finiteGeneric(x) }
func axpy(y, x []float32, a float32)         { axpyGeneric(y, x, a) }
func scale(y, x []float32, a float32)        { scaleGeneric(y, x, a) }
func add(dst, x, y []float32)                { addGeneric(dst, x, y) }
func sub(dst, x, y []float32)                { subGeneric(dst, x, y) }
func mul(dst, x, y []float32)                { mulGeneric(dst, x, y) }
func mulAdd(dst, x, y []float32)             { mulAddGeneric(dst, x, y) }
func affine(dst, x []float32, a, b float32)  { affineGeneric(dst, x, a, b) }
func affineVec(dst, x, a, b []float32)       { affineVecGeneric(dst, x, a, b) }
func exp(dst, x []float32)                   { expGeneric(dst, x) }
func log(dst, x []float32)                   { logGeneric(dst, x) }
func sqrt(dst, x []float32)                  { sqrtGeneric(dst, x) }
func softmax(dst, x []float32)               { softmaxGeneric(dst, x) }
func softmaxGrad(dx, dy, y []float32)        { softmaxGradGeneric(dx, dy, y) }
func sumExp(x []float32, m float32) float32  { return sumExpGeneric(x, m) }
func relu(y, x []float32)                    { reluGeneric(y, x) }
func reluGrad(dx, dy, y []float32)           { reluGradGeneric(dx, dy, y) }
func elu(y, x []float32)                     { eluGeneric(y, x) }
func eluGrad(dx, dy, y []float32)            { eluGradGeneric(dx, dy, y) }
func affineELU(y, x []float32, a, b float32) { affineELUGeneric(y, x, a, b) }
func gelu(y, x []float32)                    { geluGeneric(y, x) }
func geluGrad(dx, dy, x []float32)           { geluGradGeneric(dx, dy, x) }
func silu(y, x []float32)                    { siluGeneric(y, x) }
func siluGrad(dx, dy, x []float32)           { siluGradGeneric(dx, dy, x) }
func sigmoid(y, x []float32)                 { sigmoidGeneric(y, x) }
func sigmoidGrad(dx, dy, y []float32)        { sigmoidGradGeneric(dx, dy, y) }
func tanh(y, x []float32)                    { tanhGeneric(y, x) }
func tanhGrad(dx, dy, y []float32)           { tanhGradGeneric(dx, dy, y) }
func layerNorm(y, xhat, x, g, b []float32, eps float32) (rstd float32) {
	return layerNormGeneric(y, xhat, x, g, b, eps)
}

func layerNormGrad(dx, dg, db, dy, xhat, g []float32, rstd float32) {
	layerNormGradGeneric(dx, dg, db, dy, xhat, g, rstd)
}

func normGrad(dx, dy, xhat []float32, k, a, b float32)      { normGradGeneric(dx, dy, xhat, k, a, b) }
func adam(w, g, m, v []float32, p *adamStep)                { adamGeneric(w, g, m, v, p) }
func meanPool(y, x []float32, p, s int)                     { meanPoolGeneric(y, x, p, s) }
func meanPoolGrad(dx, dy []float32, p, s int)               { meanPoolGradGeneric(dx, dy, p, s) }
func maskBits(dst []uint8, seed, block uint64, last uint32) { maskBitsGeneric(dst, seed, block, last) }

func maskScale(dst, x []float32, mask []uint8, scale float32) { maskScaleGeneric(dst, x, mask, scale) }

package dsp

//go:generate go run -C asm ./sections -out ../sos_lanes_amd64.s -stubs ../sos_lanes_amd64.go -pkg dsp

// fused is the most sections that one kernel runs.
const fused = 4

// filtLanes is filt4 for as many samples as come in fours. It returns their number.
func (s SOS) filtLanes(dst, x [][]float64, z [][2]float64) int {
	n := len(x[0]) &^ 3
	if n == 0 || len(s) == 0 {
		return 0
	}
	to := [4]*float64{&dst[0][0], &dst[1][0], &dst[2][0], &dst[3][0]}
	from := [4]*float64{&x[0][0], &x[1][0], &x[2][0], &x[3][0]}
	for i := 0; i < len(s); i += fused {
		k := min(fused, len(s)-i)
		var m [fused][2][4]float64
		for j := range k {
			for ch := range 4 {
				v := z[ch*len(s)+i+j]
				m[j][0][ch], m[j][1][ch] = v[0], v[1]
			}
		}
		switch k {
		case 1:
			sos1Lanes(to, from, n, &s[i].B0, &m[0][0][0])
		case 2:
			sos2Lanes(to, from, n, &s[i].B0, &m[0][0][0])
		case 3:
			sos3Lanes(to, from, n, &s[i].B0, &m[0][0][0])
		default:
			sos4Lanes(to, from, n, &s[i].B0, &m[0][0][0])
		}
		for j := range k {
			for ch := range 4 {
				z[ch*len(s)+i+j] = [2]float64{m[j][0][ch], m[j][1][ch]}
			}
		}
		from = to
	}
	return n
}

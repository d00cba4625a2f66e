//go:build !amd64

package spd

// useAVX is a variable so that the tests compile everywhere.
var useAVX = false

func gemmAVX(_, _, _ *float64, _, _, _, _, _, _, _ int, _ bool) { panic("spd: no AVX here") }
func turnAVX(_, _, _ *float64, _, _, _, _ int)                  { panic("spd: no AVX here") }
func sweep4AVX(_, _, _ *float64, _ *sweepState, _, _ int)       { panic("spd: no AVX here") }
func combineAVX(_, _, _ *float64, _, _, _ int)                  { panic("spd: no AVX here") }
func downdate2AVX(_, _, _ *float64, _, _, _ int)                { panic("spd: no AVX here") }
func downdateAVX(_, _, _ *float64, _, _, _ int)                 { panic("spd: no AVX here") }
func gram3AVX(_ *[9]float64, _, _ *float64, _, _ int)           { panic("spd: no AVX here") }
func shift4AVX(_ *float64, _, _ *[lanes]float64, _, _ int)      { panic("spd: no AVX here") }

func liftAVX(_, _ *float64, _ int, _ float64, _ *[lanes]float64) { panic("spd: no AVX here") }
func lowerAVX(_ *float64, _ int, _ float64)                      { panic("spd: no AVX here") }

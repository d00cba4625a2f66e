// Package dsp holds kernels of signal processing on slices: they know nothing of streams, windows or channels' names.
//
// Recursive filters are cascades of second-order sections (SOS), because the coefficients of one high-order polynomial
// lose the poles of a narrow or low band to rounding. Designs agree with SciPy's to the last few bits, section by section.
package dsp

// Package ica holds kernels of independent component analysis: whitening, FastICA, extended Infomax and Picard, each with
// the steps, defaults and stopping rules of the program that it is named after (scikit-learn, MNE-Python, python-picard), so
// that the same start gives the same components.
//
// The model is x = A·s + mean: channels x, sources s, mixing A. Whiten finds the matrix K that makes the channels
// uncorrelated with variance 1; each algorithm then finds W, and the sources are W·K·(x − mean).
//
// On amd64 with AVX2 and FMA the products and the hyperbolic tangent are in assembly. Fits differ between processors in
// their last bits.
package ica

// Package spd holds kernels on symmetric positive (semi-)definite matrices: the covariance of a window and its
// estimators, an eigensolver for small matrices and the maps, means, distances and tangent spaces that are built on it
// (Solver), a mean that follows a run (Tracker), and the generalised eigenproblem.
//
// EEG covariances are often rank-deficient (an average reference takes one dimension, each independent component that
// was removed another). GeneralEigen and Range work inside the range of a matrix. A Solver needs positive definite
// matrices, and says so with the remedy where it gets another one; the estimators OAS and LedoitWolf give nothing else.
//
// The kernels panic on lengths that only a bug can produce; what the numbers themselves can spoil is an error.
package spd

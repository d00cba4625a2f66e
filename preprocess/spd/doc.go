// Package spd holds kernels on symmetric positive (semi-)definite matrices: the covariance of a window and the
// generalised eigenproblem. EEG covariances are often rank-deficient (an average reference takes one dimension, each
// independent component that was removed another), so nothing here inverts a matrix outside its range.
//
// The kernels panic on lengths that only a bug can produce; what the numbers themselves can spoil is an error.
package spd

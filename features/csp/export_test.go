package csp

// MutualInformation lets the tests see the estimate.
var MutualInformation = mutualInformation

// Package adapt lets a decoder that is in use learn from feedback: from the reward that a controller, a user or an
// error-potential detector gives for a decision.
//
// The decoder itself stays as it is. Beside it runs a Head: for every class a linear model of the reward of deciding for
// it, on features that do not change. It is a contextual bandit with linear values and a ridge, as in LinUCB (Li et al.
// 2010, doi:10.1145/1772690.1772758), that forgets (recursive least squares with a forgetting factor, Haykin 2002, ISBN
// 0-13-090126-1, chapter 9), so that it follows what drifts.
//
// # Safety
//
// A Head begins in the shadow of the running decoder: it computes, and does not act. It goes live when it has been better,
// with a bound on the chance of an error that holds however often one looks (see Comparison). Every step is bounded.
// Monitors freeze it. Snapshots are exact: what is rolled back has the bits that it had. Every piece of feedback leads to
// one Record that says what changed, or why nothing did. Feedback that matches no decision is counted and never guessed
// at. Where decisions move something it never explores.
//
// A Head has no clock and no randomness: time comes with each call, and the same calls give the same bits.
package adapt

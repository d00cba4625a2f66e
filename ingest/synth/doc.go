// Package synth simulates EEG whose truth is known: motor imagery (MotorImagery) and pure noise with labels that mean
// nothing (Noise). It serves tests, and a demonstration where no recording is at hand.
//
// Everything follows from two seeds. Subject fixes what stays with a person: where the sources lie and how they reach
// the electrodes, the frequencies of the rhythms, how well each electrode sits. Run fixes what happens in one
// recording: the order of the trials, the time courses, the blinks. Runs of one Subject share all mixing, so a decoder
// can learn on some and be tested on another. The same options give the same samples, bit for bit, in one build; builds
// with fused multiply-add differ in the last bits. Each part (background, rhythms, blinks, hum, sensor noise) has random
// numbers of its own: switching one off leaves the others as they were, and so does leaving channels out.
//
// What is simulated, and after whom:
//   - potentials of current dipoles in a four-shell sphere (brain, fluid, skull, scalp), as a series of Legendre
//     polynomials whose coefficients meet the boundary conditions of every shell (Zhang 1995,
//     doi:10.1088/0031-9155/40/3/001);
//   - electrodes of the 10-10 system placed by its rule on that sphere (Oostenveld & Praamstra 2001,
//     doi:10.1016/S1388-2457(00)00527-7);
//   - background activity with a power spectrum of 1/f^exponent (Donoghue et al. 2020, doi:10.1038/s41593-020-00744-x)
//     from 100 dipoles all over the brain;
//   - an occipital alpha rhythm and mu rhythms over the hand and foot areas with their beta harmonic; the mu rhythm
//     loses power over the area of the imagined movement, on the other side than the hand (Pfurtscheller & Lopes da
//     Silva 1999, doi:10.1016/S1388-2457(99)00141-8);
//   - blinks, mains hum and the white noise of the amplifier.
//
// What is not: the rebound of beta power behind a movement, power lost on the same side as the hand, eye movements,
// muscles, bad electrodes, drift. A decoder that works here has shown that it can be trained, not that it works.
package synth

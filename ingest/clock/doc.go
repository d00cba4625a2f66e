// Package clock makes sense of the time stamps of live sources: where two clocks stand to each other (Offset), when
// samples that carry jittery stamps were measured, and where samples are missing or the clock jumped (Tracker, Counter).
//
// Everything works in bounded memory, sample by sample: what comes out depends on the samples so far and not on how they
// were cut into chunks.
package clock

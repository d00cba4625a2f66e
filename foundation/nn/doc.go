// Package nn is the network engine: layers with an explicit Forward and Backward, and networks made of them that learn
// on several cores and answer one window at a time without allocating.
//
// Numbers are float32. A Shape is that of one example; a batch is a slice of N examples, one behind the other, each
// row-major. Signals are [channels, time], sequences are [tokens, width].
//
// # Layers
//
// A Layer holds its parameters (exported fields), and after Build the memory it works in, so one Layer value belongs to
// one place in one worker's copy of a network. Layers are sequential code: they start no goroutine and take no lock.
// To add a layer is to write one file that implements Layer, and a gradient check against finite differences
// (nntest.Check).
//
// # Workers
//
// A network is described by a function that makes its layers. New calls it once for each worker; all copies share the
// weights, and each has its own activations, scratch and gradient. In training a batch is cut into one part for each
// worker. Only sums over the batch (the statistics of BatchNorm, the gradient) cross workers, and they are added in the
// order of the workers: with the same seed and the same number of workers every bit of the result is the same. What is
// drawn at random (dropout) depends on the seed, the step and the position in the batch, never on the worker.
//
// # Memory
//
// Weights, statistics that are kept, gradients and moments lie in flat vectors, so that optimisers, clipping and
// checkpoints are single loops. The memory of activations is taken at Build for the largest batch; Forward and Backward
// allocate nothing.
package nn

// Package deep holds networks that decode windows: their definitions, how they are trained, and what the live loop needs
// of them. A network is one file: its hyper-parameters as a struct that embeds Training, a method that makes its layers,
// and a line that registers it.
//
// Every decoder of this package standardises each channel with the mean and the standard deviation of the training
// windows, trains by cross-entropy with AdamW and a cosine schedule. Where there are enough training windows it keeps the
// weights of the epoch with the lowest loss on the last part of them, which are not trained on, otherwise those of the last epoch. Nothing is fitted on other windows than those
// that Fit gets. With the same windows, seed and number of workers it gives the same bits on the same kind of kernels.
package deep

// Package arrowfile reads and writes recordings as Arrow IPC (https://arrow.apache.org/docs/format/Columnar.html), in the
// layout of signal.Schema: a column of float64 for each channel with unit, kind, original name and position in the metadata
// of its field; sample and time_ns; the events of each sample. Rate and reference are in the metadata of the schema. pyarrow
// and polars read such a stream as it is, DuckDB through pyarrow.
//
// A file is a stream of messages: one that ends within a batch, as a program that was killed leaves it, is read up to the
// last whole batch. What other programs have written in this layout is read too, as a stream or with the frame of an Arrow
// file ("ARROW1"), where it is not compressed and no sample is missing.
//
// Each batch is one run of samples: a gap is a jump of sample from one batch to the next. Opening reads the heads of all
// batches; samples are read when they are asked for.
package arrowfile

// Package bids reads and writes trees of the Brain Imaging Data Structure, BIDS, version 1.10
// (https://bids-specification.readthedocs.io; EEG: Pernet et al. 2019, doi:10.1038/s41597-019-0104-8): folders of recordings
// with tables (TSV) and sidecars (JSON) beside them, joined by their names.
package bids

// Version is the version of the specification that is read and written.
const Version = "1.10.0"

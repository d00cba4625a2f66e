// Package all registers every file format, what is known about files from elsewhere, and every live driver of gyrus: import it for its side effects.
package all

import (
	_ "github.com/gyrus-bci/gyrus/ingest/arrowfile"   // Arrow IPC
	_ "github.com/gyrus-bci/gyrus/ingest/bci2000"     // BCI2000 .dat
	_ "github.com/gyrus-bci/gyrus/ingest/bids"        // sidecars of BIDS trees
	_ "github.com/gyrus-bci/gyrus/ingest/blackrock"   // Blackrock .ns1 to .ns6 and .nev
	_ "github.com/gyrus-bci/gyrus/ingest/brainvision" // BrainVision of Brain Products
	_ "github.com/gyrus-bci/gyrus/ingest/cnt"         // Neuroscan .cnt
	_ "github.com/gyrus-bci/gyrus/ingest/edf"         // EDF and EDF+
	_ "github.com/gyrus-bci/gyrus/ingest/eeglab"      // EEGLAB .set and .fdt
	_ "github.com/gyrus-bci/gyrus/ingest/fif"         // FIF of Neuromag and MNE
	_ "github.com/gyrus-bci/gyrus/ingest/gdf"         // GDF 1 and 2
	_ "github.com/gyrus-bci/gyrus/ingest/lsl"         // streams of the lab streaming layer
	_ "github.com/gyrus-bci/gyrus/ingest/parquetfile" // Parquet
	_ "github.com/gyrus-bci/gyrus/ingest/text"        // tables of text: Muse CSV, OpenBCI
	_ "github.com/gyrus-bci/gyrus/ingest/xdf"         // XDF of LabRecorder
)

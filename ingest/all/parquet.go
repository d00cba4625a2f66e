//go:build parquet

package all

import _ "github.com/gyrus-bci/gyrus/ingest/parquetfile" // Parquet: 24 MB of program, so only where it is asked for

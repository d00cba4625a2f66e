// Package parquet reads and writes the columns of Parquet files (https://parquet.apache.org/docs/file-format/) without trusting
// a byte of them. Which columns make a recording is the business of package parquetfile.
//
// Read are columns of int64, double and byte arrays, inside at most one list; data pages of versions 1 and 2; the encodings
// PLAIN, RLE_DICTIONARY and PLAIN_DICTIONARY, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY and
// BYTE_STREAM_SPLIT; pages that are not compressed or by SNAPPY, GZIP, ZSTD and LZ4_RAW. Sums of pages (CRC-32) are checked
// where they are there. What else the format has is refused, and the error says how to write the file anew.
//
// Nothing is read before it is asked for, and of each column no more than one page and its dictionary is in memory. A length
// is held against the file before it is believed:
//
//   - what a page and its dictionary take, packed and unpacked, is at most twice the file and 3 MiB;
//   - all values of the file take at most 1000 times the file and 16 MiB. Recordings are far from that: only constant
//     channels and files that are made to fill memories are not.
package parquet

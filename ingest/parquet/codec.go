package parquet

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// The numbers of CompressionCodec.
const (
	codecNone   = 0
	codecSnappy = 1
	codecGzip   = 2
	codecZstd   = 6
	codecLZ4Raw = 7
)

var codecNames = []string{"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"}

// unpacker undoes compression. Its parts are made when they are needed and used again.
type unpacker struct {
	gz   *gzip.Reader
	zstd *zstd.Decoder
}

// unpack fills dst with what src is of. Neither more nor less must come out of it: memory was taken by what the page says.
func (u *unpacker) unpack(dst, src []byte, codec int) (err error) {
	var n int
	switch codec {
	case codecSnappy:
		if n, err = s2.DecodedLen(src); err == nil && n == len(dst) {
			_, err = s2.Decode(dst, src)
		}
	case codecGzip:
		n, err = u.gunzip(dst, src)
	case codecZstd:
		if u.zstd == nil {
			u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
			if err != nil {
				return err
			}
		}
		var all []byte
		all, err = u.zstd.DecodeAll(src, dst[:0:len(dst)])
		n = len(all)
	case codecLZ4Raw:
		if len(src) > 0 || len(dst) > 0 {
			n, err = lz4.UncompressBlock(src, dst)
		} else {
			n = 0
		}
	default:
		return fmt.Errorf("compressed by %s, must be one of UNCOMPRESSED, SNAPPY, GZIP, ZSTD, LZ4_RAW: write the file again (pyarrow: compression=\"zstd\")", name(codecNames, codec))
	}
	if err != nil {
		return fmt.Errorf("cannot be unpacked (%s): %w", name(codecNames, codec), err)
	}
	if n != len(dst) {
		return fmt.Errorf("%d bytes come out of it (%s), its header says %d", n, name(codecNames, codec), len(dst))
	}
	return nil
}

func (u *unpacker) gunzip(dst, src []byte) (n int, err error) {
	in := bytes.NewReader(src)
	if u.gz == nil {
		u.gz, err = gzip.NewReader(in)
	} else {
		err = u.gz.Reset(in)
	}
	if err != nil {
		return 0, err
	}
	if n, err = io.ReadFull(u.gz, dst); err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	var more [1]byte // the end, where the sum is checked
	k, err := u.gz.Read(more[:])
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n + k, err
}

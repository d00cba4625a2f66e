package fif

import (
	"encoding/binary"
	"fmt"
)

// The kinds of tags.
const (
	tagFileID      = 100
	tagBlockStart  = 104
	tagBlockEnd    = 105
	tagRefRole     = 115
	tagRefName     = 118
	tagNumChannels = 200
	tagRate        = 201
	tagChannel     = 203
	tagDate        = 204
	tagComment     = 206
	tagFirstSample = 208
	tagProjName    = 233
	tagLongName    = 258
	tagBuffer      = 300
	tagSkip        = 301
	tagSkipSamples = 303
	tagProjKind    = 3411
	tagNames       = 3507
	tagProjActive  = 3560
	tagEventList   = 3561
	tagBaselineMin = 3568
	tagBaselineMax = 3569
	tagDropLog     = 3801 // in a block of annotations: the channels of each, as JSON
)

// Values of the field next that are no place in the file.
const (
	nextSequential = 0
	nextNone       = -1
)

const (
	bytesOfTag     = 16 // without its data
	bytesOfID      = 20
	bytesOfChannel = 96
	maxDepth       = 64 // of blocks in one another; files have about five
)

// The kinds of blocks.
const (
	blockInfo        = 101
	blockSubject     = 106
	blockRaw         = 102
	blockContinuous  = 112
	blockChannel     = 113
	blockReference   = 118
	blockShielded    = 119
	blockProjItem    = 314
	blockBad         = 359
	blockEvents      = 361
	blockAnnotations = 3810
)

// otherFiles are blocks that show what a file without raw data is.
var otherFiles = map[int32]string{
	104: "averages (evoked responses)", 310: "a boundary-element model", 351: "a source space", 352: "a forward solution",
	355: "a covariance matrix", 373: "epochs", 374: "an independent component analysis",
}

// tag is the head of a tag.
type tag struct {
	at   int64 // of its first byte
	kind int32
	typ  uint32
	size int64 // bytes of data; those that are there where the file is cut
}

// data is the first byte of the data.
func (t tag) data() int64 { return t.at + bytesOfTag }

// block is the innermost block that a tag is in.
type block struct {
	kind int32
	at   int64 // of the tag that began it
}

// walk calls visit for every tag, in order, with the innermost block around it (kind 0 outside of all). Blocks themselves
// are tags of the block that holds them. A file that ends too early ends the walk and is listed; a buffer of samples that
// the end lies in is visited with what is left of it.
func (s *source) walk(visit func(t tag, in block) error) error {
	blocks := []block{{}}
	head := &s.head
	for at := int64(0); ; {
		if at > s.size-bytesOfTag {
			s.cutAt(at, "tag")
			return nil
		}
		if err := s.read(head[:], at, "tag"); err != nil {
			return err
		}
		t := tag{at: at, kind: int32(binary.BigEndian.Uint32(head[0:])), typ: binary.BigEndian.Uint32(head[4:]), size: int64(int32(binary.BigEndian.Uint32(head[8:])))}
		next := int64(int32(binary.BigEndian.Uint32(head[12:])))
		if t.size < 0 {
			return s.errorf(at+8, "size of tag", "is %d, must be at least 0", t.size)
		}
		if next != nextSequential && next != nextNone && next < t.data()+t.size {
			return s.errorf(at+12, "next tag", "is at byte %d, must be 0, -1 or a byte behind this tag, which ends at %d", next, t.data()+t.size)
		}
		if left := s.size - t.data(); t.size > left {
			s.cutAt(at, fmt.Sprintf("tag %d, which has %d bytes", t.kind, t.size))
			if t.kind != tagBuffer {
				return nil
			}
			t.size = left
			return visit(t, blocks[len(blocks)-1])
		}
		if t.kind == tagBlockEnd {
			kind, err := s.integer(t, "end of block")
			if err != nil {
				return err
			}
			if inner := blocks[len(blocks)-1]; len(blocks) == 1 || inner.kind != kind {
				return s.errorf(at, "end of block", "ends block %d where block %d is open", kind, inner.kind)
			}
			blocks = blocks[:len(blocks)-1]
		}
		if err := visit(t, blocks[len(blocks)-1]); err != nil {
			return err
		}
		if t.kind == tagBlockStart {
			kind, err := s.integer(t, "start of block")
			if err != nil {
				return err
			}
			if len(blocks) > maxDepth {
				return s.errorf(at, "start of block", "more than %d blocks lie in one another", maxDepth)
			}
			blocks = append(blocks, block{kind, at})
		}
		switch next {
		case nextSequential:
			at = t.data() + t.size
		case nextNone:
			if len(blocks) > 1 {
				inner := blocks[len(blocks)-1]
				s.deviate(inner.at, "start of block", "every block ends", fmt.Sprintf("block %d does not", inner.kind), "it ends with the file")
			}
			return nil
		default:
			at = next
		}
	}
}

// cutAt lists that the file ends within a tag.
func (s *source) cutAt(at int64, what string) {
	s.cut = fmt.Sprintf("the file ends at byte %d, within the %s at byte %d", s.size, what, at)
	if at >= s.size {
		s.cut = fmt.Sprintf("the file ends at byte %d without a last tag", s.size)
	}
	s.deviate(min(at, s.size), "tag", "a tag whose next is -1 ends the file", s.cut, "it was cut off: what is there is read")
}

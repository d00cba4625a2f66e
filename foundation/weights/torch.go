package weights

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// archive is a zip file of torch.save: <prefix>/data.pkl, <prefix>/data/<key> for each storage, <prefix>/version and,
// since 2.1, <prefix>/byteorder.
type archive struct {
	r       io.ReaderAt
	prefix  string
	members map[string]member
	big     bool // values are big-endian
	made    map[string]*storage
}

// member is a file in the archive: size bytes at the offset at. Nothing is compressed.
type member struct {
	at, size int64
	crc      uint32
}

// openTorch reads the pickle of a checkpoint and where its values lie, but no values.
func openTorch(r io.ReaderAt, size int64) (*Reader, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	if err := a.about(); err != nil {
		return nil, err
	}
	data, err := a.whole("data.pkl", maxPickle)
	if err != nil {
		return nil, err
	}
	root, err := unpickle(data, a.storage)
	if err != nil {
		return nil, err
	}
	return flatten(root, size)
}

// openArchive checks the directory of a zip file: members that are stored as they are, do not overlap, and lie inside
// the file. What they unpack to is therefore never more than the file itself.
func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("a zip file whose directory cannot be read, it may be cut short: %w", err)
	}
	a := &archive{r: r, members: make(map[string]member, len(z.File)), made: map[string]*storage{}}
	for _, f := range z.File {
		if _, twice := a.members[f.Name]; twice {
			return nil, fmt.Errorf("zip directory: %.80q stands twice", f.Name)
		}
		if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 || f.Flags&1 != 0 {
			return nil, fmt.Errorf("zip directory: %.80q is compressed or encrypted (method %d, %d to %d bytes), torch.save stores as it is: unpack, and pack again with zip -0",
				f.Name, f.Method, f.CompressedSize64, f.UncompressedSize64)
		}
		at, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("zip directory: %.80q: %w", f.Name, err)
		}
		if f.UncompressedSize64 > uint64(size-min(at, size)) {
			return nil, fmt.Errorf("zip directory: %.80q has %d bytes from byte %d on, the file has %d: it is cut short or altered", f.Name, f.UncompressedSize64, at, size)
		}
		a.members[f.Name] = member{at, int64(f.UncompressedSize64), f.CRC32}
		if dir, base := path.Split(f.Name); base == "data.pkl" && strings.Count(dir, "/") == 1 {
			if a.prefix != "" {
				return nil, errors.New("zip directory: data.pkl stands in two folders, must be in one")
			}
			a.prefix = dir
		}
	}
	if a.prefix == "" {
		return nil, errors.New("zip directory: no folder with data.pkl: a zip file, but not one of torch.save")
	}
	return a, a.disjoint()
}

// disjoint refuses members that share bytes, with which a small archive unpacks to a huge one.
func (a *archive) disjoint() error {
	all := make([]member, 0, len(a.members))
	for _, m := range a.members {
		if m.size > 0 {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(x, y member) int { return int(min(max(x.at-y.at, -1), 1)) })
	for i := 1; i < len(all); i++ {
		if all[i].at < all[i-1].at+all[i-1].size {
			return fmt.Errorf("zip directory: two members share byte %d, must lie behind each other", all[i].at)
		}
	}
	return nil
}

// about reads version and byteorder, and refuses programs.
func (a *archive) about() error {
	if _, ok := a.members[a.prefix+"constants.pkl"]; ok {
		return errors.New("a TorchScript archive, which is a program: write its weights in Python with torch.save(torch.jit.load(path).state_dict(), path)")
	}
	const known = 10 // kMaxSupportedFileFormatVersion of torch
	text, err := a.whole("version", 16)
	if err != nil {
		return err
	}
	if v, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || v < 1 || v > known {
		return fmt.Errorf("%sversion: is %q, must be 1 to %d", a.prefix, text, known)
	}
	if _, ok := a.members[a.prefix+"byteorder"]; !ok {
		return nil // little: torch before 2.1 wrote no other
	}
	order, err := a.whole("byteorder", 16)
	if err != nil {
		return err
	}
	switch string(order) {
	case "little":
	case "big":
		a.big = true
	default:
		return fmt.Errorf("%sbyteorder: is %q, must be \"little\" or \"big\"", a.prefix, order)
	}
	return nil
}

// whole is the content of a small member.
func (a *archive) whole(name string, most int64) ([]byte, error) {
	m, ok := a.members[a.prefix+name]
	if !ok {
		return nil, fmt.Errorf("zip directory: no %s%s: the checkpoint is not complete", a.prefix, name)
	}
	if m.size > most {
		return nil, fmt.Errorf("%s%s: has %d bytes, must have at most %d", a.prefix, name, m.size, most)
	}
	data := make([]byte, m.size)
	if err := readFull(a.r, data, m.at); err != nil {
		return nil, err
	}
	if got := crc32.ChecksumIEEE(data); got != m.crc {
		return nil, fmt.Errorf("%s%s: %w", a.prefix, name, altered(got, m.crc))
	}
	return data, nil
}

func altered(got, want uint32) error {
	return fmt.Errorf("CRC-32 is %08x, the directory says %08x: altered, or written after torch.serialization.set_crc32_options(False)", got, want)
}

// storage is a row of values of one type that tensors are views of.
type storage struct {
	key    string
	dtype  string
	values int64
	big    bool
	sound  func() error // compares the checksum, once
	data   *io.SectionReader
}

// storage finds the member of a persistent identifier.
func (a *archive) storage(key, dtype string, values int64) (*storage, error) {
	name := a.prefix + "data/" + key
	m, ok := a.members[name]
	if !ok {
		return nil, fmt.Errorf("storage %.80q: the archive has no %.80q", key, name)
	}
	if width := int64(dtypes[dtype].size); values != m.size/width || m.size%width != 0 {
		return nil, fmt.Errorf("storage %.80q: %d values of %s, the archive has %d bytes of %d each", key, values, dtype, m.size, width)
	}
	if s, ok := a.made[key]; ok && s.dtype == dtype {
		return s, nil
	}
	s := &storage{key: key, dtype: dtype, values: values, big: a.big, data: io.NewSectionReader(a.r, m.at, m.size)}
	s.sound = sync.OnceValue(func() error {
		h := crc32.NewIEEE()
		if _, err := io.Copy(h, io.NewSectionReader(a.r, m.at, m.size)); err != nil {
			return err
		}
		if h.Sum32() != m.crc {
			return fmt.Errorf("%s: %w", name, altered(h.Sum32(), m.crc))
		}
		return nil
	})
	a.made[key] = s
	return s, nil
}

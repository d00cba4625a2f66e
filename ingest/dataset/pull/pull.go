// Package pull fetches the files of a data set over HTTP: what was broken off goes on where it ended, and a file gets its
// name only when its SHA-256 is right.
//
// While it is fetched, a file is called .NAME.part, beside .NAME.part.json, which says of which version on the server it is a
// part. Content with a wrong SHA-256 is kept as .NAME.rejected, for somebody to look at; it is never used.
package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// ListFile is the list of hashes, as sha256sum writes it, that PhysioNet has beside the files of every data set. It is kept in
// the folder.
const ListFile = "SHA256SUMS.txt"

// File is a file of a data set.
type File struct {
	Path   string // below the folder, with slashes
	SHA256 string
	Bytes  int64 // -1 where nobody knows
}

// Options say what to fetch, from where to where.
type Options struct {
	Folder string // of the data set, on this machine
	Base   string // the address of the folder on the server
	// HasList says that ListFile is in the folder on the server; otherwise Known are all files that there are.
	HasList bool
	Known   []File                 // files whose hash is known before anything is asked
	Want    func(path string) bool // whether a file is wanted; nil means all

	Offline  bool // never touch the network
	DryRun   bool // write nothing
	Replace  bool // fetch files again that are there and differ
	Parallel int  // files at a time; 0 means 4
	Retries  int  // of a request that failed, without a byte more than before; -1 means none, 0 means 5

	Client *http.Client                                        // nil means NewClient
	Free   func(dir string) (int64, error)                     // nil means Free
	Wait   func(ctx context.Context, d time.Duration) error    // before another try; nil waits
	Stall  time.Duration                                       // how long a server may send nothing; 0 means a minute
	Bytes  func(n int64)                                       // told how many bytes came, nil: nobody; called from several goroutines
	Note   func(text string)                                   // told what happens, a line each; nil: nobody; never called twice at a time
	Create func(name string, flag int) (io.WriteCloser, error) // nil opens the file: for tests of full disks
}

// State is how a file stands before it is fetched.
type State string

// The states.
const (
	Here      State = "here"      // complete, with the right SHA-256
	Missing   State = "missing"   // not there
	Part      State = "part"      // begun
	Different State = "different" // there, with another SHA-256
)

// Item is a file of a plan.
type Item struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"` // -1 where nobody knows, which only happens offline
	State  State  `json:"state"`
	Have   int64  `json:"have"` // bytes that are there already, of a part
	// Problem is why it cannot be fetched, where the server has said so already.
	Problem string `json:"problem,omitempty"`

	known bool // Bytes is not what a server said
}

// Plan is what a pull will do.
type Plan struct {
	Items []Item
	Need  int64 // bytes to fetch
	Free  int64 // bytes that the disk has left; -1 where the system does not say

	o       Options
	base    *url.URL
	release func() error
}

// Error is why a file was not fetched.
type Error struct {
	Path string
	Err  error
}

// Error is one line.
func (e *Error) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrBusy is that another pull is at work in the folder.
var ErrBusy = errors.New("another gyrus data pull is at work there: wait for its end")

// ErrSpace is that the disk has not enough room.
var ErrSpace = errors.New("not enough room on the disk")

// Make looks at what is there and asks the server for what is not known: the list of files, and lengths. Whoever gets a plan
// closes it. Without Offline and DryRun the folder is locked, and made where it is not there.
func Make(ctx context.Context, o Options) (_ *Plan, err error) {
	o.defaults()
	p := &Plan{o: o, release: func() error { return nil }, Free: -1}
	if p.base, err = ParseBase(o.Base); err != nil {
		return nil, err
	}
	if o.Client == nil {
		if err := checkProxies(); err != nil {
			return nil, err
		}
		p.o.Client = NewClient()
	}
	if !o.Offline && !o.DryRun {
		if p.release, err = lock(o.Folder); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	files, err := p.files(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if o.Want != nil && !o.Want(f.Path) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		it, err := p.look(f)
		if err != nil {
			return nil, err
		}
		p.Items = append(p.Items, it)
	}
	if !o.Offline {
		if err := p.lengths(ctx); err != nil {
			return nil, err
		}
	}
	for _, it := range p.Items {
		if p.fetches(it) && it.Bytes > 0 {
			p.Need += it.Bytes - it.Have
		}
	}
	switch free, err := o.Free(existing(o.Folder)); {
	case errors.Is(err, errors.ErrUnsupported): // Free stays -1
	case err != nil:
		return nil, fmt.Errorf("the room on the disk of %s: %w", o.Folder, err)
	default:
		p.Free = free
	}
	return p, nil
}

func (o *Options) defaults() {
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Retries == 0 {
		o.Retries = 5
	}
	if o.Free == nil {
		o.Free = Free
	}
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Bytes == nil {
		o.Bytes = func(int64) {}
	}
	note, one := o.Note, new(sync.Mutex)
	o.Note = func(text string) {
		if note != nil {
			one.Lock()
			defer one.Unlock()
			note(text)
		}
	}
	if o.Create == nil {
		o.Create = func(name string, flag int) (io.WriteCloser, error) { return os.OpenFile(name, flag, 0o666) }
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// existing is dir, or the nearest folder above it that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return dir
		}
		dir = up
	}
}

// lock makes the folder and keeps other pulls out of it until release. The file stays: to remove it would let two in.
func lock(folder string) (release func() error, err error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(folder, ".gyrus-pull.lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	switch ok, err := tryLock(f); {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("%s: %w", f.Name(), err), f.Close())
	case !ok:
		return nil, errors.Join(fmt.Errorf("%s: %w", folder, ErrBusy), f.Close())
	}
	return f.Close, nil
}

// Close lets others into the folder.
func (p *Plan) Close() error { return p.release() }

// From is the address of the folder on the server, without what may be secret in it.
func (p *Plan) From() string { return shown(p.base) }

// fetches says whether a file is one to fetch.
func (p *Plan) fetches(it Item) bool {
	return it.Problem == "" && (it.State == Missing || it.State == Part || it.State == Different && p.o.Replace)
}

// files are those that there are: what is known, and what the list says.
func (p *Plan) files(ctx context.Context) ([]File, error) {
	all := map[string]File{}
	for _, f := range p.o.Known {
		if !safe(f.Path) {
			return nil, fmt.Errorf("%q is no path below a folder", f.Path)
		}
		all[f.Path] = f
	}
	sums, err := p.list(ctx)
	if err != nil {
		return nil, err
	}
	for name, sum := range sums {
		f, known := all[name]
		if known && f.SHA256 != sum {
			return nil, fmt.Errorf("%s says that %s has SHA-256 %s, but it had %s when gyrus read it: the server has another version; nothing is fetched", ListFile, name, sum, f.SHA256)
		}
		if !known {
			all[name] = File{Path: name, SHA256: sum, Bytes: -1}
		}
	}
	out := make([]File, 0, len(all))
	for _, f := range all {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// list is the list of hashes, from the folder or else from the server.
func (p *Plan) list(ctx context.Context) (map[string]string, error) {
	if !p.o.HasList {
		return nil, nil
	}
	name := filepath.Join(p.o.Folder, ListFile)
	data, err := os.ReadFile(name)
	if err == nil {
		return ParseSums(name, data)
	}
	if !errors.Is(err, os.ErrNotExist) || p.o.Offline {
		if errors.Is(err, os.ErrNotExist) {
			p.o.Note("the list of all files was never fetched: only those that gyrus has read are known")
			err = nil
		}
		return nil, err
	}
	u := below(p.base, ListFile)
	if data, err = p.small(ctx, u); err != nil {
		return nil, fmt.Errorf("%s: %w", shown(u), err)
	}
	sums, err := ParseSums(shown(u), data)
	if err != nil || p.o.DryRun {
		return sums, err
	}
	part := hidden(name, ".part") // one name, so that kills do not leave many
	if err := os.WriteFile(part, data, 0o666); err != nil {
		return nil, full(err, name)
	}
	return sums, os.Rename(part, name)
}

// small fetches a short file into memory.
func (p *Plan) small(ctx context.Context, u *url.URL) (data []byte, err error) {
	err = p.tries(ctx, u, func() (bool, error) {
		ctx, came, done := p.watch(ctx)
		defer done()
		resp, err := p.get(ctx, http.MethodGet, u, nil)
		if err != nil {
			return false, stalled(ctx, err)
		}
		if resp.StatusCode != http.StatusOK {
			return false, errors.Join(refused(resp), resp.Body.Close())
		}
		if err := encoded(resp, u.Path); err != nil {
			return false, errors.Join(err, resp.Body.Close())
		}
		if data, err = io.ReadAll(io.LimitReader(&watched{resp.Body, came}, maxList+1)); err == nil && len(data) > maxList {
			err = fatal{fmt.Errorf("has more than %d bytes", maxList)}
		}
		return false, errors.Join(stalled(ctx, err), resp.Body.Close())
	})
	return data, err
}

// look says how a file stands.
func (p *Plan) look(f File) (Item, error) {
	it := Item{Path: f.Path, SHA256: f.SHA256, Bytes: f.Bytes, State: Missing, known: f.Bytes >= 0}
	name := p.name(f.Path)
	st, err := os.Stat(name)
	switch {
	case err == nil && !st.Mode().IsRegular():
		return it, fmt.Errorf("%s is there and is no file", name)
	case err == nil:
		it.State = Different
		if f.Bytes < 0 || st.Size() == f.Bytes {
			sum, err := hashFile(name)
			if err != nil {
				return it, err
			}
			if sum == f.SHA256 {
				it.State, it.Bytes = Here, st.Size()
			}
		}
		return it, nil
	case !errors.Is(err, os.ErrNotExist):
		return it, err
	}
	if m, n := readMeta(name, f); m != nil && n > 0 {
		it.State, it.Have = Part, n
		if it.Bytes < 0 {
			it.Bytes = m.Bytes
		}
	}
	return it, nil
}

func (p *Plan) name(path string) string { return filepath.Join(p.o.Folder, filepath.FromSlash(path)) }

// many is so many requests that they take more than a moment.
const many = 50

// lengths asks for the lengths that are not known.
func (p *Plan) lengths(ctx context.Context) error {
	var ask []int
	for i, it := range p.Items {
		if p.fetches(it) && it.Bytes < 0 {
			ask = append(ask, i)
		}
	}
	if len(ask) > many {
		p.o.Note(fmt.Sprintf("asking for the lengths of %d files", len(ask)))
	}
	for k, err := range p.each(ctx, len(ask), func(ctx context.Context, k int) (err error) {
		it := &p.Items[ask[k]]
		it.Bytes, err = p.length(ctx, below(p.base, it.Path))
		return err
	}) {
		var given lost
		switch it := &p.Items[ask[k]]; {
		case errors.As(err, &given):
			return &Error{it.Path, err}
		case err != nil && ctx.Err() == nil:
			it.Bytes, it.Problem = -1, err.Error()
		}
	}
	return ctx.Err()
}

// length asks the server how long a file is.
func (p *Plan) length(ctx context.Context, u *url.URL) (n int64, err error) {
	err = p.tries(ctx, u, func() (bool, error) {
		ctx, _, done := p.watch(ctx)
		defer done()
		resp, err := p.get(ctx, http.MethodHead, u, nil)
		if err != nil {
			return false, stalled(ctx, err)
		}
		if onlyGet(resp) {
			if err := resp.Body.Close(); err != nil {
				return false, err
			}
			if resp, err = p.get(ctx, http.MethodGet, u, nil); err != nil { // its body is not read
				return false, stalled(ctx, err)
			}
		}
		if resp.StatusCode != http.StatusOK {
			return false, errors.Join(refused(resp), resp.Body.Close())
		}
		if err := encoded(resp, u.Path); err != nil {
			return false, errors.Join(err, resp.Body.Close())
		}
		if n = resp.ContentLength; n < 0 {
			return false, errors.Join(errNoLength, resp.Body.Close())
		}
		return false, resp.Body.Close()
	})
	return n, err
}

// onlyGet says that a server may tell the length in answer to GET, which it does not to HEAD: stores behind signed addresses
// forbid it, and pages that are made on the fly have none.
func onlyGet(resp *http.Response) bool {
	_, asks := wish(resp.Header)
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return !asks
	case http.StatusOK:
		return resp.ContentLength < 0
	}
	return false
}

// each does n things, o.Parallel at a time. After a full disk, where the server is lost, or ctx is done, none is begun.
func (p *Plan) each(ctx context.Context, n int, do func(ctx context.Context, i int) error) []error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, n)
	next := make(chan int)
	var done sync.WaitGroup
	for range min(p.o.Parallel, n) {
		done.Go(func() {
			for i := range next {
				errs[i] = do(ctx, i)
				var gone lost
				if errors.Is(errs[i], ErrSpace) || errors.As(errs[i], &gone) {
					stop()
				}
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		errs[i] = ctx.Err()
	}
	close(next)
	done.Wait()
	return errs
}

// Result is what a pull did.
type Result struct {
	Fetched []string `json:"fetched"` // paths
	Failed  []*Error `json:"-"`
	Left    []string `json:"left"`  // not begun, since the server was lost or the disk full
	Bytes   int64    `json:"bytes"` // that came over the network, tries that failed included
}

// Run fetches what is missing. An error is one that stopped all: too little room, or ctx was done; what failed of single files
// is in the result. What has come so far stays, and the next pull goes on with it.
func (p *Plan) Run(ctx context.Context) (Result, error) {
	r := Result{Fetched: []string{}, Left: []string{}}
	if p.o.Offline || p.o.DryRun {
		return r, nil
	}
	if p.Free >= 0 && p.Need > p.Free {
		return r, fmt.Errorf("%w of %s: %s are needed, %s are free", ErrSpace, p.o.Folder, Size(p.Need), Size(p.Free))
	}
	var todo []Item
	for _, it := range p.Items {
		switch {
		case p.fetches(it):
			todo = append(todo, it)
		case it.Problem != "":
			r.Failed = append(r.Failed, &Error{it.Path, errors.New(it.Problem)})
		case it.State == Different:
			r.Failed = append(r.Failed, &Error{it.Path, errors.New("is there with another SHA-256 and is left alone: move it away, or add --replace")})
		}
	}
	var mu sync.Mutex
	count := p.o.Bytes
	p.o.Bytes = func(n int64) {
		mu.Lock()
		r.Bytes += n
		mu.Unlock()
		count(n)
	}
	errs := p.each(ctx, len(todo), func(ctx context.Context, i int) error {
		err := p.fetch(ctx, todo[i])
		if err == nil {
			p.o.Note(fmt.Sprintf("%s  %s", todo[i].Path, Size(todo[i].Bytes)))
		}
		return err
	})
	var full error
	for i, err := range errs {
		switch e := (&Error{todo[i].Path, err}); {
		case err == nil:
			r.Fetched = append(r.Fetched, e.Path)
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			r.Left = append(r.Left, e.Path)
		case errors.Is(err, ErrSpace):
			full = e
		default:
			r.Failed = append(r.Failed, e)
		}
	}
	return r, errors.Join(full, ctx.Err())
}

// Size is a number of bytes for people: 1.3 MB, in powers of 1000 as disks are sold.
func Size(n int64) string {
	if n < 0 {
		return "? B"
	}
	x, k := float64(n), 0
	for ; x >= 999.5 && k < 4; k++ {
		x /= 1000
	}
	if k == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.3g %s", x, []string{"", "kB", "MB", "GB", "TB"}[k])
}

// hidden is the name of a file of our own beside the file called name: .NAME.part.
func hidden(name, ending string) string {
	return filepath.Join(filepath.Dir(name), "."+path.Base(filepath.ToSlash(name))+ending)
}

package pull_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/dataset/pull"
)

// server hands out files, and misbehaves as a test asks.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	files    map[string][]byte
	etag     string // "" sends none
	noRange  bool
	cut      int                                                          // break the line after so many bytes of a body; 0 never
	before   func(w http.ResponseWriter, r *http.Request) (answered bool) // may answer instead
	requests []string                                                     // "GET /a Range: bytes=5-"
	now, top int                                                          // requests at the same time
}

func newServer(t *testing.T, files map[string][]byte) *server {
	t.Helper()
	s := &server{files: files, etag: `"v1"`}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// sums is the list of the hashes of all files.
func sums(files map[string][]byte) []byte {
	var b bytes.Buffer
	for name, data := range files {
		if name != "/"+pull.ListFile {
			fmt.Fprintf(&b, "%s %s\n", sum(data), strings.TrimPrefix(name, "/"))
		}
	}
	return b.Bytes()
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	line := r.Method + " " + r.URL.Path
	if g := r.Header.Get("Range"); g != "" {
		line += " " + g + " if " + r.Header.Get("If-Range")
	}
	s.requests = append(s.requests, line)
	s.now++
	s.top = max(s.top, s.now)
	data, ok := s.files[r.URL.Path]
	etag, noRange, cut, before := s.etag, s.noRange, s.cut, s.before
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	if before != nil && before(w, r) {
		return
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	if noRange {
		r.Header.Del("Range")
	}
	if cut > 0 && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".edf") {
		w = &cutter{w, cut}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// cutter breaks the line after n bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) > c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// asked are the requests so far, which are then forgotten.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests
	s.requests = nil
	return r
}

func (s *server) set(change func(s *server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// study is a server with a list and three files.
func study(t *testing.T) *server {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	files := map[string][]byte{"/S001/S001R01.edf": random(300_000), "/S001/S001R02.edf": random(97), "/info [1].csv": []byte("a,b\n")}
	files["/"+pull.ListFile] = sums(files)
	return newServer(t, files)
}

// opened is the plan of a pull that does not wait between tries, and its end.
func plan(t *testing.T, s *server, dir string, change func(o *pull.Options)) (*pull.Plan, error) {
	t.Helper()
	o := pull.Options{Folder: dir, Base: s.URL, HasList: true, Retries: -1, Wait: func(context.Context, time.Duration) error { return nil }}
	if change != nil {
		change(&o)
	}
	p, err := pull.Make(t.Context(), o)
	if err == nil {
		t.Cleanup(func() { _ = p.Close() })
	}
	return p, err
}

// pulled does all of a pull.
func pulled(t *testing.T, s *server, dir string, change func(o *pull.Options)) (pull.Result, error) {
	t.Helper()
	p, err := plan(t, s, dir, change)
	if err != nil {
		return pull.Result{}, err
	}
	r, err := p.Run(t.Context())
	return r, errors.Join(err, p.Close())
}

// complete checks that the folder has every file of the server, and nothing else but the lock.
func complete(t *testing.T, s *server, dir string) {
	t.Helper()
	for name, want := range s.files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d; %v", name, len(got), len(want), err)
		}
	}
	if left := hiddenFiles(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func hiddenFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".") && d.Name() != ".gyrus-pull.lock" {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

const r01 = "S001/S001R01.edf"

// TestPullTwice: the second pull asks the server for nothing.
func TestPullTwice(t *testing.T) {
	s, dir := study(t), filepath.Join(t.TempDir(), "new", "study")
	r, err := pulled(t, s, dir, nil)
	if err != nil || len(r.Fetched) != 3 || len(r.Failed) != 0 || r.Bytes != 300_000+97+4 {
		t.Fatalf("%+v, %v", r, err)
	}
	complete(t, s, dir)
	s.asked()
	r, err = pulled(t, s, dir, nil)
	if asked := s.asked(); err != nil || len(r.Fetched) != 0 || len(asked) != 0 {
		t.Errorf("again: %+v, %v, asked %v", r, err, asked)
	}
}

// TestWanted: only what is wanted is asked for.
func TestWanted(t *testing.T) {
	s, dir := study(t), t.TempDir()
	r, err := pulled(t, s, dir, func(o *pull.Options) { o.Want = func(p string) bool { return p == "S001/S001R02.edf" } })
	want := []string{"GET /" + pull.ListFile, "HEAD /S001/S001R02.edf", "GET /S001/S001R02.edf"}
	if asked := s.asked(); err != nil || len(r.Fetched) != 1 || !slices.Equal(asked, want) {
		t.Errorf("%+v, %v, asked %v", r, err, asked)
	}
}

// TestResumeAtEveryByte: whatever part of a file is there, only the rest is asked for, and the file is right.
func TestResumeAtEveryByte(t *testing.T) {
	s := study(t)
	const name = "S001/S001R02.edf"
	data := s.files["/"+name]
	for n := range len(data) + 1 {
		dir := t.TempDir()
		s.set(func(s *server) { s.cut = 1 })
		if r, err := pulled(t, s, dir, func(o *pull.Options) { o.Want = func(p string) bool { return p == name } }); err != nil || len(r.Failed) != 1 {
			t.Fatalf("cut off: %+v, %v", r, err)
		}
		s.set(func(s *server) { s.cut = 0 })
		if err := os.WriteFile(filepath.Join(dir, "S001", ".S001R02.edf.part"), data[:n], 0o600); err != nil { // as if killed there
			t.Fatal(err)
		}
		s.asked()
		r, err := pulled(t, s, dir, func(o *pull.Options) { o.Want = func(p string) bool { return p == name } })
		want := []string{fmt.Sprintf("GET /%s bytes=%d- if \"v1\"", name, n)}
		switch n {
		case 0:
			want = []string{"HEAD /" + name, "GET /" + name}
		case len(data):
			want = nil
		}
		if asked := s.asked(); err != nil || len(r.Fetched) != 1 || !slices.Equal(asked, want) || r.Bytes != int64(len(data)-n) {
			t.Fatalf("from byte %d: %+v, %v, asked %v, want %v", n, r, err, asked, want)
		}
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("from byte %d: %v", n, err)
		}
	}
}

// TestBrokenLines: a server that breaks off after every 10,000 bytes is asked again and again, each time for the rest.
func TestBrokenLines(t *testing.T) {
	s, dir := study(t), t.TempDir()
	s.set(func(s *server) { s.cut = 10_000 })
	var waits []time.Duration
	r, err := pulled(t, s, dir, func(o *pull.Options) {
		o.Retries, o.Want = 2, func(p string) bool { return p == r01 }
		o.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	})
	if err != nil || len(r.Failed) != 0 || r.Bytes != 300_000 {
		t.Fatalf("%+v, %v", r, err)
	}
	if n := len(s.asked()); n != 2+30 || len(waits) != 29 || slices.Max(waits) != time.Second {
		t.Errorf("%d requests, %d waits of up to %v", n, len(waits), slices.Max(waits))
	}
	if got, err := os.ReadFile(filepath.Join(dir, r01)); err != nil || sum(got) != sum(s.files["/"+r01]) {
		t.Errorf("%v", err)
	}
}

// TestServers: what servers do, and what becomes of the file of which a part is there.
func TestServers(t *testing.T) {
	answer := func(f func(w http.ResponseWriter)) func(s *server) {
		return func(s *server) {
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodHead || !strings.HasSuffix(r.URL.Path, ".edf") {
					return false
				}
				f(w)
				return true
			}
		}
	}
	for name, c := range map[string]struct {
		then  func(s *server) // after a part of the file has come
		want  string          // in the error; "" where the file comes
		bytes int64           // that come over the network in the end; -1 any
		aside bool            // content is kept aside
	}{
		"goes on":               {func(*server) {}, "", 290_000, false},
		"no ranges":             {func(s *server) { s.noRange = true }, "", 300_000, false},
		"changed, new tag":      {func(s *server) { s.etag = `"v2"` }, "", 300_000, false},
		"no tag":                {func(s *server) { s.etag = "" }, "", 300_000, false},
		"weak tag":              {func(s *server) { s.etag = `W/"v1"` }, "", 300_000, false},
		"gone":                  {func(s *server) { delete(s.files, "/"+r01) }, "404", 0, false},
		"account":               {answer(func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }), "account", 0, false},
		"busy":                  {answer(func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }), "503", 0, false},
		"other length":          {func(s *server) { s.files["/"+r01], s.etag = s.files["/"+r01][:200_000], `"v2"` }, "", -1, false},
		"other content":         {func(s *server) { s.files["/"+r01], s.etag = make([]byte, 300_000), `"v2"` }, "SHA-256", -1, true},
		"other content, no tag": {func(s *server) { s.files["/"+r01], s.etag = make([]byte, 300_000), "" }, "SHA-256", -1, true},
		"a web page":            {func(s *server) { s.files["/"+r01], s.etag = []byte("<!DOCTYPE html><p>Log in!"), `"v2"` }, "web page", -1, true},
		"compressed":            {answer(func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "gzip"); _, _ = w.Write([]byte("x")) }), "as gzip", 0, false},
		"no length":             {answer(func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }), "how long", 0, false},
		"other range": {answer(func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 5-299999/300000")
			w.WriteHeader(http.StatusPartialContent)
		}), "from 5", -1, false},
		"bad range": {answer(func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 5-7")
			w.WriteHeader(http.StatusPartialContent)
		}), "Content-Range", 0, false},
		"not satisfiable": {answer(func(w http.ResponseWriter) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) }), "shorter", -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := study(t), t.TempDir()
			only := func(o *pull.Options) { o.Want = func(p string) bool { return p == r01 } }
			s.set(func(s *server) { s.cut = 10_000 })
			if r, err := pulled(t, s, dir, only); err != nil || len(r.Failed) != 1 || r.Bytes != 10_000 {
				t.Fatalf("%+v, %v", r, err)
			}
			right := s.files["/"+r01]
			s.set(func(s *server) { s.cut = 0; c.then(s) })
			r, err := pulled(t, s, dir, func(o *pull.Options) { only(o); o.Retries = 1 })
			if name == "other length" { // the list still has the hash of the old one
				c.want, c.aside = "SHA-256", true
			}
			if err != nil || (c.want == "") != (len(r.Failed) == 0) || (c.bytes >= 0 && r.Bytes != c.bytes) {
				t.Fatalf("%+v, %v", r, err)
			}
			got, err := os.ReadFile(filepath.Join(dir, r01))
			if c.want != "" {
				if !strings.Contains(r.Failed[0].Error(), c.want) {
					t.Errorf("%v, want %q", r.Failed[0], c.want)
				}
				if err == nil {
					t.Error("a file that is not right has got its name")
				}
			} else if !bytes.Equal(got, right) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if _, err := os.Stat(filepath.Join(dir, "S001", ".S001R01.edf.rejected")); (err == nil) != c.aside {
				t.Errorf("kept aside: %v, want %v", err == nil, c.aside)
			}
			s.set(func(s *server) { s.files["/"+r01], s.etag, s.before, s.noRange = right, `"v3"`, nil, false })
			if r, err := pulled(t, s, dir, only); err != nil || len(r.Failed) != 0 { // and the next pull puts all right
				t.Errorf("then: %+v, %v", r, err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, r01)); !bytes.Equal(got, right) {
				t.Errorf("then: %d bytes, %v", len(got), err)
			}
		})
	}
}

// TestKnown: what gyrus knows of a file stands above what the server says.
func TestKnown(t *testing.T) {
	s, dir := study(t), t.TempDir()
	data := s.files["/"+r01]
	r, err := pulled(t, s, dir, func(o *pull.Options) {
		o.HasList, o.Known = false, []pull.File{{Path: r01, SHA256: sum(data), Bytes: int64(len(data)) + 1}}
	})
	if err != nil || len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Error(), "has 300000 bytes on the server, must have 300001") || len(hiddenFiles(t, dir)) != 0 {
		t.Errorf("wrong length: %+v, %v, %v", r, err, hiddenFiles(t, dir))
	}
	_, err = pulled(t, s, dir, func(o *pull.Options) { o.Known = []pull.File{{Path: r01, SHA256: sum(nil), Bytes: 300_000}} })
	if err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("another hash in the list: %v", err)
	}
	if _, err = pulled(t, s, dir, func(o *pull.Options) { o.Known = []pull.File{{Path: "../x", SHA256: sum(nil)}} }); err == nil {
		t.Error("a path that leaves the folder is taken")
	}
}

// TestDifferent: a file that is there and differs is the user's.
func TestDifferent(t *testing.T) {
	s, dir := study(t), t.TempDir()
	if _, err := pulled(t, s, dir, nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, r01)
	if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := pulled(t, s, dir, nil)
	if got, _ := os.ReadFile(name); err != nil || len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Error(), "--replace") || string(got) != "mine" {
		t.Errorf("%+v, %v, %.10q", r, err, got)
	}
	if r, err = pulled(t, s, dir, func(o *pull.Options) { o.Replace = true }); err != nil || len(r.Fetched) != 1 {
		t.Errorf("replaced: %+v, %v", r, err)
	}
	complete(t, s, dir)
}

// TestOneIsMissing: what one file lacks does not stop the others.
func TestOneIsMissing(t *testing.T) {
	s, dir := study(t), t.TempDir()
	s.set(func(s *server) { delete(s.files, "/S001/S001R02.edf") })
	r, err := pulled(t, s, dir, nil)
	if err != nil || len(r.Fetched) != 2 || len(r.Failed) != 1 || r.Failed[0].Path != "S001/S001R02.edf" || !strings.Contains(r.Failed[0].Error(), "404") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLostServer: pauses double and follow the server's wish, and when nothing helps the other files are not tried as well.
func TestLostServer(t *testing.T) {
	s, dir := study(t), t.TempDir()
	var waits []time.Duration
	var asked atomic.Int64
	s.set(func(s *server) {
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, ".edf") {
				return false
			}
			if asked.Add(1) == 3 {
				w.Header().Set("Retry-After", "77")
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
	})
	r, err := pulled(t, s, dir, func(o *pull.Options) {
		o.Parallel, o.Retries = 1, 4
		o.Want = func(p string) bool { return strings.HasSuffix(p, ".edf") }
		o.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	})
	want := []time.Duration{time.Second, 2 * time.Second, 77 * time.Second, 8 * time.Second}
	if err != nil || len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Error(), "502 Bad Gateway (tried 5 times)") || len(r.Left) != 1 || !slices.Equal(waits, want) {
		t.Errorf("%+v, %v, waits %v", r, err, waits)
	}
}

// TestStall: a server that sends nothing any more is left and asked for the rest.
func TestStall(t *testing.T) {
	s, dir := study(t), t.TempDir()
	var once sync.Once
	s.set(func(s *server) {
		s.before = func(w http.ResponseWriter, r *http.Request) (answered bool) {
			if r.Method != http.MethodGet || r.URL.Path != "/"+r01 {
				return false
			}
			once.Do(func() {
				answered = true
				w.Header().Set("ETag", `"v1"`)
				w.Header().Set("Content-Length", "300000")
				_, _ = w.Write(s.files["/"+r01][:1000])
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})
			return answered
		}
	})
	var notes []string
	r, err := pulled(t, s, dir, func(o *pull.Options) {
		o.Stall, o.Retries, o.Note = 100*time.Millisecond, 1, func(text string) { notes = append(notes, text) }
	})
	if err != nil || len(r.Failed) != 0 || !strings.Contains(strings.Join(notes, "\n"), "sent nothing") {
		t.Errorf("%+v, %v, %q", r, err, notes)
	}
	complete(t, s, dir)
	if !slices.Contains(s.asked(), "GET /"+r01+` bytes=1000- if "v1"`) {
		t.Error("the rest was not asked for")
	}
}

// TestParallel: no more files at a time than allowed.
func TestParallel(t *testing.T) {
	files := map[string][]byte{}
	for i := range 40 {
		files[fmt.Sprintf("/f%d.edf", i)] = []byte(strconv.Itoa(i))
	}
	files["/"+pull.ListFile] = sums(files)
	s, dir := newServer(t, files), t.TempDir()
	if r, err := pulled(t, s, dir, func(o *pull.Options) { o.Parallel = 3 }); err != nil || len(r.Fetched) != 40 {
		t.Fatalf("%+v, %v", r, err)
	}
	complete(t, s, dir)
	s.set(func(s *server) {
		if s.top > 3 {
			t.Errorf("%d requests at a time, want at most 3", s.top)
		}
	})
}

// TestOffline: the network is not touched, and what is missing is known.
func TestOffline(t *testing.T) {
	s, dir := study(t), t.TempDir()
	only := func(o *pull.Options) { o.Want = func(p string) bool { return p == r01 } }
	if _, err := pulled(t, s, dir, only); err != nil {
		t.Fatal(err)
	}
	s.asked()
	p, err := plan(t, s, dir, func(o *pull.Options) { o.Offline = true })
	if err != nil || len(p.Items) != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, it := range p.Items {
		if (it.State == pull.Here) != (it.Path == r01) {
			t.Errorf("%+v", it)
		}
	}
	if r, err := p.Run(t.Context()); err != nil || len(r.Fetched) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	never := filepath.Join(t.TempDir(), "never")
	p, err = plan(t, s, never, func(o *pull.Options) {
		o.Offline, o.Known = true, []pull.File{{Path: r01, SHA256: sum(nil), Bytes: 5}}
	})
	if err != nil || len(p.Items) != 1 || p.Items[0].State != pull.Missing || p.Need != 5 {
		t.Errorf("no list: %+v, %v", p, err)
	}
	if _, err := os.Stat(never); err == nil {
		t.Error("a folder was made")
	}
	if asked := s.asked(); len(asked) != 0 {
		t.Errorf("asked %v", asked)
	}
}

// TestDryRun: sizes, and nothing written.
func TestDryRun(t *testing.T) {
	s, dir := study(t), filepath.Join(t.TempDir(), "never")
	p, err := plan(t, s, dir, func(o *pull.Options) { o.DryRun = true })
	if err != nil || p.Need != 300_000+97+4 || p.Free <= 0 && runtime.GOOS == "linux" {
		t.Fatalf("%+v, %v", p, err)
	}
	if r, err := p.Run(t.Context()); err != nil || len(r.Fetched) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made")
	}
}

// TestSpace: too little room is seen before a file is asked for.
func TestSpace(t *testing.T) {
	s, dir := study(t), t.TempDir()
	_, err := pulled(t, s, dir, func(o *pull.Options) { o.Free = func(string) (int64, error) { return 250_000, nil } })
	if !errors.Is(err, pull.ErrSpace) || !strings.Contains(err.Error(), "300 kB are needed, 250 kB are free") {
		t.Errorf("%v", err)
	}
	for _, a := range s.asked() {
		if strings.HasPrefix(a, "GET") && !strings.HasSuffix(a, pull.ListFile) {
			t.Errorf("asked for %s", a)
		}
	}
}

// small is a disk with room for n bytes.
type small struct {
	*os.File
	room *int
}

func (f small) Write(b []byte) (int, error) {
	n, err := f.File.Write(b[:min(len(b), *f.room)])
	if *f.room -= n; err == nil && n < len(b) {
		err = &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return n, err
}

// TestDiskFull: a disk that fills up is a clear error, and what has come is a part that the next pull goes on with.
func TestDiskFull(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: the error of a full disk is another one on Windows")
	}
	s, dir := study(t), t.TempDir()
	room := 123_456
	r, err := pulled(t, s, dir, func(o *pull.Options) {
		o.Parallel = 1
		o.Create = func(name string, flag int) (io.WriteCloser, error) {
			f, err := os.OpenFile(name, flag, 0o600)
			return small{f, &room}, err
		}
	})
	if !errors.Is(err, pull.ErrSpace) || !strings.Contains(err.Error(), r01) || !strings.Contains(err.Error(), "make room") || len(r.Left) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	s.asked()
	if r, err := pulled(t, s, dir, nil); err != nil || len(r.Failed) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	complete(t, s, dir)
	if !slices.ContainsFunc(s.asked(), func(a string) bool { return strings.HasPrefix(a, "GET /"+r01+" bytes=") }) {
		t.Error("the part was not used")
	}
}

// TestBusy: two pulls at once do not get into each other's way.
func TestBusy(t *testing.T) {
	s, dir := study(t), t.TempDir()
	p, err := plan(t, s, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan(t, s, dir, nil); !errors.Is(err, pull.ErrBusy) {
		t.Errorf("a second pull: %v", err)
	}
	if out, err := child(t, s.URL, dir).CombinedOutput(); err == nil || !strings.Contains(string(out), "at work there") {
		t.Errorf("a second process: %v, %s", err, out)
	}
	if r, err := p.Run(t.Context()); err != nil || len(r.Fetched) != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pulled(t, s, dir, nil); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
	complete(t, s, dir)
}

const childEnv = "GYRUS_PULL_CHILD"

// child is this test as a process of its own that pulls.
func child(t *testing.T, base, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+base+" "+dir)
	return cmd
}

func TestMain(m *testing.M) {
	base, dir, ok := strings.Cut(os.Getenv(childEnv), " ")
	if !ok {
		os.Exit(m.Run())
	}
	p, err := pull.Make(context.Background(), pull.Options{Folder: dir, Base: base, HasList: true, Retries: -1})
	if err == nil {
		var r pull.Result
		if r, err = p.Run(context.Background()); len(r.Failed) > 0 {
			err = errors.Join(err, r.Failed[0])
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestKilled: processes that are killed leave what the next one goes on with, and no byte is fetched for nothing but what was
// on its way.
func TestKilled(t *testing.T) {
	s, dir := study(t), t.TempDir()
	s.set(func(s *server) {
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || r.URL.Path != "/"+r01 {
				return false
			}
			from := 0
			if g := r.Header.Get("Range"); g != "" {
				from, _ = strconv.Atoi(strings.Trim(g, "bytes=-"))
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-299999/300000", from))
			}
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("Content-Length", strconv.Itoa(300_000-from))
			if from > 0 {
				w.WriteHeader(http.StatusPartialContent)
			}
			for ; from < 300_000; from += 2000 { // 150 pieces, 2 ms apart
				if _, err := w.Write(s.files["/"+r01][from:min(from+2000, 300_000)]); err != nil {
					return true
				}
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
					return true
				case <-time.After(2 * time.Millisecond):
				}
			}
			return true
		}
	})
	part := filepath.Join(dir, "S001", ".S001R01.edf.part")
	last := int64(0)
	for kill := range 8 {
		cmd := child(t, s.URL, dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			st, err := os.Stat(part)
			if err == nil && st.Size() > last {
				break
			}
			if _, err := os.Stat(filepath.Join(dir, r01)); err == nil || time.Now().After(deadline) {
				break // it was quicker
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		st, err := os.Stat(part)
		if err != nil {
			t.Logf("complete before kill %d", kill)
			break
		}
		if st.Size() < last {
			t.Errorf("kill %d: %d bytes, there were %d before", kill, st.Size(), last)
		}
		last = st.Size()
	}
	if last == 0 {
		t.Fatal("nothing was ever there when it was killed")
	}
	if out, err := child(t, s.URL, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	complete(t, s, dir)
}

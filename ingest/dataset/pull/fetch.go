package pull

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var (
	errNoLength = fatal{errors.New("the server does not say how long the file is, so that an end and a broken line look the same")}
	errStalled  = errors.New("the server sent nothing any more")
)

// webPage is said where a web page comes in place of a file.
const webPage = ", and it is a web page (does the network ask for a log-in?)"

// meta says what a part is a part of.
type meta struct {
	SHA256 string `json:"sha256"` // of the whole file
	Bytes  int64  `json:"bytes"`  // of the whole file
	// Validator is the server's strong ETag or else the time of the last change, by which it knows whether the file is still the
	// same (RFC 9110, section 13.1.5); "" where it has neither.
	Validator string `json:"validator"`
}

// readMeta reads what lies beside the part of the file called name, and how many bytes that has; nil where it is not of f.
func readMeta(name string, f File) (*meta, int64) {
	data, err := os.ReadFile(hidden(name, ".part.json"))
	if err != nil {
		return nil, 0
	}
	st, err := os.Stat(hidden(name, ".part"))
	if err != nil {
		return nil, 0
	}
	var m meta
	if json.Unmarshal(data, &m) != nil || m.SHA256 != f.SHA256 || m.Bytes < st.Size() || f.Bytes >= 0 && m.Bytes != f.Bytes {
		return nil, 0 // begun anew
	}
	return &m, st.Size()
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// fetch brings one file, with as many tries as allowed.
func (p *Plan) fetch(ctx context.Context, it Item) error {
	name := p.name(it.Path)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f := File{it.Path, it.SHA256, -1}
	if it.known {
		f.Bytes = it.Bytes
	}
	u := below(p.base, it.Path)
	most := it.Have // how far it has ever come
	return p.tries(ctx, u, func() (bool, error) {
		n, err := p.attempt(ctx, u, name, f)
		further := n > most
		most = max(most, n)
		return further, err
	})
}

// tries calls do until it succeeds, or fails for good, or has failed too often in a row without going further.
func (p *Plan) tries(ctx context.Context, u *url.URL, do func() (further bool, err error)) error {
	for try := 0; ; try++ {
		further, err := do()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var final fatal
		if errors.As(err, &final) || diskFull(err) {
			return err
		}
		if further {
			try = 0
		}
		if try >= p.o.Retries {
			if try > 0 {
				err = fmt.Errorf("%w (tried %d times)", err, try+1)
			}
			return lost{err}
		}
		d := min(time.Second<<min(try, 6), time.Minute)
		var later retryAfter
		if errors.As(err, &later) {
			if later.after > patience {
				return lost{fmt.Errorf("%w, and asks to be left alone for %v: pull again then", err, later.after)}
			}
			d = max(d, later.after)
		}
		p.o.Note(fmt.Sprintf("%s: %v; again in %v", shown(u), err, d))
		if err := p.o.Wait(ctx, d); err != nil {
			return err
		}
	}
}

// patience is how long a server may ask to be left alone.
const patience = 10 * time.Minute

// lost is a server that did not help, however often it was asked.
type lost struct{ error }

// Unwrap is the cause.
func (l lost) Unwrap() error { return l.error }

// retryAfter is a server that is busy.
type retryAfter struct {
	error
	after time.Duration
}

// refused is why a response is not what was asked for.
func refused(resp *http.Response) error {
	err := fmt.Errorf("the server says %s", resp.Status)
	after, asks := wish(resp.Header)
	switch c := resp.StatusCode; {
	case c == http.StatusForbidden && asks: // GitHub and others say so where too much was asked
		return retryAfter{err, after}
	case c == http.StatusUnauthorized, c == http.StatusForbidden:
		return fatal{fmt.Errorf("%w: the files need an account or a signed agreement; get them as the page of the data set says", err)}
	case c == http.StatusTooManyRequests, c == http.StatusServiceUnavailable:
		return retryAfter{err, after}
	case c == http.StatusProxyAuthRequired:
		return fatal{fmt.Errorf("%w: the proxy asks for a user and a password: HTTP_PROXY=http://USER:PASSWORD@HOST:PORT", err)}
	case c == http.StatusRequestTimeout, c >= 500:
		return err
	}
	return fatal{err}
}

// wish is how long a server asks to be left alone (RFC 9110, section 10.2.3): seconds, or a date, which is compared with the
// clock of the server.
func wish(h http.Header) (d time.Duration, asks bool) {
	text := h.Get("Retry-After")
	if s, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(s, 0), 1<<31)) * time.Second, true
	}
	at, err := http.ParseTime(text)
	now, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

// encoded refuses content that is not the file as it is. A file that is compressed itself may be called so: some servers go by its
// ending.
func encoded(resp *http.Response, path string) error {
	switch enc := resp.Header.Get("Content-Encoding"); {
	case enc == "", enc == "identity", strings.TrimPrefix(enc, "x-") == "gzip" && strings.HasSuffix(path, ".gz"):
		return nil
	default:
		return fatal{fmt.Errorf("the server sends it as %s, asked for was the file as it is", enc)}
	}
}

// get sends a request. The caller closes the body.
func (p *Plan) get(ctx context.Context, method string, u *url.URL, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, bare(err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "gyrus")
	resp, err := p.o.Client.Do(req)
	if err != nil {
		return nil, inWords(err)
	}
	return resp, nil
}

// attempt brings what is missing of a file in one request, and gives it its name when it is whole and right. It returns how
// many bytes of it are there.
func (p *Plan) attempt(ctx context.Context, u *url.URL, name string, f File) (have int64, err error) {
	m, have := readMeta(name, f)
	sum := sha256.New()
	if have > 0 {
		if err := hashPart(sum, hidden(name, ".part"), have); err != nil {
			return have, err
		}
	}
	if m == nil || have < m.Bytes {
		if have, err = p.rest(ctx, u, name, f, m, have, &sum); err != nil {
			return have, err
		}
	}
	if hex.EncodeToString(sum.Sum(nil)) == f.SHA256 {
		return have, p.finish(name)
	}
	if m != nil { // an old part and a new rest may be of two versions: once more, all of it
		return 0, errors.Join(errors.New("what was fetched at different times does not fit together, so all of it is fetched again"), p.discard(name))
	}
	return 0, fatal{p.reject(name, f, hex.EncodeToString(sum.Sum(nil)))}
}

// hashPart puts the first n bytes of a file into h.
func hashPart(h hash.Hash, name string, n int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.CopyN(h, f, n)
	return errors.Join(err, f.Close())
}

// rest asks for a file from byte have on, and appends what comes. Where the server sends all of it, it begins anew, with a new
// sum.
func (p *Plan) rest(ctx context.Context, u *url.URL, name string, f File, m *meta, have int64, sum *hash.Hash) (int64, error) {
	ctx, came, done := p.watch(ctx)
	defer done()
	header := http.Header{}
	if have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		if m.Validator != "" {
			header.Set("If-Range", m.Validator)
		}
	}
	resp, err := p.get(ctx, http.MethodGet, u, header)
	if err != nil {
		return have, stalled(ctx, err)
	}
	body := &watched{resp.Body, came}
	have, err = p.take(resp, body, name, f, m, have, sum)
	return have, errors.Join(stalled(ctx, err), resp.Body.Close())
}

// watch is a context that ends when nothing has come for so long; came says that something has.
func (p *Plan) watch(ctx context.Context) (_ context.Context, came, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	alive := time.AfterFunc(p.o.Stall, func() { cancel(errStalled) })
	return ctx, func() { alive.Reset(p.o.Stall) }, func() { alive.Stop(); cancel(nil) }
}

// stalled gives an error its cause where we gave up waiting.
func stalled(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// watched tells that something came.
type watched struct {
	io.Reader
	came func()
}

// Read reads.
func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	if n > 0 {
		w.came()
	}
	return n, err
}

// take looks at a response and writes down what comes.
func (p *Plan) take(resp *http.Response, body io.Reader, name string, f File, m *meta, have int64, sum *hash.Hash) (int64, error) {
	total := resp.ContentLength
	switch resp.StatusCode {
	case http.StatusPartialContent:
		from, all, err := contentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			return have, fatal{err}
		}
		if from != have || m == nil || all != m.Bytes {
			return 0, errors.Join(fmt.Errorf("the server sent the bytes from %d of %d, asked for were those from %d: all of it is fetched again", from, all, have), p.discard(name))
		}
		total = all
	case http.StatusOK:
		if have > 0 {
			p.o.Note(shown(resp.Request.URL) + ": the server sends all of it again: it cannot go on in the middle, or the file has changed")
		}
		have, m = 0, nil
		(*sum).Reset()
	case http.StatusRequestedRangeNotSatisfiable:
		return 0, errors.Join(errors.New("the file on the server is shorter than what is here of it: all of it is fetched again"), p.discard(name))
	default:
		return have, refused(resp)
	}
	if err := encoded(resp, f.Path); err != nil {
		return have, err
	}
	switch {
	case total < 0:
		return have, errNoLength
	case f.Bytes >= 0 && total != f.Bytes:
		what := ""
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			what = webPage
		}
		return have, fatal{fmt.Errorf("has %d bytes on the server, must have %d%s: it is not the file that was checked; nothing of it is kept", total, f.Bytes, what)}
	}
	flag := os.O_WRONLY | os.O_APPEND
	if m == nil {
		if err := p.begin(name, meta{f.SHA256, total, validator(resp.Header)}); err != nil {
			return 0, err
		}
		flag = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	return p.write(body, name, flag, have, total, *sum)
}

// write appends body to the part, up to total bytes of it.
func (p *Plan) write(body io.Reader, name string, flag int, have, total int64, sum hash.Hash) (int64, error) {
	out, err := p.o.Create(hidden(name, ".part"), flag)
	if err != nil {
		return have, full(err, name)
	}
	buf := make([]byte, 1<<17)
	for have < total && err == nil {
		var n, w int
		n, err = body.Read(buf[:min(int64(len(buf)), total-have)])
		if n > 0 {
			p.o.Bytes(int64(n))
			var werr error
			w, werr = out.Write(buf[:n])
			sum.Write(buf[:w])
			have += int64(w)
			if werr != nil {
				return have, errors.Join(full(werr, name), out.Close())
			}
		}
	}
	if have == total && errors.Is(err, io.EOF) {
		err = nil
	} else if err != nil {
		err = fmt.Errorf("ended after %d of %d bytes: %w", have, total, bare(err))
	}
	if f, ok := out.(*os.File); ok && err == nil {
		err = f.Sync() // before it gets its name
	}
	return have, errors.Join(full(err, name), out.Close())
}

// full says what a full disk means for the file.
func full(err error, name string) error {
	if err == nil || !diskFull(err) {
		return err
	}
	return fmt.Errorf("%w of %s: %w; what has come is kept and valid: make room and pull again, it goes on there", ErrSpace, filepath.Dir(name), err)
}

// begin writes down what the part will be of, before its first byte.
func (p *Plan) begin(name string, m meta) error {
	if err := p.discard(name); err != nil {
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	// Where it is broken off it cannot be read, and the part is begun anew.
	return full(os.WriteFile(hidden(name, ".part.json"), data, 0o666), name)
}

// discard removes a part.
func (p *Plan) discard(name string) error {
	return errors.Join(remove(hidden(name, ".part")), remove(hidden(name, ".part.json")))
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// finish gives the part its name.
func (p *Plan) finish(name string) error {
	if _, err := os.Lstat(name); err == nil && !p.o.Replace {
		return fatal{errors.New("has come into being while it was fetched, and is left alone: pull again to have it checked")}
	}
	if err := os.Rename(hidden(name, ".part"), name); err != nil {
		return fatal{err}
	}
	return remove(hidden(name, ".part.json"))
}

// reject keeps content with a wrong hash aside.
func (p *Plan) reject(name string, f File, sum string) error {
	aside := hidden(name, ".rejected")
	what := ""
	if head, err := firstBytes(hidden(name, ".part")); err == nil && (bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))) {
		what = webPage
	}
	err := fmt.Errorf("came with SHA-256 %s, must be %s%s; it is kept as %s for you to look at, and never used", sum, f.SHA256, what, aside)
	return errors.Join(err, os.Rename(hidden(name, ".part"), aside), remove(hidden(name, ".part.json")))
}

// firstBytes are the first of a file, in lower case.
func firstBytes(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 64)
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return bytes.ToLower(bytes.TrimSpace(b[:n])), errors.Join(err, f.Close())
}

// validator is what a server knows this version of a file by, "" where it says nothing that is exact enough.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	changed, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return ""
	}
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil || sent.Sub(changed) < time.Second { // it may change again within the same second
		return ""
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes 5-9/10". A server may send less than was asked for (RFC 9110, section 15.3.7): then the rest is asked
// for again.
func contentRange(s string) (from, total int64, err error) {
	span, all, ok := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	first, last, ok2 := strings.Cut(span, "-")
	from, err = strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	total, err3 := strconv.ParseInt(all, 10, 64)
	if !ok || !ok2 || err != nil || err2 != nil || err3 != nil || from < 0 || to >= total || from > to {
		return 0, 0, fmt.Errorf("the server answers with Content-Range %q, must be bytes FROM-LAST/TOTAL", s)
	}
	return from, total, nil
}

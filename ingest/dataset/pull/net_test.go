package pull_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/dataset/pull"
)

// TestRetryAfter: a server says in seconds or by its own clock how long it wants to be left alone, also with 403, as GitHub does;
// where it is longer than anybody waits the pull ends and says so.
func TestRetryAfter(t *testing.T) {
	date := func(d time.Duration) func(h http.Header) {
		return func(h http.Header) {
			now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC) // whose clock is not ours
			h.Set("Date", now.Format(http.TimeFormat))
			h.Set("Retry-After", now.Add(d).Format(http.TimeFormat))
		}
	}
	seconds := func(s string) func(h http.Header) { return func(h http.Header) { h.Set("Retry-After", s) } }
	for name, c := range map[string]struct {
		status int
		head   func(h http.Header)
		wait   time.Duration // before the second try; 0 where there is none
		want   string
	}{
		"429, seconds":    {http.StatusTooManyRequests, seconds("77"), 77 * time.Second, ""},
		"429, date":       {http.StatusTooManyRequests, date(90 * time.Second), 90 * time.Second, ""},
		"429, past":       {http.StatusTooManyRequests, date(-time.Hour), time.Second, ""},
		"429, nothing":    {http.StatusTooManyRequests, func(http.Header) {}, time.Second, ""},
		"429, nonsense":   {http.StatusTooManyRequests, seconds("soon"), time.Second, ""},
		"503, seconds":    {http.StatusServiceUnavailable, seconds("5"), 5 * time.Second, ""},
		"500":             {http.StatusInternalServerError, func(http.Header) {}, time.Second, ""},
		"504":             {http.StatusGatewayTimeout, func(http.Header) {}, time.Second, ""},
		"408":             {http.StatusRequestTimeout, func(http.Header) {}, time.Second, ""},
		"403, seconds":    {http.StatusForbidden, seconds("60"), time.Minute, ""},
		"403":             {http.StatusForbidden, func(http.Header) {}, 0, "need an account"},
		"429, two hours":  {http.StatusTooManyRequests, seconds("7200"), 0, "asks to be left alone for 2h0m0s: pull again then"},
		"429, for ever":   {http.StatusTooManyRequests, seconds("99999999999"), 0, "pull again then"},
		"410":             {http.StatusGone, func(http.Header) {}, 0, "410 Gone"},
		"407, of a proxy": {http.StatusProxyAuthRequired, func(http.Header) {}, 0, "the proxy asks for a user and a password"},
	} {
		s, dir := study(t), t.TempDir()
		var once sync.Once
		s.set(func(s *server) {
			s.before = func(w http.ResponseWriter, r *http.Request) (answered bool) {
				if r.Method == http.MethodGet && r.URL.Path == "/"+r01 {
					once.Do(func() { c.head(w.Header()); w.WriteHeader(c.status); answered = true })
				}
				return answered
			}
		})
		var waits []time.Duration
		r, err := pulled(t, s, dir, func(o *pull.Options) {
			o.Retries, o.Want = 3, func(p string) bool { return p == r01 }
			o.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
		})
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" && (len(r.Fetched) != 1 || !slices.Equal(waits, []time.Duration{c.wait})) {
			t.Errorf("%s: %+v after %v, want it after %v", name, r, waits, c.wait)
		}
		if c.want != "" && (len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Error(), c.want) || len(waits) != 0) {
			t.Errorf("%s: %+v after %v, want %q at once", name, r, waits, c.want)
		}
	}
}

// TestConnections: what goes wrong with certificates, names and proxies is said in words, once where no other try helps.
func TestConnections(t *testing.T) {
	plain := study(t)
	secure := httptest.NewUnstartedServer(plain)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it is told of every client that breaks off
	secure.StartTLS()
	defer secure.Close()
	proxy := func(status int) func(*http.Transport) {
		p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(p.Close)
		u, err := url.Parse(strings.Replace(p.URL, "http://", "http://maja:geheim@", 1))
		if err != nil {
			t.Fatal(err)
		}
		return func(tr *http.Transport) { tr.Proxy = http.ProxyURL(u) }
	}
	for name, c := range map[string]struct {
		base   string
		change func(*http.Transport)
		want   string
		tries  int
	}{
		"unknown authority": {secure.URL, func(*http.Transport) {}, "the certificate of 127.0.0.1:", 1},
		"another name": {strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), func(tr *http.Transport) {
			tr.TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		}, "the certificate of localhost:", 1},
		"no https":             {strings.Replace(plain.URL, "http:", "https:", 1), func(*http.Transport) {}, "does not speak https", 1},
		"proxy wants password": {secure.URL, proxy(http.StatusProxyAuthRequired), "asks for a user and a password", 1},
		"proxy forbids":        {secure.URL, proxy(http.StatusForbidden), "says 403 Forbidden: it does not let through", 1},
		"proxy is busy":        {secure.URL, proxy(http.StatusBadGateway), "says 502 Bad Gateway (tried 3 times)", 3},
		"no such name": {"http://physionet.example/", func(tr *http.Transport) {
			tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "physionet.example", IsNotFound: true}}
			}
		}, "the name physionet.example is not found: is this machine online", 3},
		"nobody listens": {"http://127.0.0.1:1/", func(*http.Transport) {}, "(tried 3 times)", 3},
	} {
		client := pull.NewClient()
		tr := client.Transport.(*http.Transport)
		tr.Proxy = nil
		c.change(tr)
		waits := 0
		_, err := pulled(t, plain, t.TempDir(), func(o *pull.Options) {
			o.Base, o.Client, o.Retries = c.base, client, 2
			o.Wait = func(context.Context, time.Duration) error { waits++; return nil }
		})
		if err == nil || !strings.Contains(err.Error(), c.want) || waits != c.tries-1 || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v after %d tries, want %q after %d", name, err, waits+1, c.want, c.tries)
		}
	}
}

// TestProxyTunnel: https goes through CONNECT, with the name and password of the proxy.
func TestProxyTunnel(t *testing.T) {
	s, dir := study(t), t.TempDir()
	secure := httptest.NewTLSServer(s)
	defer secure.Close()
	asked := make(chan string, 100)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host + " " + r.Header.Get("Proxy-Authorization")
		far, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		near, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() { _, _ = io.Copy(far, buf); _ = far.Close() }()
		_, _ = io.Copy(near, far)
		_ = near.Close()
	}))
	defer proxy.Close()
	u, err := url.Parse(strings.Replace(proxy.URL, "http://", "http://maja:geheim@", 1))
	if err != nil {
		t.Fatal(err)
	}
	client := pull.NewClient()
	tr := client.Transport.(*http.Transport)
	tr.Proxy = http.ProxyURL(u)
	tr.TLSClientConfig = &tls.Config{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	defer tr.CloseIdleConnections()
	if r, err := pulled(t, s, dir, func(o *pull.Options) { o.Base, o.Client = secure.URL, client }); err != nil || len(r.Failed) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	complete(t, s, dir)
	if got := <-asked; got != "CONNECT "+strings.TrimPrefix(secure.URL, "https://")+" Basic bWFqYTpnZWhlaW0=" { // maja:geheim
		t.Errorf("the proxy was asked for %q", got)
	}
}

// TestHead: a server that does not answer HEAD, or not with a length, tells it in answer to GET.
func TestHead(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusOK} {
		s, dir := study(t), t.TempDir()
		s.set(func(s *server) {
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodHead {
					return false
				}
				w.WriteHeader(status) // and 200 has no length then
				return true
			}
		})
		p, err := plan(t, s, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(300_000 + 97 + 4); p.Need != want {
			t.Errorf("%d: %d bytes are needed, want %d", status, p.Need, want)
		}
		if r, err := p.Run(t.Context()); err != nil || len(r.Failed) > 0 {
			t.Errorf("%d: %+v, %v", status, r, err)
		}
		complete(t, s, dir)
	}
}

// TestEncoded: a list or a file that comes compressed is refused in words, but a file that is compressed itself comes as it is,
// whatever the server calls it.
func TestEncoded(t *testing.T) {
	s, dir := study(t), t.TempDir()
	s.set(func(s *server) {
		s.files["/data.csv.gz"] = []byte("\x1f\x8b as it is")
		s.files["/"+pull.ListFile] = sums(s.files)
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, ".gz") {
				w.Header().Set("Content-Encoding", "x-gzip")
				w.Header().Set("Content-Length", "11") // which ServeContent leaves out then
			}
			if got := r.Header.Get("Accept-Encoding"); got != "identity" {
				t.Errorf("%s asks for %q", r.URL.Path, got)
			}
			return false
		}
	})
	if r, err := pulled(t, s, dir, nil); err != nil || len(r.Failed) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	complete(t, s, dir)
	s.set(func(s *server) {
		s.before = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Encoding", "br")
			return false
		}
	})
	if _, err := pulled(t, s, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), pull.ListFile+": the server sends it as br") {
		t.Errorf("a list that is compressed: %v", err)
	}
}

// TestSmallRanges: a server that sends less than the rest is asked for what is still missing (RFC 9110, section 15.3.7).
func TestSmallRanges(t *testing.T) {
	s, dir := study(t), t.TempDir()
	data := s.files["/"+r01]
	only := func(o *pull.Options) { o.Retries, o.Want = 1, func(p string) bool { return p == r01 } }
	s.set(func(s *server) {
		s.cut = 100_000
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			var from int
			if n, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n != 1 || err != nil {
				return false
			}
			to := min(from+50_000, len(data))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(data)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(data[from:to])
			return true
		}
	})
	if r, err := pulled(t, s, dir, only); err != nil || len(r.Failed) > 0 || r.Bytes != int64(len(data)) {
		t.Errorf("%+v, %v", r, err)
	}
	if got := s.asked(); !slices.Contains(got, "GET /"+r01+` bytes=250000- if "v1"`) {
		t.Errorf("asked %v", got)
	}
}

// TestListStalls: a list of which the server sends the first half and no more is asked for again.
func TestListStalls(t *testing.T) {
	s, dir := study(t), t.TempDir()
	var once sync.Once
	s.set(func(s *server) {
		s.before = func(w http.ResponseWriter, r *http.Request) (answered bool) {
			if r.URL.Path != "/"+pull.ListFile {
				return false
			}
			once.Do(func() {
				answered = true
				w.Header().Set("Content-Length", strconv.Itoa(len(s.files["/"+pull.ListFile])))
				_, _ = w.Write(s.files["/"+pull.ListFile][:80])
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})
			return answered
		}
	})
	var notes bytes.Buffer
	r, err := pulled(t, s, dir, func(o *pull.Options) {
		o.Stall, o.Retries, o.Note = 100*time.Millisecond, 1, func(text string) { notes.WriteString(text + "\n") }
	})
	if err != nil || len(r.Failed) > 0 || !strings.Contains(notes.String(), "sent nothing any more; again") {
		t.Errorf("%+v, %v: %s", r, err, notes.String())
	}
	complete(t, s, dir)
}

// TestConnectionsAreKept: as many files as are fetched at a time share as many connections, and many questions for lengths are said
// beforehand.
func TestConnectionsAreKept(t *testing.T) {
	s, dir := study(t), t.TempDir()
	s.set(func(s *server) {
		for i := range 60 {
			s.files[fmt.Sprintf("/many/%02d.edf", i)] = []byte{byte(i)}
		}
		s.files["/"+pull.ListFile] = sums(s.files)
	})
	var mu sync.Mutex
	opened := 0
	client := pull.NewClient()
	tr := client.Transport.(*http.Transport)
	tr.Proxy = nil
	dial := tr.DialContext
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		opened++
		mu.Unlock()
		return dial(ctx, network, addr)
	}
	defer tr.CloseIdleConnections()
	var notes []string
	r, err := pulled(t, s, dir, func(o *pull.Options) {
		o.Client, o.Parallel, o.Note = client, 8, func(text string) { notes = append(notes, text) }
	})
	if err != nil || len(r.Failed) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	complete(t, s, dir)
	if opened > 16 { // a new one may be begun while another becomes free
		t.Errorf("%d connections for 63 files, 8 at a time", opened)
	}
	if !slices.Contains(notes, "asking for the lengths of 63 files") {
		t.Errorf("notes %q", notes)
	}
}

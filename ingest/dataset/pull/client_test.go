package pull_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/pull"
)

// TestRedirects: to http and https, not more often than ten times, never from https to http.
func TestRedirects(t *testing.T) {
	s := study(t)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.URL+r.URL.Path+"?token=geheim", http.StatusFound)
	}))
	defer secure.Close()
	client := pull.NewClient()
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	for name, c := range map[string]struct {
		base string
		to   string // of the list, on the plain server; "" where it redirects nothing
		want string
	}{
		"http":         {s.URL, s.URL + "/elsewhere/" + pull.ListFile, ""},
		"ftp":          {s.URL, "ftp://127.0.0.1/list?token=geheim", "redirected to ftp://127.0.0.1/list, must be http or https"},
		"file":         {s.URL, "file:///etc/passwd", "must be http or https"},
		"circle":       {s.URL, s.URL + "/" + pull.ListFile, "more than 10 redirects"},
		"https → http": {secure.URL, "", "from https to http://"},
	} {
		s.set(func(s *server) {
			s.files["/elsewhere/"+pull.ListFile] = s.files["/"+pull.ListFile]
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if c.to == "" || r.URL.Path != "/"+pull.ListFile {
					return false
				}
				http.Redirect(w, r, c.to, http.StatusFound)
				return true
			}
		})
		_, err := pulled(t, s, t.TempDir(), func(o *pull.Options) { o.Base, o.Client = c.base, client })
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim")) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestSecrets: user, password and query of addresses are used, and stand in no message.
func TestSecrets(t *testing.T) {
	s, dir := study(t), t.TempDir()
	var said []string
	s.set(func(s *server) {
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			if user, password, ok := r.BasicAuth(); !ok || user != "maja" || password != "geheim" {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			if r.URL.RawQuery == "" {
				http.Redirect(w, r, r.URL.Path+"?signature=geheim", http.StatusFound)
				return true
			}
			if strings.HasSuffix(r.URL.Path, "R01.edf") && r.Method == http.MethodGet {
				panic(http.ErrAbortHandler)
			}
			return false
		}
	})
	base := strings.Replace(s.URL, "http://", "http://maja:geheim@", 1)
	r, err := pulled(t, s, dir, func(o *pull.Options) {
		o.Base, o.Retries, o.Parallel, o.Note = base, 1, 1, func(text string) { said = append(said, text) }
	})
	if err != nil || len(r.Failed) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	said = append(said, r.Failed[0].Error())
	for _, bad := range []string{base + "/%zz", strings.Replace(base, "http", "ftp", 1), base + "?token=geheim", "http://maja:geheim@127.0.0.1:1/"} {
		_, err := pulled(t, s, t.TempDir(), func(o *pull.Options) { o.Base = bad })
		if err == nil {
			t.Fatalf("%s is taken", bad)
		}
		said = append(said, err.Error())
	}
	for _, text := range said {
		if strings.Contains(text, "geheim") || strings.Contains(text, "maja") {
			t.Errorf("a secret is said: %s", text)
		}
	}
}

// TestProxy: the proxy of the environment is asked. It takes a process of its own, since Go reads the environment once.
func TestProxy(t *testing.T) {
	s, dir := study(t), t.TempDir()
	hosts := make(chan string, 100)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts <- r.URL.Host // only a request to a proxy has one
		s.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	cmd := child(t, "http://physionet.invalid/", dir)
	cmd.Env = append(cmd.Env, "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	complete(t, s, dir)
	if host := <-hosts; host != "physionet.invalid" {
		t.Errorf("the proxy was asked for %s", host)
	}
	bad := child(t, "http://physionet.invalid/", t.TempDir())
	bad.Env = append(bad.Env, "HTTP_PROXY=http://maja:geheim@%zz", "http_proxy=http://maja:geheim@%zz", "NO_PROXY=", "no_proxy=")
	if out, err := bad.CombinedOutput(); err == nil || strings.Contains(string(out), "geheim") || !strings.Contains(string(out), "HTTP_PROXY") {
		t.Errorf("a proxy that is none: %v, %s", err, out)
	}
}

func TestParseSums(t *testing.T) {
	one, two := sum([]byte("1")), sum([]byte("2"))
	got, err := pull.ParseSums("list", []byte(one+" a/b.edf\n\n"+strings.ToUpper(two)+"  *./c [1].edf\r\n"+one+"  a/b.edf\n"))
	if err != nil || len(got) != 2 || got["a/b.edf"] != one || got["c [1].edf"] != two {
		t.Errorf("%v, %v", got, err)
	}
	for text, want := range map[string]string{
		"x":                                    "line 1",
		one[1:] + " a":                         "64 hexadecimal",
		one + " a\n" + one + " ../b":           "line 2",
		one + " /etc/passwd":                   "no path below",
		one + " a\\b":                          "no path below",
		one + " C:x":                           "no path below",
		one + " .a.edf.part":                   "no path below",
		one + " a/.b":                          "no path below",
		one + " a\n" + two + " a":              "two hashes",
		one + " " + strings.Repeat("a", 1<<17): "token too long",
	} {
		if _, err := pull.ParseSums("list", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.90q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseSums(f *testing.F) {
	f.Add([]byte(sum(nil) + "  a/b.edf\n"))
	f.Add([]byte(sum(nil) + " *../b.edf\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sums, err := pull.ParseSums("list", data)
		for path, sum := range sums {
			if err != nil || len(sum) != 64 || !filepath.IsLocal(path) {
				t.Errorf("%q: %q, %v", path, sum, err)
			}
		}
	})
}

// TestFree: what the system says is some room, and an error where there is no such folder.
func TestFree(t *testing.T) {
	n, err := pull.Free(t.TempDir())
	if err != nil || n <= 0 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := pull.Free(filepath.Join(t.TempDir(), "no")); err == nil {
		t.Error("a folder that is not there has room")
	}
	if _, err := os.Stat(t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{-1: "? B", 0: "0 B", 999: "999 B", 1000: "1 kB", 2_596_896: "2.6 MB", 3_400_000_000: "3.4 GB", 999_900: "1 MB"} {
		if got := pull.Size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

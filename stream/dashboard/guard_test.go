package dashboard

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const secret = "a-secret-of-more-than-twenty-characters"

func tokenFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOptions(t *testing.T) {
	ok := Defaults()
	for _, tc := range []struct {
		what string
		edit func(*Options)
		want string // part of the error, "" for none
	}{
		{"the defaults", func(*Options) {}, ""},
		{"IPv6", func(o *Options) { o.Listen = "[::1]:8080" }, ""},
		{"a name", func(o *Options) { o.Listen = "localhost:0" }, ""},
		{"no port", func(o *Options) { o.Listen = "127.0.0.1" }, "must be host:port"},
		{"all addresses", func(o *Options) { o.Listen = "0.0.0.0:80" }, "others can reach"},
		{"no host", func(o *Options) { o.Listen = ":80" }, "others can reach"},
		{"another address", func(o *Options) { o.Listen = "192.168.1.5:80" }, "others can reach"},
		{"a name of others", func(o *Options) { o.Listen = "lab.example.org:80" }, "others can reach"},
		{"a token without TLS", func(o *Options) { o.Listen, o.Token = "192.168.1.5:80", "t" }, "others can reach"},
		{"TLS without a token", func(o *Options) { o.Listen, o.Cert, o.Key = "192.168.1.5:80", "c", "k" }, "others can reach"},
		{"both", func(o *Options) { o.Listen, o.Token, o.Cert, o.Key = "192.168.1.5:80", "t", "c", "k" }, ""},
		{"both, and no name", func(o *Options) { o.Listen, o.Token, o.Cert, o.Key = "0.0.0.0:80", "t", "c", "k" }, "set hosts"},
		{"half a certificate", func(o *Options) { o.Cert = "c" }, "both or none"},
		{"a host with a port", func(o *Options) { o.Hosts = []string{"lab:80"} }, "without port"},
		{"a token for looking on without the other", func(o *Options) { o.ViewToken = "v" }, "set token too"},
		{"both tokens", func(o *Options) { o.Token, o.ViewToken = "t", "v" }, ""},
		{"no controller", func(o *Options) { o.Controllers = 0 }, "1 to 64"},
	} {
		o := ok
		tc.edit(&o)
		err := o.Check()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.what, err, tc.want)
		}
	}
}

func TestTokenFiles(t *testing.T) {
	if got, err := readToken("token", tokenFile(t, secret+"\n", 0o600)); err != nil || string(got) != secret {
		t.Errorf("%q, %v", got, err)
	}
	for what, file := range map[string]string{
		"too short": tokenFile(t, "short\n", 0o600), "too long": tokenFile(t, strings.Repeat("x", maxToken+1), 0o600), "not there": filepath.Join(t.TempDir(), "none"),
	} {
		if _, err := readToken("token", file); err == nil || strings.Contains(err.Error(), "short\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if runtime.GOOS != "windows" {
		if _, err := readToken("token", tokenFile(t, secret, 0o644)); err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), secret) {
			t.Errorf("others may read it: %v", err)
		}
	}
}

// served is a server without a session; ask sends a request to it.
func served(t *testing.T, edit func(*Options)) (*Server, func(method, path string, header map[string]string, body string) (int, string, http.Header)) {
	t.Helper()
	opt := Defaults()
	opt.Listen = "127.0.0.1:0"
	edit(&opt)
	s, err := Serve(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, func(method, path string, header map[string]string, body string) (int, string, http.Header) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(s.URL(), "/")+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range header {
			if k == "Host" {
				req.Host = v
			}
			req.Header.Set(k, v)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text), res.Header
	}
}

const isJSON = "application/json"

func TestHostAndOrigin(t *testing.T) {
	s, ask := served(t, func(o *Options) { o.Hosts = []string{"Lab.example.org"} })
	_, port, _ := net.SplitHostPort(s.addr.String())
	own := "http://127.0.0.1:" + port
	for _, tc := range []struct {
		what         string
		method, path string
		header       map[string]string
		want         int
	}{
		{"the page", "GET", "/", nil, 200},
		{"by its name", "GET", "/", map[string]string{"Host": "localhost:" + port}, 200},
		{"by a name that was given", "GET", "/", map[string]string{"Host": "lab.example.org"}, 200},
		{"by a stranger's name (DNS rebinding)", "GET", "/", map[string]string{"Host": "evil.example:" + port}, 403},
		{"events by a stranger's name", "GET", "/events", map[string]string{"Host": "evil.example:" + port}, 403},
		{"a button by a stranger's name", "POST", "/api/stop", map[string]string{"Host": "evil.example", "Content-Type": isJSON}, 403},
		{"a button of the page", "POST", "/api/verb", map[string]string{"Origin": own, "Content-Type": isJSON}, 503},
		{"a button of another page", "POST", "/api/verb", map[string]string{"Origin": "http://evil.example", "Content-Type": isJSON}, 403},
		{"a button of another port", "POST", "/api/verb", map[string]string{"Origin": "http://127.0.0.1:1", "Content-Type": isJSON}, 403},
		{"a button of a page without origin", "POST", "/api/verb", map[string]string{"Origin": "null", "Content-Type": isJSON}, 403},
		{"a form", "POST", "/api/verb", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		{"a form as text", "POST", "/api/verb", map[string]string{"Content-Type": "text/plain"}, 415},
		{"no type", "POST", "/api/verb", nil, 415},
		{"events to another page", "GET", "/events", map[string]string{"Origin": "http://evil.example"}, 403},
		{"events to another page, by the browser's word", "GET", "/events", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"a link of another page", "GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200},
		{"a verb by GET", "GET", "/api/verb", nil, 404},
		{"a bad view", "GET", "/events?count=1000", nil, 400},
		{"an unknown parameter", "GET", "/events?chanels=3", nil, 400},
		{"a path out of the page", "GET", "/../server.go", nil, 404},
	} {
		body := ""
		if tc.method == "POST" {
			body = `{"verb":"pause"}`
		}
		if got, text, _ := ask(tc.method, tc.path, tc.header, body); got != tc.want {
			t.Errorf("%s: %d %s, want %d", tc.what, got, text, tc.want)
		}
	}
	if _, text, _ := ask("POST", "/api/verb", map[string]string{"Content-Type": isJSON}, `{"verb":"pause","arg":1}`); !strings.Contains(text, "unknown field") {
		t.Errorf("an unknown key: %s", text)
	}
	if got, _, _ := ask("POST", "/api/verb", map[string]string{"Content-Type": isJSON}, `{"verb":"`+strings.Repeat("x", maxBody)+`"}`); got != 400 {
		t.Errorf("a long body: %d", got)
	}
}

func TestHeaders(t *testing.T) {
	_, ask := served(t, func(*Options) {})
	for _, path := range []string{"/", "/main.js", "/style.css", "/api/state"} {
		_, _, h := ask("GET", path, nil, "")
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func TestToken(t *testing.T) {
	_, ask := served(t, func(o *Options) { o.Token = tokenFile(t, secret, 0o600) })
	post := map[string]string{"Content-Type": isJSON}
	for _, path := range []string{"/events", "/api/state"} {
		if got, text, _ := ask("GET", path, nil, ""); got != 401 || strings.Contains(text, secret) {
			t.Errorf("%s without the token: %d %s", path, got, text)
		}
	}
	if got, _, _ := ask("POST", "/api/stop", post, `{}`); got != 401 {
		t.Errorf("a stop without the token: %d", got)
	}
	if got, _, _ := ask("GET", "/", nil, ""); got != 200 {
		t.Errorf("the page, which asks for the token: %d", got)
	}
	for _, wrong := range []string{"", "x", secret[:len(secret)-1], secret + "x"} {
		body, _ := json.Marshal(map[string]string{"token": wrong})
		if got, _, h := ask("POST", "/login", post, string(body)); got != 401 || h.Get("Set-Cookie") != "" {
			t.Errorf("the token %q: %d, cookie %q", wrong, got, h.Get("Set-Cookie"))
		}
		if got, _, _ := ask("GET", "/api/state", map[string]string{"Authorization": "Bearer " + wrong}, ""); got != 401 {
			t.Errorf("the bearer %q: %d", wrong, got)
		}
	}
	got, _, h := ask("POST", "/login", post, `{"token":"`+secret+`"}`)
	cookie := h.Get("Set-Cookie")
	if got != 200 || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") || strings.Contains(cookie, secret) {
		t.Fatalf("the right token: %d, cookie %q", got, cookie)
	}
	name, _, _ := strings.Cut(cookie, ";")
	for what, header := range map[string]map[string]string{"the cookie": {"Cookie": name}, "the bearer": {"Authorization": "Bearer " + secret}} {
		if got, _, _ := ask("GET", "/api/state", header, ""); got != 503 { // there is no session yet
			t.Errorf("%s: %d", what, got)
		}
	}
	if got, _, _ := ask("GET", "/api/state", map[string]string{"Cookie": cookieName + "=" + strings.Repeat("0", 64)}, ""); got != 401 {
		t.Errorf("a forged cookie: %d", got)
	}
}

// TestViewToken: who shows the token for looking on gets the session, and every button of it is refused in words.
func TestViewToken(t *testing.T) {
	const other = "another-secret-for-those-who-look-on"
	_, ask := served(t, func(o *Options) { o.Token, o.ViewToken = tokenFile(t, secret, 0o600), tokenFile(t, other, 0o600) })
	login := func(token string) string {
		t.Helper()
		got, text, h := ask("POST", "/login", map[string]string{"Content-Type": isJSON}, `{"token":"`+token+`"}`)
		if got != 200 {
			t.Fatalf("login: %d %s", got, text)
		}
		cookie, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
		return cookie
	}
	for what, c := range map[string]struct {
		header string
		value  string
		press  int
	}{
		"the operator's cookie": {"Cookie", login(secret), 503}, "the operator's bearer": {"Authorization", "Bearer " + secret, 503}, // there is no session yet
		"the viewer's cookie": {"Cookie", login(other), 403}, "the viewer's bearer": {"Authorization", "Bearer " + other, 403},
		"nothing": {"X-Nothing", "x", 401},
	} {
		look := 503
		if c.press == 401 {
			look = 401
		}
		if got, text, _ := ask("GET", "/api/state", map[string]string{c.header: c.value}, ""); got != look {
			t.Errorf("%s looks: %d %s, want %d", what, got, text, look)
		}
		for path, body := range map[string]string{"/api/verb": `{"verb":"resume"}`, "/api/stop": `{}`, "/api/later": `{}`} {
			want := c.press
			if path == "/api/later" && want == 503 {
				want = 405
			}
			got, text, _ := ask("POST", path, map[string]string{c.header: c.value, "Content-Type": isJSON}, body)
			if got != want || want == 403 && !strings.Contains(text, "for looking on") {
				t.Errorf("%s presses %s: %d %s, want %d", what, path, got, text, want)
			}
		}
	}
}

func TestServeRefuses(t *testing.T) {
	for what, edit := range map[string]func(*Options){
		"a token that others may read": func(o *Options) { o.Token = tokenFile(t, secret, 0o644) },
		"the same token twice":         func(o *Options) { o.Token, o.ViewToken = tokenFile(t, secret, 0o600), tokenFile(t, secret+"\n", 0o600) },
		"no token for looking on": func(o *Options) {
			o.Token, o.ViewToken = tokenFile(t, secret, 0o600), filepath.Join(t.TempDir(), "none")
		},
		"no certificate": func(o *Options) { o.Cert, o.Key = "none.crt", "none.key" },
		"another host":   func(o *Options) { o.Listen = "0.0.0.0:0" },
	} {
		if what == "a token that others may read" && runtime.GOOS == "windows" {
			continue
		}
		opt := Defaults()
		opt.Listen = "127.0.0.1:0"
		edit(&opt)
		if s, err := Serve(t.Context(), opt); err == nil {
			t.Errorf("%s: is served", what)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestViewersLockNobodyOut: however many show the token for looking on, who may press buttons finds a place: the viewer that came last
// gives way, the first stay. Among those who may press nobody gives way.
func TestViewersLockNobodyOut(t *testing.T) {
	const other = "another-secret-for-those-who-look-on"
	s, _ := served(t, func(o *Options) { o.Token, o.ViewToken = tokenFile(t, secret, 0o600), tokenFile(t, other, 0o600) })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	join := func(token string) (int, io.Reader) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode, res.Body
	}
	var viewers []io.Reader
	for k := range maxViewers {
		got, body := join(other)
		if got != http.StatusOK {
			t.Fatalf("viewer %d: %d", k+1, got)
		}
		viewers = append(viewers, body)
	}
	if got, _ := join(other); got != http.StatusServiceUnavailable {
		t.Errorf("one viewer more: %d", got)
	}
	for k := maxViewers - 1; k >= 0; k-- {
		if got, _ := join(secret); got != http.StatusOK {
			t.Fatalf("an operator among %d viewers: %d", k+1, got)
		}
		if _, err := io.ReadAll(viewers[k]); err != nil { // it ends, in order
			t.Errorf("viewer %d: %v", k+1, err)
		}
		if left := int(s.hub.viewers.Load()); left != maxViewers {
			t.Errorf("%d browsers, want %d", left, maxViewers)
		}
	}
	if got, _ := join(secret); got != http.StatusServiceUnavailable {
		t.Errorf("an operator among as many operators: %d", got)
	}
}

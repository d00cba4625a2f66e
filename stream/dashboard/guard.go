package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// cookieName is of the cookie that a browser gets for the token. It holds a random number, not the token.
const cookieName = "gyrus_page"

// policy is what the page may load: its own files, and nothing else from anywhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard stands before every request.
//
// Host must be one of the known names, or a page of strangers could reach this one under a name of its own (DNS rebinding).
// An Origin, where there is one, must be this page's. A request that does something must be JSON, which no form of another
// page can send without asking first, and which is never granted here. With tokens, everything but the files of the page,
// which hold nothing secret, needs one; the token for looking on presses no button.
type guard struct {
	hosts  map[string]bool
	secure bool
	keys   []key // empty: none is asked for
}

// key is a token and what it is good for.
type key struct {
	token  [sha256.Size]byte
	cookie string // of a browser that has shown it
	right  right
}

// right is what a request may do.
type right int

const (
	none    right = iota
	looks         // sees the session
	presses       // and its buttons do something
)

func newGuard(opt Options) (*guard, error) {
	g := &guard{hosts: opt.hosts(), secure: opt.Cert != ""}
	for _, k := range []struct {
		option, file string
		right        right
	}{{"token", opt.Token, presses}, {"view_token", opt.ViewToken, looks}} {
		if k.file == "" {
			continue
		}
		token, err := readToken(k.option, k.file)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(token)
		if len(g.keys) > 0 && g.keys[0].token == sum {
			return nil, errors.New("token and view_token hold the same secret: who is to look on only would press buttons; make another one")
		}
		var number [32]byte
		if _, err := rand.Read(number[:]); err != nil {
			return nil, err
		}
		g.keys = append(g.keys, key{sum, hex.EncodeToString(number[:]), k.right})
	}
	return g, nil
}

func (g *guard) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if status, wrong := g.refuses(r); wrong != "" {
			refuse(w, status, wrong)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuses says why a request is not answered, "" where it is.
func (g *guard) refuses(r *http.Request) (status int, wrong string) {
	if !g.hosts[hostname(r.Host)] {
		return http.StatusForbidden, "this page is not known by that name: set hosts in the section dashboard"
	}
	if o := r.Header.Get("Origin"); o != "" && !g.own(o, r.Host) {
		return http.StatusForbidden, "asked by the page of another server"
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return http.StatusForbidden, "asked by the page of another server"
	}
	if r.Method == http.MethodPost {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return http.StatusUnsupportedMediaType, "Content-Type must be application/json"
		}
	}
	if r.URL.Path != "/events" && !strings.HasPrefix(r.URL.Path, "/api/") {
		return 0, ""
	}
	switch may := g.rightOf(r); {
	case may == none:
		return http.StatusUnauthorized, "the token is missing or wrong"
	case may == looks && r.Method != http.MethodGet && r.Method != http.MethodHead:
		return http.StatusForbidden, "the token that was shown is for looking on: it presses no button, not the emergency stop either; open the page with the token of the operator, or ask with gyrus ctl"
	}
	return 0, ""
}

// own says whether an origin is the page itself.
func (g *guard) own(origin, host string) bool {
	u, err := url.Parse(origin)
	scheme := "http"
	if g.secure {
		scheme = "https"
	}
	if err != nil || u.Host != host {
		return false
	}
	return u.Scheme == scheme || u.Scheme == "https" // a proxy may speak TLS for us
}

// rightOf is what a request may do by the token that it shows, or by a cookie that was given for one.
func (g *guard) rightOf(r *http.Request) right {
	if len(g.keys) == 0 {
		return presses
	}
	if c, err := r.Cookie(cookieName); err == nil {
		for _, k := range g.keys {
			if subtle.ConstantTimeCompare([]byte(c.Value), []byte(k.cookie)) == 1 {
				return k.right
			}
		}
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if k := g.keyOf(bearer); k != nil {
			return k.right
		}
	}
	return none
}

// keyOf compares in constant time with every key; nil where it is none.
func (g *guard) keyOf(token string) (found *key) {
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	for i := range g.keys {
		if subtle.ConstantTimeCompare(sum[:], g.keys[i].token[:]) == 1 {
			found = &g.keys[i]
		}
	}
	return found
}

// login gives a browser that shows the token a cookie. It lasts until the browser or this server ends.
func (g *guard) login(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Token string `json:"token"`
	}
	if err := read(w, r, &q); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if len(g.keys) > 0 {
		k := g.keyOf(q.Token)
		if k == nil {
			refuse(w, http.StatusUnauthorized, "the token is wrong")
			return
		}
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: k.cookie, Path: "/", HttpOnly: true, Secure: g.secure, SameSite: http.SameSiteStrictMode})
	}
	answer(w, http.StatusOK, map[string]any{"ok": true})
}

// hostname is the name in a Host header, in lower case.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// nolog drops what the HTTP server says of broken connections: anybody can cause it.
func nolog() *log.Logger { return log.New(io.Discard, "", 0) }

package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
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
// page can send without asking first, and which is never granted here. With a token, everything but the files of the page,
// which hold nothing secret, needs it.
type guard struct {
	hosts  map[string]bool
	secure bool
	token  *[sha256.Size]byte // nil: none is asked for
	cookie string             // of a browser that has shown it
}

func newGuard(opt Options) (*guard, error) {
	g := &guard{hosts: opt.hosts(), secure: opt.Cert != ""}
	if opt.Token == "" {
		return g, nil
	}
	token, err := readToken(opt.Token)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(token)
	g.token = &sum
	var number [32]byte
	if _, err := rand.Read(number[:]); err != nil {
		return nil, err
	}
	g.cookie = hex.EncodeToString(number[:])
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
	if (r.URL.Path == "/events" || strings.HasPrefix(r.URL.Path, "/api/")) && !g.admits(r) {
		return http.StatusUnauthorized, "the token is missing or wrong"
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

// admits says whether a request shows the token, or a cookie that was given for it.
func (g *guard) admits(r *http.Request) bool {
	if g.token == nil {
		return true
	}
	if c, err := r.Cookie(cookieName); err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(g.cookie)) == 1 {
		return true
	}
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && g.same(bearer)
}

// same compares in constant time.
func (g *guard) same(token string) bool {
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
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
	if g.token != nil {
		if !g.same(q.Token) {
			refuse(w, http.StatusUnauthorized, "the token is wrong")
			return
		}
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: g.cookie, Path: "/", HttpOnly: true, Secure: g.secure, SameSite: http.SameSiteStrictMode})
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

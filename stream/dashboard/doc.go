// Package dashboard serves a web page that shows a running session and has its buttons.
//
// The session hands copies of its chunks, decisions and states to a Server, which never makes it wait: what a goroutine of
// the Server's own does not take in time is dropped and counted. That goroutine thins the samples out, estimates spectra,
// interpolates the scalp map, and puts messages into a short queue of each browser, where the oldest give way to the
// newest: a browser that does not read loses messages and holds up nobody. docs/dashboard.md describes the messages.
//
// The page is one HTML file with its style and its scripts, embedded in the binary. It talks to nobody but its server.
package dashboard

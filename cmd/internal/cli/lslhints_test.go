package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHiddenStreams: where the file of LSLAPICFG hides a stream that is there, by another session, or a machine, by a name without an
// address, each command that looks for streams says so, with what to do, and which session it looks for.
func TestHiddenStreams(t *testing.T) {
	lab(t)
	amplifier := start(t, "play", "synth:imagery:1:1", "--lsl", "--stream", "cap", "--speed", "0.2", "--json")
	says(t, "cap", &amplifier.errs)
	data, err := os.ReadFile(os.Getenv("LSLAPICFG"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := fmt.Sprintf("%s-%d", t.Name(), os.Getpid())
	ours := strings.Replace(string(data), "SessionID = "+theirs, "SessionID = mine\nKnownPeers = {127.0.0.1, ::1, nosuch.invalid}", 1)
	dir := t.TempDir()
	t.Setenv("LSLAPICFG", write(t, dir, "mine.cfg", ours))
	session := write(t, dir, "s.yaml", fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: lsl, name: cap, timeout_s: 0.5}\n", model(t)))
	for _, args := range [][]string{
		{"streams", "--wait", "0.6"},
		{"doctor"},
		{"doctor", "--session", session},
		{"live", session},
		{"record", filepath.Join(dir, "r.arrow"), "lsl://?name=cap", "--wait", "0.5"},
	} {
		_, out, errs := run(t, args...)
		text := out + errs
		for _, want := range []string{`session "mine"`, fmt.Sprintf("(2 of %q), and only those of %q are looked for", theirs, "mine"), "give its session as SessionID", `the known peer "nosuch.invalid" is not asked, as its name has no address`, "give the address of the machine in KnownPeers", "the known peer ::1 is not asked, as IPv6 is off"} {
			if !strings.Contains(text, want) {
				t.Errorf("%v does not say %q: %s", args, want, text)
			}
		}
	}
	amplifier.stop()
	amplifier.wait(t)
}

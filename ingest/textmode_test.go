package ingest_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
)

// counted is bytes in pieces of any length.
func counted(t *testing.T, data []byte, rng *rand.Rand) *ingest.ByteCounts {
	t.Helper()
	var c ingest.ByteCounts
	for len(data) > 0 {
		n := min(len(data), rng.IntN(40))
		if _, err := c.Write(data[:n]); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
	return &c
}

// TestByteCounts compares the counts with naive ones, and what is told with what was done, on samples of several kinds.
func TestByteCounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]func() int16{
		"loud": func() int16 { return int16(3000 * rng.NormFloat64()) }, "quiet": func() int16 { return int16(40 * rng.NormFloat64()) },
		"even": func() int16 { return 2 * int16(100*rng.NormFloat64()) }, "few values": func() int16 { return int16(10 * (rng.IntN(3) - 1)) }, "flat": func() int16 { return 0 },
		"line feeds alone": func() int16 { return 10 },
	}
	for name, value := range kinds {
		data := make([]byte, 0, 400_000)
		for range 200_000 {
			v := value()
			data = append(data, byte(v), byte(v>>8))
		}
		for damage, damaged := range map[string][]byte{
			"":           data,
			"CR to LF":   bytes.ReplaceAll(data, []byte("\r"), []byte("\n")),
			"CRLF to CR": bytes.ReplaceAll(data, []byte("\r\n"), []byte("\r")), "CRLF to LF": bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")),
			"LF to CRLF": bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")),
		} {
			c := counted(t, damaged, rng)
			near := 0
			for i := range damaged[1:] {
				a, b := int(damaged[i])-13, int(damaged[i+1])-10
				if a*a+b*b == 1 {
					near++
				}
			}
			if c.N[10] != int64(bytes.Count(damaged, []byte{10})) || c.Pairs != int64(bytes.Count(damaged, []byte("\r\n"))) || c.Near != int64(near) {
				t.Errorf("%s, %s: %d line feeds, %d pairs and %d near ones", name, damage, c.N[10], c.Pairs, c.Near)
			}
			noisy := name == "loud" || name == "quiet"
			if want := damage == "CR to LF" && noisy; c.ReturnsLost() != want {
				t.Errorf("%s, %s: returns are lost: %v, want %v", name, damage, c.ReturnsLost(), want)
			}
			if want := strings.HasPrefix(damage, "CRLF") && name == "loud"; want && !c.PairsLost() || damage == "" && c.PairsLost() {
				t.Errorf("%s, %s: pairs are lost: %v, want %v", name, damage, c.PairsLost(), want)
			}
			words, err := ingest.CheckReturns(bytes.NewReader(damaged), int64(len(damaged)))
			if err != nil || (words != "") != (damage == "CR to LF" && noisy) {
				t.Errorf("%s, %s: it says %q, %v", name, damage, words, err)
			}
		}
	}
}

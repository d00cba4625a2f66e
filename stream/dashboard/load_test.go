package dashboard_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// watch is a browser that reads everything and counts the messages, until ctx ends.
func watch(ctx context.Context, t *testing.T, url string) (counts map[string]int) {
	counts = map[string]int{}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"events?count=64", nil)
	if err != nil {
		t.Error(err)
		return counts
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return counts
	}
	defer func() { _ = res.Body.Close() }() // it was cut off
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			counts[event]++
		}
	}
	return counts
}

// stall is a browser that asks and never reads, until ctx ends.
func stall(ctx context.Context, t *testing.T, url string) {
	host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		t.Error(err)
		return
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(conn, "GET /events?count=64 HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); err != nil {
		t.Error(err)
	}
	<-ctx.Done()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// TestBrowsersDoNotSlowTheSession measures the time from the arrival of a chunk to its decision with and without three browsers, one of
// them stalled, in turn in the same session. A shared machine is sometimes busy: it is tried three times, and each is printed.
func TestBrowsersDoNotSlowTheSession(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	const turns, turn = 4, time.Second
	for try := 1; ; try++ {
		var mu sync.Mutex
		var took [2][]float64 // without and with browsers, ms
		with := -1            // neither
		r := start(t, 20, synth.EEGMMIDB(), options(), func(o *session.Options) {
			o.OnDecision = func(d session.Decided) {
				mu.Lock()
				defer mu.Unlock()
				if with >= 0 {
					took[with] = append(took[with], time.Since(d.Arrived).Seconds()*1e3)
				}
			}
		})
		set := func(k int) { mu.Lock(); defer mu.Unlock(); with = k }
		r.until("decisions", func() bool { return r.look().Windows > 20 })
		counts := make([]map[string]int, 2)
		for range turns {
			set(0)
			time.Sleep(turn)
			set(-1)
			ctx, cancel := context.WithCancel(t.Context())
			var browsers sync.WaitGroup
			for k := range counts {
				browsers.Go(func() { counts[k] = watch(ctx, t, r.page.URL()) })
			}
			browsers.Go(func() { stall(ctx, t, r.page.URL()) })
			time.Sleep(turn / 4) // they come
			set(1)
			time.Sleep(turn)
			set(-1)
			cancel()
			browsers.Wait()
			for _, c := range counts {
				if c["traces"] == 0 || c["decisions"] == 0 || c["state"] == 0 {
					t.Errorf("a browser got %v", c)
				}
			}
		}
		r.stop()
		<-r.done
		if r.err != nil {
			t.Fatal(r.err)
		}
		quantile := func(x []float64, p float64) float64 { slices.Sort(x); return x[int(p*float64(len(x)-1))] }
		alone, watched := took[0], took[1]
		if len(alone) < 200 || len(watched) < 200 {
			t.Fatalf("%d and %d decisions are too few", len(alone), len(watched))
		}
		p50, p99 := [2]float64{quantile(alone, 0.5), quantile(watched, 0.5)}, [2]float64{quantile(alone, 0.99), quantile(watched, 0.99)}
		t.Logf("try %d: chunk → decision: p50 %.3f ms alone, %.3f ms with three browsers; p99 %.3f and %.3f ms (%d and %d decisions)", try, p50[0], p50[1], p99[0], p99[1], len(alone), len(watched))
		// The same to what a machine with two cores, on which the browsers run as well, can tell.
		if p50[1] <= 1.5*p50[0]+0.2 && p99[1] <= 2*p99[0]+1 {
			return
		}
		if try == 3 {
			t.Error("a session with three browsers, one of them stalled, is slower than one without")
			return
		}
	}
}

// TestStalledBrowserLosesMessages: it loses messages, and the session and others go on.
func TestStalledBrowserLosesMessages(t *testing.T) {
	r := start(t, 20, synth.EEGMMIDB(), options(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	var browsers sync.WaitGroup
	browsers.Go(func() { stall(ctx, t, r.page.URL()) })
	var counts map[string]int
	browsers.Go(func() { counts = watch(ctx, t, r.page.URL()) })
	samples := int64(0)
	r.until("samples to be decoded", func() bool { samples = r.look().Samples; return samples > 20*160*4 })
	cancel()
	browsers.Wait()
	if counts["traces"] < 10 {
		t.Errorf("the browser beside a stalled one got %v", counts)
	}
}

// knock asks for messages and says how it was answered; leave ends the connection, as the end of the test does.
func knock(t *testing.T, url string) (status int, leave context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = res.Body.Close() })
	return res.StatusCode, cancel
}

// TestTooManyBrowsers: the 17th is refused, and when one goes another may come.
func TestTooManyBrowsers(t *testing.T) {
	r := start(t, 1, []string{"C3", "C4", "Cz", "FC3", "FC4", "CP3", "CP4", "CPz"}, options(), nil)
	var leave []context.CancelFunc
	for k := range 17 {
		status, end := knock(t, r.page.URL())
		leave = append(leave, end)
		if want := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[k < 16]; status != want {
			t.Fatalf("browser %d: %d, want %d", k+1, status, want)
		}
	}
	leave[0]()
	r.until("a place to be free", func() bool { status, _ := knock(t, r.page.URL()); return status == http.StatusOK })
}

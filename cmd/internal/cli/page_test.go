package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// pageActuator is what a page is told of one controller.
type pageActuator struct {
	Controller string
	Kind       string
	State      string
	Position   []float64
	Joints     []struct{ Bend float64 }
	AgeMS      float64 `json:"age_ms"`
}

// TestPageShowsControllers: the page of gyrus live shows a cursor and a hand that other processes move, each by its name, and none
// once they have ended.
func TestPageShowsControllers(t *testing.T) {
	dir := t.TempDir()
	m := model(t)
	port := freePort(t)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	file := write(t, dir, "s.yaml", fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: play, file: %q, speed: 1}\nbus: {port: %d}\ndashboard: {listen: \"127.0.0.1:0\"}\n", m, s001(t, "R14"), port))
	live := start(t, "live", file)
	says(t, "decoding", &live.errs)
	page := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(live.errs.String())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page+"events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it may have been cut off
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	event := ""
	until := func(what string, ok func([]pageActuator) bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && lines.Scan(); {
			if name, is := strings.CutPrefix(lines.Text(), "event: "); is {
				event = name
			}
			data, is := strings.CutPrefix(lines.Text(), "data: ")
			if !is || event != "actuators" {
				continue
			}
			var got struct{ Actuators []pageActuator }
			if err := json.Unmarshal([]byte(data), &got); err != nil {
				t.Fatal(err)
			}
			if ok(got.Actuators) {
				return
			}
		}
		t.Fatalf("waited in vain for %s (%v); %s", what, lines.Err(), live.errs.String())
	}
	of := func(list []pageActuator, kind string) pageActuator {
		for _, a := range list {
			if a.Kind == kind {
				return a
			}
		}
		return pageActuator{}
	}
	until("nothing", func(list []pageActuator) bool { return len(list) == 0 })
	cursor := start(t, "control", "cursor", "--session", "s1", "--url", url, "--left", "feet", "--right", "fists", "--headless", "--pause", "0s")
	until("a cursor that moves", func(list []pageActuator) bool {
		a := of(list, "cursor")
		return len(list) == 1 && a.State == "moves" && a.Position[0] != 0
	})
	hand := start(t, "control", "hand", "--session", "s1", "--url", url, "--grasp", "fists=power", "--grasp", "feet=pinch", "--headless", "--pause", "0s", "--json")
	until("both, the hand bent", func(list []pageActuator) bool {
		h := of(list, "hand")
		return len(list) == 2 && of(list, "cursor").Controller != h.Controller && len(h.Joints) > 4 && h.Joints[1].Bend > 0.05
	})
	cursor.stop()
	cursor.wait(t)
	until("the hand alone", func(list []pageActuator) bool { return len(list) == 1 && of(list, "hand").Kind == "hand" })
	hand.stop()
	hand.wait(t)
	until("nothing again", func(list []pageActuator) bool { return len(list) == 0 })
	if sent, lost := lastReports(t, hand.out.String()); sent < 3 || lost != 0 {
		t.Errorf("the hand sent %d reports, and could not send %d", sent, lost)
	}
	live.stop()
	live.wait(t)
}

// lastReports is how many reports a controller says that it sent.
func lastReports(t *testing.T, out string) (sent, lost int) {
	t.Helper()
	all := strings.Split(strings.TrimSpace(out), "\n")
	var v struct {
		Reports struct {
			Sent    int
			NotSent int `json:"not_sent"`
		}
	}
	if err := json.Unmarshal([]byte(all[len(all)-1]), &v); err != nil {
		t.Fatal(err)
	}
	return v.Reports.Sent, v.Reports.NotSent
}

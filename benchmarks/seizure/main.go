// Command seizure trains the networks for implants and holds their integer variants against floating point: the accuracy of
// windows, and alarms as events, on patients that were not trained on.
//
//	go run ./benchmarks/seizure                       simulated patients, in compressed time
//	go run ./benchmarks/seizure -chbmit FOLDER        CHB-MIT, which the user has
//
// The bar: int8 loses less than 0.5 points of balanced accuracy, the mean over patients, and fits into 64 kB of RAM. The exit
// code is 1 where it is missed. Simulated seizures are far simpler than real ones: their scores say that the networks learn
// and that integers do not spoil them, and nothing about patients.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders/seizure"
	_ "github.com/gyrus-bci/gyrus/ingest/all"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
)

// maxLoss is the bar, in points of balanced accuracy.
const maxLoss = 0.5

func main() {
	var (
		folder   = flag.String("chbmit", "", "folder of CHB-MIT, with the folders chb01 to chb24; empty for simulated patients")
		patients = flag.Int("patients", 6, "simulated patients, at least 3")
		runs     = flag.Int("runs", 2, "recordings of each simulated patient, a seizure in each")
		seconds  = flag.Float64("seconds", 900, "length of each simulated recording")
		models   = flag.String("models", "edge_dnn,edge_cnn,edge_lstm", "networks")
		most     = flag.Int("most", 60, "training windows of each class of each recording")
		prune    = flag.Float64("prune", 0.5, "part of the weights that a third variant loses; 0 for no such variant")
		epochs   = flag.Int("epochs", 20, "passes through the training windows")
		line     = flag.Float64("line", 60, "mains frequency in Hz")
		asJSON   = flag.Bool("json", false, "results as JSON")
	)
	flag.Parse()
	c := &config{
		models: strings.Split(*models, ","), labels: compressed, most: *most, prune: *prune, epochs: *epochs,
		say: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}
	var (
		who  []patient
		left []string
		err  error
	)
	if *folder != "" {
		c.labels = seizure.DefaultLabels()
		who, left, err = chbMIT(os.DirFS(*folder), *line)
	} else {
		who, err = simulated(*patients, *runs, *seconds, *line)
	}
	for _, l := range left {
		c.say("left out: %s", l)
	}
	if err == nil {
		err = report(c, who, *asJSON, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "seizure:", err)
		os.Exit(1)
	}
}

// compressed are the labels of simulated time: 210 to 30 s for preictal, 240 s for interictal.
var compressed = seizure.Labels{IctalPart: 0.5, PreictalS: 210, HorizonS: 30, InterictalS: 240}

// report runs both protocols and prints them. It is an error where a bar is missed.
func report(c *config, who []patient, asJSON bool, w io.Writer) error {
	var rows []summary
	for _, protocol := range []func([]patient) ([]result, error){c.lopo, c.specific} {
		results, err := protocol(who)
		if err != nil {
			return err
		}
		var some []summary
		for _, r := range results {
			s, err := r.summary()
			if err != nil {
				return err
			}
			some = append(some, s)
		}
		if !asJSON { // the second protocol takes its time
			table(w, some)
		}
		rows = append(rows, some...)
	}
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if err := e.Encode(rows); err != nil {
			return err
		}
	}
	return bars(w, rows, asJSON)
}

func table(w io.Writer, rows []summary) {
	protocol := ""
	for _, s := range rows {
		if s.Protocol != protocol {
			protocol = s.Protocol
			fmt.Fprintf(w, "\n%s: %d patients, %d seizures in %.2f h\n", protocol, s.Patients, s.Seizures, s.Hours)
			fmt.Fprintf(w, "%-10s %-13s %9s %20s %8s %8s %22s %10s %9s %9s\n", "network", "variant", "balanced", "sensitivity (95 %)", "false/h", "false/d", "latency s (quartiles)", "µs/window", "flash B", "RAM B")
		}
		fmt.Fprintf(w, "%-10s %-13s %8.2f%% %6.1f%% (%3.0f to %3.0f) %8.2f %8.1f %9.1f (%.1f to %.1f) %10.0f %9d %9d\n", s.Model, s.Variant,
			100*s.Balanced, 100*s.Sensitivity, 100*s.Low, 100*s.High, s.PerHour, s.PerDay, or(s.Latency), or(s.LatencyQ1), or(s.LatencyQ3), s.NS/1e3, s.Flash, s.RAM)
	}
}

// or is NaN for nothing.
func or(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// bars holds the integer networks against those in floating point.
func bars(w io.Writer, rows []summary, quiet bool) error {
	var missed []string
	for i, s := range rows {
		if s.Variant != int8s || s.Protocol != rows[0].Protocol {
			continue
		}
		loss := 100 * (rows[i-1].Balanced - s.Balanced)
		if !quiet {
			fmt.Fprintf(w, "%s: int8 loses %.2f points (bar: below %g), RAM %d bytes (bar: below %d)\n", s.Model, loss, maxLoss, s.RAM, 64<<10)
		}
		if !(loss < maxLoss) {
			missed = append(missed, fmt.Sprintf("%s loses %.2f points in int8", s.Model, loss))
		}
		if s.RAM >= 64<<10 {
			missed = append(missed, fmt.Sprintf("%s needs %d bytes of RAM", s.Model, s.RAM))
		}
	}
	if missed != nil {
		return fmt.Errorf("missed: %s", strings.Join(missed, "; "))
	}
	return nil
}

// Command seizure trains the networks for implants and holds their integer variants against floating point: the accuracy of
// windows, and alarms as events, on patients that were not trained on.
//
//	go run ./benchmarks/seizure                       simulated patients, in compressed time
//	go run ./benchmarks/seizure -chbmit FOLDER        CHB-MIT, which the user has
//
// The bar: each integer network, under each protocol, loses less than 0.5 points of balanced accuracy to its twin in floating
// point on the same windows (the upper end of the interval of 95 % over patients is below), and fits into 64 kB of RAM. The
// exit code is 1 where it is missed. Simulated seizures are far simpler than real ones: their scores say that the networks learn
// and that integers do not spoil them, and nothing about patients.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
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
		patients = flag.String("patients", "101-108", "simulated patients, FROM-TO, at least 3; each number is a patient of its own, always the same. All that was chosen, was chosen looking at 1 to 26")
		runs     = flag.Int("runs", 2, "recordings of each simulated patient, a seizure in each")
		seconds  = flag.Float64("seconds", 600, "length of each simulated recording")
		models   = flag.String("models", "edge_dnn,edge_cnn,edge_lstm", "networks")
		most     = flag.Int("most", 15, "training windows of each class of each recording")
		prune    = flag.Float64("prune", 0, "part of the weights that a third variant loses, for example 0.5; 0 for no such variant")
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
		var first, last uint64
		if first, last, err = span(*patients); err != nil {
			fmt.Fprintln(os.Stderr, "seizure: -patients:", err)
			os.Exit(2)
		}
		who, err = simulated(first, last, *runs, *seconds, *line)
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

// span reads FROM-TO, two numbers of simulated patients.
func span(s string) (first, last uint64, err error) {
	a, b, ok := strings.Cut(s, "-")
	if ok {
		if first, err = strconv.ParseUint(a, 10, 32); err == nil {
			last, err = strconv.ParseUint(b, 10, 32)
		}
	}
	if !ok || err != nil || first < 1 || last < first+2 || last-first >= 1000 {
		return 0, 0, fmt.Errorf("%q must be FROM-TO, two whole numbers from 1 on with 3 to 1000 patients from one to the other, for example 101-108", s)
	}
	return first, last, nil
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
		some, err := summaries(results)
		if err != nil {
			return err
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

// table prints one line for each variant of each network: what it finds, then what it costs.
func table(w io.Writer, rows []summary) {
	protocol := ""
	for _, s := range rows {
		if s.Protocol != protocol {
			protocol = s.Protocol
			fmt.Fprintf(w, "\n%s: %d patients, %d windows with a class, %d seizures in %.2f h\n", protocol, s.Patients, s.Windows, s.Seizures, s.Hours)
			fmt.Fprintf(w, "%-10s %-13s %-22s %-24s %7s %-18s %8s %8s %-22s\n", "network", "variant", "balanced % (95 %)", "lost to float, points", "differ", "sensitivity %", "false/h", "false/d", "latency s (quartiles)")
		}
		loss := ""
		if s.Loss != nil {
			loss = s.Loss.percent(2)
		}
		fmt.Fprintf(w, "%-10s %-13s %-22s %-24s %6.2f%% %5.1f (%3.0f to %3.0f) %9.2f %8.1f %5.1f (%.1f to %.1f)\n", s.Model, s.Variant, s.Balanced.percent(1), loss, 100*float64(s.Differ)/float64(s.Windows),
			100*s.Sensitivity, 100*s.Low, 100*s.High, s.PerHour, s.PerDay, or(s.Latency), or(s.LatencyQ1), or(s.LatencyQ3))
	}
	cpu := seizure.STM32L476()
	fmt.Fprintf(w, "\n%-10s %-13s %9s %9s %9s %9s %9s %9s %9s %10s\n", "network", "variant", "weights", "are 0", "flash B", "RAM B", "MACs", "ms", "µJ", "µs here")
	for _, s := range rows {
		if r := s.Cost; r != nil {
			e := r.Estimates[0]
			fmt.Fprintf(w, "%-10s %-13s %9d %9d %9d %9d %9d %9.2f %9.0f %10.0f\n", s.Model, s.Variant, r.Parameters, r.Zero, r.Flash, r.RAM.Total, r.UsedMACs+r.FrontMACs, e.Milliseconds, e.Microjoules, s.NS/1e3)
		}
	}
	fmt.Fprintf(w, "ms and µJ of one answer, one a second, are estimates for %s, portable C (%s); RAM has %d bytes of stack in it; MACs are those that are done\n", cpu.Name, cpu.Source, seizure.StackBytes)
}

// percent is m in hundredths with so many digits, and its interval.
func (m mean) percent(digits int) string {
	if m.Low == nil {
		return fmt.Sprintf("%.*f (one patient)", digits, 100*m.Mean)
	}
	return fmt.Sprintf("%.*f (%.*f to %.*f)", digits, 100*m.Mean, digits, 100**m.Low, digits, 100**m.High)
}

// or is NaN for nothing.
func or(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// bars holds the integer networks against those in floating point, under both protocols.
func bars(w io.Writer, rows []summary, quiet bool) error {
	var missed []string
	for _, s := range rows {
		if s.Variant != int8s {
			continue
		}
		if !quiet {
			fmt.Fprintf(w, "%s, %s: int8 loses %s points on %d windows (bar: all of the interval below %g), RAM %d bytes (bar: below %d)\n",
				s.Protocol, s.Model, s.Loss.percent(2), s.Windows, maxLoss, s.Cost.RAM.Total, s.Cost.RAM.Limit)
		}
		switch {
		case s.Loss.High == nil:
			missed = append(missed, fmt.Sprintf("%s, %s: one patient has no interval", s.Protocol, s.Model))
		case !(100**s.Loss.High < maxLoss):
			missed = append(missed, fmt.Sprintf("%s, %s: int8 loses %s points", s.Protocol, s.Model, s.Loss.percent(2)))
		}
		if !s.Cost.RAM.Within {
			missed = append(missed, fmt.Sprintf("%s needs %d bytes of RAM", s.Model, s.Cost.RAM.Total))
		}
	}
	if missed != nil {
		return fmt.Errorf("missed: %s", strings.Join(missed, "; "))
	}
	return nil
}

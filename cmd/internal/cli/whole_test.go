package cli

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// TestWholeRecordings: EEGMAT says by the names of its files what they are of. Windows of 3 s all along them are learned from, no person
// is in training and test, and what would put one recording into both is refused.
func TestWholeRecordings(t *testing.T) {
	t.Setenv("GYRUS_DATA", filepath.Dir(datasettest.Need(t, "eegmat")))
	var info struct {
		Events []struct {
			Label     string  `json:"label"`
			DurationS float64 `json:"duration_s"`
		} `json:"events"`
		DurationS float64 `json:"duration_s"`
	}
	mustJSON(t, &info, "info", "eegmat:1:2", "--json")
	if len(info.Events) != 2 || info.Events[0].Label != "mental arithmetic" || info.Events[0].DurationS != info.DurationS || info.DurationS != 62 {
		t.Errorf("the recording of %g s has the events %+v", info.DurationS, info.Events)
	}
	args := []string{"train", "ts-lr", "eegmat", "--events", "rest=rest,mental arithmetic=task", "--tmin", "0", "--tmax", "3", "--every", "3"}
	var res trainJSON
	mustJSON(t, &res, append(args, "--split", "cross-subject", "--json")...)
	// 182 s and 62 s make 60 and 20 windows of 3 s.
	if res.Trials != 2*(60+20) || len(res.Folds) != 2 || res.WholeRuns != 4 || res.Folds[0].Name != "test on sub-00" || res.Folds[0].Trials != 80 {
		t.Errorf("%d trials of %d recordings in the folds %+v", res.Trials, res.WholeRuns, res.Folds)
	}
	if res.AUC == nil || !(res.AUC.AUC > 0.9) {
		t.Errorf("the area under the curve is %+v, must be above 0.9", res.AUC)
	}
	// Shuffled, both persons have their labels the same way round, or not, equally often, and these two cases have areas as far above
	// chance as below it.
	seen, sum := map[string]float64{}, 0.0
	for seed := 0; len(seen) < 2 && seed < 10; seed++ {
		var p trainJSON
		mustJSON(t, &p, append(args, "--split", "cross-subject", "--json", "--permute", "--seed", strconv.Itoa(seed))...)
		var correct []int
		for _, f := range p.Folds {
			correct = append(correct, f.Correct)
		}
		key := fmt.Sprint(correct)
		if _, known := seen[key]; !known {
			seen[key] = p.AUC.AUC
		}
	}
	for _, a := range seen {
		sum += a
	}
	if mean := sum / float64(len(seen)); len(seen) != 2 || mean < 0.49 || mean > 0.51 {
		t.Errorf("over %d orders of the labels the area under the curve is %g, must be 0.5 over 2", len(seen), mean)
	}
	for _, scheme := range []string{"kfold", "blocked-kfold", "within-session", "within-session-blocked"} {
		if code, _, errs := run(t, append(args, "--split", scheme)...); code != exitRefused || !strings.Contains(errs, "would tell recordings apart, not classes") {
			t.Errorf("%s: exit code %d: %s", scheme, code, errs)
		}
	}
	// Of one person, there is nothing to learn from that would not be of the other class: nothing that cannot be is recommended.
	one := []string{"train", "ts-lr", "eegmat:00", "--events", "rest=rest,mental arithmetic=task", "--tmin", "0", "--tmax", "3", "--every", "3", "--split", "kfold"}
	if code, _, errs := run(t, one...); code != exitRefused || !strings.Contains(errs, "give recordings of more persons") || strings.Contains(errs, "use the split") {
		t.Errorf("one person: exit code %d: %s", code, errs)
	}
	// Without --split the one that fits is taken; one that was asked for stays.
	var byDefault trainJSON
	mustJSON(t, &byDefault, append(args, "--json")...)
	if byDefault.Split != "cross-subject" || byDefault.Events != 4 || byDefault.BalancedAccuracy != res.BalancedAccuracy {
		t.Errorf("the split is %s, of %d events", byDefault.Split, byDefault.Events)
	}
	if _, _, errs := run(t, append(args, "--split", "leave-one-run-out")...); !strings.Contains(errs, "may draw scores below chance: use --split cross-subject") {
		t.Errorf("leave-one-run-out: %s", errs)
	}
}

package cli

import (
	"strings"
	"testing"
)

// TestTrainPurges: windows that are longer than the events are apart share samples with their neighbours. Those of a training part that
// share some with tested ones are left out, counted in each fold, and people are told, with a split that leaves out fewer. Shorter windows
// and whole runs lose none, and what leaves nothing to learn from is refused.
func TestTrainPurges(t *testing.T) {
	args := func(tmax, split string, more ...string) []string {
		return append([]string{"train", "csp-lda", s001(t, "R06"), s001(t, "R10"), "--events", "T1=fists,T2=feet", "--tmin", "0", "--tmax", tmax, "--split", split}, more...)
	}
	purged := map[string]int{}
	for _, split := range []string{"kfold", "blocked-kfold", "leave-one-run-out"} {
		for _, tmax := range []string{"3", "12"} { // a cue every 8.2 s
			var res trainJSON
			mustJSON(t, &res, args(tmax, split, "--json")...)
			sum, trials := 0, 0
			for _, f := range res.Folds {
				sum, trials = sum+f.Purged, trials+f.Trials
			}
			if res.Purged != sum || trials != res.Trials {
				t.Errorf("%s, %s s: %d windows are left out, in the folds %d; %d of %d are tested", split, tmax, res.Purged, sum, trials, res.Trials)
			}
			purged[split+" "+tmax] = sum
		}
	}
	k, b := purged["kfold 12"], purged["blocked-kfold 12"]
	if b != 8 || k <= b { // the two windows beside each of the 4 borders of the 5 blocks
		t.Errorf("%d and %d windows are left out, want 8 of blocks and more of shuffled folds", b, k)
	}
	for _, none := range []string{"kfold 3", "blocked-kfold 3", "leave-one-run-out 3", "leave-one-run-out 12"} {
		if purged[none] != 0 {
			t.Errorf("%s: %d windows are left out, want none", none, purged[none])
		}
	}
	if code, _, errs := run(t, args("12", "kfold")...); code != 0 || !strings.Contains(errs, "share samples with windows that are tested and are left out") || !strings.Contains(errs, "--split blocked-kfold leaves out fewer, leave-one-run-out none") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if code, out, errs := run(t, args("60", "kfold")...); code != exitRefused || out != "" || !strings.Contains(errs, "so it cannot be learned; cut shorter windows, or use another split") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

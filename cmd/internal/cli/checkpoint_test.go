package cli

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asGyrus is the variable with the arguments of a test binary that is to be gyrus, one to a line.
const asGyrus = "GYRUS_TEST_ARGUMENTS"

func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(asGyrus); ok {
		os.Args = append(os.Args[:1], strings.Split(args, "\n")...)
		Main()
	}
	os.Exit(m.Run())
}

// gyrusProcess is a gyrus of its own, to be killed.
func gyrusProcess(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), asGyrus+"="+strings.Join(args, "\n"))
	return cmd
}

// checkpointed are pipelines whose training is kept: a network with augmentation, one inside of a calibration, and one that
// is trained again behind pruning.
var checkpointed = map[string]string{
	"eegnet":     "eegnet, epochs: 12, augment: [time_shift, mixup]",
	"calibrated": "calibrated, folds: 2, decoder: {use: shallow, epochs: 3}",
	"edge_cnn":   "edge_cnn, epochs: 8, prune: 0.5, fine_tune_epochs: 6",
}

func trainArguments(t *testing.T, decoder string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "net.yaml")
	text := "preprocess: [{use: pick, kinds: [eeg]}]\nsegment: {use: events, tmin_s: 0.5, tmax_s: 2.5, events: {T1: fists, T2: feet}}\ndecoder: {use: " + decoder + "}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"train", file, s001(t, "R06"), s001(t, "R10"), "--checkpoint-every", "1"}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestTrainSurvivesKill: a training that is killed again and again, and taken up each time, ends with the bundle and the
// scores of one that nobody killed, to the byte.
func TestTrainSurvivesKill(t *testing.T) {
	for name, decoder := range checkpointed {
		t.Run(name, func(t *testing.T) {
			args := trainArguments(t, decoder)
			dir := t.TempDir()
			whole, out, file := filepath.Join(dir, "whole.gyrus"), filepath.Join(dir, "out.gyrus"), filepath.Join(dir, "net.ckpt")
			begin := time.Now()
			text, err := gyrusProcess(t, append(args, "--checkpoint", filepath.Join(dir, "whole.ckpt"), "-o", whole)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(begin)
			rng := rand.New(rand.NewPCG(uint64(len(name)), 1))
			killed, resumed := 0, 0
			for try := 0; ; try++ {
				flag := "--checkpoint"
				if _, err := os.Stat(file); err == nil {
					flag = "--resume"
					resumed++
				}
				cmd := gyrusProcess(t, append(args, flag, file, "-o", out)...)
				var said, errs bytes.Buffer
				cmd.Stdout, cmd.Stderr = &said, &errs
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if try < 6 { // then it may come to its end
					time.AfterFunc(took/4+time.Duration(rng.Int64N(int64(took))/3), func() { _ = cmd.Process.Kill() }) // over already: no harm
				}
				err := cmd.Wait()
				if err == nil {
					if got := strings.ReplaceAll(said.String(), out, whole); got != string(text) {
						t.Errorf("the scores are\n%s\nwant\n%s", got, text)
					}
					break
				}
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Exited() {
					t.Fatalf("%v: %s", err, errs.String())
				}
				killed++
				if _, err := os.Stat(out); err == nil {
					t.Error("there is a bundle of a training that was killed")
					break
				}
			}
			if killed == 0 || resumed == 0 {
				t.Fatalf("killed %d times and taken up %d times: nothing was tested", killed, resumed)
			}
			t.Logf("killed %d times, taken up from a checkpoint %d times", killed, resumed)
			if !bytes.Equal(read(t, whole), read(t, out)) {
				t.Error("the bundle has other bytes than that of a training that nobody killed")
			}
			if !bytes.Equal(read(t, filepath.Join(dir, "whole.ckpt")), read(t, file)) {
				t.Error("the last checkpoint has other bytes, too")
			}
		})
	}
}

// TestTrainRefusesCheckpoints: what cannot be gone on from is refused, and nothing is written.
func TestTrainRefusesCheckpoints(t *testing.T) {
	args := trainArguments(t, "eegnet, epochs: 2")
	dir := t.TempDir()
	good, out := filepath.Join(dir, "good.ckpt"), filepath.Join(dir, "out.gyrus")
	if code, _, errs := run(t, append(args, "--checkpoint", good)...); code != 0 {
		t.Fatal(errs)
	}
	raw := read(t, good)
	altered := bytes.Clone(raw)
	altered[len(altered)-7] ^= 4
	write := func(name string, raw []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	with := func(more ...string) []string { return append(args[:len(args):len(args)], more...) }
	for _, tc := range []struct {
		what string
		args []string
		code int
		says string
	}{
		{"over a checkpoint", with("--checkpoint", good), 2, "--resume " + good + " goes on from it"},
		{"no file", with("--resume", filepath.Join(dir, "none")), 2, "no such file"},
		{"cut short", with("--resume", write("short", raw[:len(raw)-9])), 3, "cut short or altered"},
		{"altered", with("--resume", write("altered", altered)), 3, "cut short or altered"},
		{"pickled", with("--resume", write("pickle", []byte("\x80\x04cposix\nsystem\nX\x04\x00\x00\x00trueR."))), 3, "nothing of it was run"},
		{"another seed", with("--resume", good, "--seed", "3"), 3, "its seed is 0, here it is 3"},
		{"other recordings", with("--resume", good, s001(t, "R14")), 3, "its recordings (SHA-256) is"},
		{"another pipeline", append([]string{"train", trainArguments(t, "eegnet, epochs: 3")[1]}, with("--resume", good)[2:]...), 3, "its pipeline is"},
		{"no epochs", append(with("--resume", good), "--checkpoint-every", "0"), 2, "must be at least 1"},
		{"every what", args, 2, "does nothing without"},
		{"over the bundle", with("--checkpoint", out), 2, "name two files"},
		{"a decoder without", append([]string{"train", trainArguments(t, "dqn")[1]}, with("--checkpoint", filepath.Join(dir, "dqn.ckpt"))[2:]...), 2, "learns by reward"},
		{"a decoder at once", []string{"train", "csp-lda", s001(t, "R06"), s001(t, "R10"), "--events", "T1=fists,T2=feet", "--checkpoint", filepath.Join(dir, "lda.ckpt")}, 2, "learns in one go"},
	} {
		code, said, errs := run(t, append(tc.args, "-o", out)...)
		if code != tc.code || !strings.Contains(errs, tc.says) || said != "" {
			t.Errorf("%s: exit code %d, printed %q, %q, want %d and %q", tc.what, code, said, errs, tc.code, tc.says)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%s: there is a bundle", tc.what)
		}
	}
	if !bytes.Equal(raw, read(t, good)) {
		t.Error("the checkpoint has changed")
	}
}

// TestKernelUnknown: an environment that asks for kernels that do not exist is wrong usage, in one line.
func TestKernelUnknown(t *testing.T) {
	cmd := gyrusProcess(t, "version")
	cmd.Env = append(cmd.Env, "GYRUS_KERNEL=sse9")
	var said, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || said.Len() > 0 || strings.Count(errs.String(), "\n") != 1 || !strings.Contains(errs.String(), `GYRUS_KERNEL is "sse9", must be generic`) {
		t.Errorf("got %v, %q and %q, want exit code 2 and one line", err, said.String(), errs.String())
	}
}

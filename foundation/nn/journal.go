package nn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/foundation/weights"
)

// Journal keeps how far the trainings of a program have come, so that the program, run again with the same data after it
// was killed, goes on where it was and ends with the same bits. A program runs its trainings in an order that its data and
// settings fix, so each one finds its own entry by its position: those that are over give their weights at once, the one
// that was cut off goes on behind its last checkpoint, and those behind it begin.
//
// It is used by one training at a time.
type Journal struct {
	// Program is what the order of the trainings, and what comes between them, depends on.
	Program map[string]string
	// Every is the number of epochs from one checkpoint to the next; 0 means 1. A training that is over is one, too.
	Every int
	// Save is given each checkpoint: the whole journal as a file.
	Save func(file []byte) error

	entries []snapshot
	next    int // position of the training that begins next
}

// journalKey is the metadata that holds all but the arrays, and journalVersion that of its layout.
const (
	journalKey     = "gyrus.checkpoint"
	journalVersion = 1
)

// journalHead is that metadata.
type journalHead struct {
	Version   int               `json:"version"`
	Program   map[string]string `json:"program"`
	Trainings []snapshot        `json:"trainings"`
}

type journalInContext struct{}

// WithJournal hands j to the trainings that are run with ctx.
func WithJournal(ctx context.Context, j *Journal) context.Context {
	return context.WithValue(ctx, journalInContext{}, j)
}

// JournalOf is the journal that WithJournal put into ctx, nil without one.
func JournalOf(ctx context.Context) *Journal {
	j, _ := ctx.Value(journalInContext{}).(*Journal)
	return j
}

// Epochs says how far the journal has come: the trainings that are over, and the epochs of the one behind them.
func (j *Journal) Epochs() (over, epochs int) {
	for _, e := range j.entries {
		if e.Text["finished"] == "true" {
			over++
			continue
		}
		epochs, _ = strconv.Atoi(e.Text["epoch"])
	}
	return over, epochs
}

// begin gives the next position to a training, and what the journal has of it, nil for nothing.
func (j *Journal) begin() (at int, have *snapshot) {
	at = j.next
	j.next++
	if at < len(j.entries) {
		return at, &j.entries[at]
	}
	return at, nil
}

// put makes s the entry at a position, the last one, and saves all.
func (j *Journal) put(at int, s snapshot) error {
	if at > len(j.entries) {
		return fmt.Errorf("checkpoint: training %d begins, and there are entries of %d only: one before it was not over", at+1, len(j.entries))
	}
	j.entries = append(j.entries[:at], s)
	raw, err := j.Marshal()
	if err != nil {
		return err
	}
	return j.Save(raw)
}

// Marshal lays the journal out as a file: safetensors with float32 tensors "0.weights.conv.weight", sealed by a SHA-256.
func (j *Journal) Marshal() ([]byte, error) {
	head, err := json.Marshal(journalHead{journalVersion, j.Program, j.entries})
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	f := weights.File{Metadata: map[string]string{journalKey: string(head)}, Tensors: map[string]weights.Tensor{}}
	for i, e := range j.entries {
		for name, a := range e.Arrays {
			f.Tensors[strconv.Itoa(i)+"."+name] = weights.Float32s(a.Data, a.Shape...)
		}
	}
	raw, err := weights.Seal(f)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return raw, nil
}

// ReadJournal reads what Marshal made, for the same program. What is in it is checked against each training when that
// begins.
func ReadJournal(file []byte, program map[string]string) (*Journal, error) {
	j, err := readJournal(file)
	if err != nil {
		return nil, fmt.Errorf("not a usable checkpoint: %w", err)
	}
	if what, differs := Differ(j.Program, program); differs {
		return nil, fmt.Errorf("the checkpoint is of another program run: %s; give the same data and settings, or begin anew", what)
	}
	return j, nil
}

func readJournal(file []byte) (*Journal, error) {
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) || len(file) > 1 && file[0] == 0x80 && file[1] <= 5 && (len(file) < 9 || file[8] != '{') {
		return nil, errors.New("it is a pickle, or a zip file of torch.save, which may hold code: nothing of it was run; gyrus goes on only from what gyrus train --checkpoint wrote")
	}
	f, err := weights.Unseal(file)
	if err != nil {
		return nil, err
	}
	text, ok := f.Metadata[journalKey]
	if !ok {
		return nil, fmt.Errorf("its header has no %s: it is another kind of file", journalKey)
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		return nil, fmt.Errorf("%s: %w", journalKey, err)
	}
	if version.Version != journalVersion {
		return nil, fmt.Errorf("its version is %d, this gyrus reads %d: go on with the gyrus that wrote it, or begin anew", version.Version, journalVersion)
	}
	var head journalHead
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&head); err != nil {
		return nil, fmt.Errorf("%s: %w", journalKey, err)
	}
	for i := range head.Trainings {
		head.Trainings[i].Arrays = map[string]Array{}
		if over := head.Trainings[i].Text["finished"] == "true"; !over && i+1 < len(head.Trainings) {
			return nil, fmt.Errorf("training %d of %d is not over, and others follow it", i+1, len(head.Trainings))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Tensors)) {
		which, rest, _ := strings.Cut(name, ".")
		i, err := strconv.Atoi(which)
		if err != nil || i < 0 || i >= len(head.Trainings) || strconv.Itoa(i) != which || rest == "" {
			return nil, fmt.Errorf("tensor %q belongs to none of the %d trainings", name, len(head.Trainings))
		}
		t := f.Tensors[name]
		if t.DType != "F32" {
			return nil, fmt.Errorf("tensor %q is %s, must be F32", name, t.DType)
		}
		data, err := t.Float32s()
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		head.Trainings[i].Arrays[rest] = Array{Shape(t.Shape), data}
	}
	return &Journal{Program: head.Program, entries: head.Trainings}, nil
}

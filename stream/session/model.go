package session

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Model is a trained pipeline with its name: the SHA-256 of its bundle, "" where it is not of a file.
type Model struct {
	Pipeline *pipeline.Pipeline
	SHA256   string
	File     string // that it was read from, "" where it was not
	Origin   Origin // for an Adapter that saves what it learns; the zero value where nothing can be saved
}

// LoadModel reads a bundle for live use.
func LoadModel(path string) (Model, error) {
	b, err := bundle.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Model{}, notThere(path, "the bundle that gyrus train -o wrote")
	}
	if err != nil {
		return Model{}, err
	}
	p, err := pipeline.FromBundle(path, b, pipeline.All)
	if err != nil {
		return Model{}, err
	}
	if err := p.Causal(); err != nil {
		return Model{}, fmt.Errorf("%s: %w", path, err)
	}
	return Model{p, b.SHA256, path, Origin{Bundle: b, File: filepath.Base(path), SHA256: b.SHA256}}, nil
}

// notThere says that a file of a session is not there, and what to name in its place.
func notThere(path, what string) error {
	return fmt.Errorf("%s: %w: name %s; a relative path counts from the folder of the session file", whole(path), fs.ErrNotExist, what)
}

// whole is path from the root: who reads it may be on another machine, or in another folder.
func whole(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// fits says why next cannot take over from m in the middle of a session, nil where it can: a controller that understands the
// commands of m must understand those of next.
func (m *Model) fits(next Model) error {
	if a, b := m.Pipeline.Target() != nil, next.Pipeline.Target() != nil; a != b {
		return fmt.Errorf("the model that runs %s, the new one %s", kindOf(a), kindOf(b))
	}
	if a, b := m.Pipeline.Outputs(), next.Pipeline.Outputs(); !slices.Equal(a, b) {
		what := "classes"
		if m.Pipeline.Target() != nil {
			what = "quantities"
		}
		return fmt.Errorf("the %s of the model that runs are %s, those of the new one %s", what, strings.Join(a, ", "), strings.Join(b, ", "))
	}
	if a, b := m.Pipeline.Decider() != nil, next.Pipeline.Decider() != nil; a != b {
		return errors.New("one of the two models has a section decide, and so no control, the other has none")
	}
	return nil
}

func kindOf(follows bool) string {
	if follows {
		return "follows quantities"
	}
	return "decides between classes"
}

// running is a model at work.
type running struct {
	Model
	before pipeline.Stats // what its pipeline had counted when it took over
}

// pending is a model that warms up beside the one that decides, until it has seen enough to take over.
type pending struct {
	running
	need    int64 // samples without a break before it may take over
	seen    int64
	breaks  int64
	done    chan struct{} // closed when it has taken over, or was given up
	err     error         // why it was given up; set before done is closed
	forward bool          // it is a new model, not one that is returned to
}

// warmS is how long the filters of a new model see the stream before its first window is decided on, in seconds: what they
// still hold of their beginning has then died away.
const warmS = 3

func newPending(m Model, info *signal.Info, forward bool) *pending {
	return &pending{running: running{Model: m}, need: info.Samples(m.Pipeline.WindowS() + warmS), done: make(chan struct{}), forward: forward}
}

// push shows c to the model and says whether it is warm.
func (q *pending) push(c signal.Chunk) (bool, error) {
	if _, err := q.Pipeline.Push(c); err != nil {
		return false, err
	}
	if n := q.Pipeline.Breaks(); n != q.breaks {
		q.breaks, q.seen = n, 0
	}
	q.seen += int64(c.Len())
	return q.seen >= q.need, nil
}

// finish says that it is over.
func (q *pending) finish(err error) {
	q.err = err
	close(q.done)
}

// plus is a and b one behind the other.
func plus(a, b pipeline.Stats) pipeline.Stats {
	b.Samples += a.Samples
	b.Gaps += a.Gaps
	b.Lost += a.Lost
	b.NotFinite += a.NotFinite
	b.Restarts += a.Restarts
	b.Windows += a.Windows
	b.Rejected += a.Rejected
	b.Unseen += a.Unseen
	b.Misses = slices.Concat(a.Misses, b.Misses)
	b.Channels = slices.Concat(a.Channels, b.Channels)
	return b
}

// since is what was counted behind before.
func since(now, before pipeline.Stats) pipeline.Stats {
	now.Samples -= before.Samples
	now.Gaps -= before.Gaps
	now.Lost -= before.Lost
	now.NotFinite -= before.NotFinite
	now.Restarts -= before.Restarts
	now.Windows -= before.Windows
	now.Rejected -= before.Rejected
	now.Unseen -= before.Unseen
	now.Misses = now.Misses[len(before.Misses):]
	return now
}

package cli

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress is a bar on standard error. It appears only on a terminal, and only once the work has taken a second.
type progress struct {
	title string
	total int64
	done  int64
	began time.Time
	out   *os.File // nil: no bar
	all   *mpb.Progress
	bar   *mpb.Bar
}

// newProgress is a bar of total steps.
func newProgress(cmd *cobra.Command, title string, total int) *progress {
	return &progress{title: title, total: int64(total), began: time.Now(), out: terminal(cmd.ErrOrStderr())}
}

// set says that n steps are done.
func (p *progress) set(n int64) {
	p.done = n
	if p.out == nil {
		return
	}
	if p.bar == nil {
		if time.Since(p.began) < time.Second || n >= p.total {
			return
		}
		p.all = mpb.New(mpb.WithOutput(p.out), mpb.WithWidth(48))
		p.bar = p.all.AddBar(p.total, mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(p.title+" "), decor.CountersNoUnit("%d/%d")),
			mpb.AppendDecorators(decor.AverageETA(decor.ET_STYLE_GO)))
	}
	p.bar.SetCurrent(min(n, p.total))
}

// add says that one more step is done.
func (p *progress) add() { p.set(p.done + 1) }

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.all.Wait()
	}
}

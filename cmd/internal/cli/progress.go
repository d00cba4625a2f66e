package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// patience is how long work may take without a bar.
const patience = time.Second

// progress is a bar on standard error. It appears only on a terminal, and only once the work has taken a second.
type progress struct {
	title string
	total int64
	done  int64
	began time.Time
	out   io.Writer // nil: no bar
	all   *mpb.Progress
	bar   *mpb.Bar
}

// newProgress is a bar of total steps; 0 where nobody knows how many there will be.
func newProgress(cmd *cobra.Command, title string, total int64) *progress {
	p := &progress{title: title, total: total, began: time.Now()}
	if f := terminal(cmd.ErrOrStderr()); f != nil {
		p.out = f
	}
	return p
}

// set says that n steps are done.
func (p *progress) set(n int64) {
	p.done = n
	if p.out == nil {
		return
	}
	if p.bar == nil {
		if time.Since(p.began) < patience || (p.total > 0 && n >= p.total) {
			return
		}
		p.all = mpb.New(mpb.WithOutput(p.out), mpb.WithWidth(48), mpb.WithAutoRefresh())
		if p.total > 0 {
			p.bar = p.all.AddBar(p.total, mpb.BarRemoveOnComplete(),
				mpb.PrependDecorators(decor.Name(p.title+" "), decor.CountersNoUnit("%d/%d")),
				mpb.AppendDecorators(decor.AverageETA(decor.ET_STYLE_GO)))
		} else {
			p.bar = p.all.AddSpinner(0, mpb.PrependDecorators(decor.Name(p.title+" "), decor.CurrentNoUnit("%d")))
		}
	}
	if p.total > 0 {
		n = min(n, p.total)
	}
	p.bar.SetCurrent(n)
}

// add says that n more steps are done.
func (p *progress) add(n int64) { p.set(p.done + n) }

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.all.Wait()
	}
}

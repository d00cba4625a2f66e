package cli

import (
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/cupwriter"
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
	out   mpb.ConsoleWriter // nil: no bar
	all   *mpb.Progress
	bar   *mpb.Bar
}

// newProgress is a bar of total steps; 0 where nobody knows how many there will be.
func newProgress(cmd *cobra.Command, title string, total int64) *progress {
	p := &progress{title: title, total: total, began: time.Now()}
	p.out = barsOn(cmd)
	return p
}

// barsOn is where bars are drawn, nil where there is no terminal.
func barsOn(cmd *cobra.Command) mpb.ConsoleWriter {
	f := terminal(cmd.ErrOrStderr())
	if f == nil {
		return nil
	}
	var out io.Writer = f
	if a, ok := cmd.ErrOrStderr().(*aside); ok {
		out = pictures{a} // a bar waits for a terminal that stands still no more than a line does
	}
	w := cupwriter.New(out, false)
	w.SetTermFd(int(f.Fd()))
	return w
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
		p.all = mpb.New(mpb.WithConsoleWriter(p.out), mpb.WithWidth(48), mpb.WithAutoRefresh())
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

// byteProgress is a bar of bytes for work that several goroutines do. Where there is no terminal, what happens is said in lines.
type byteProgress struct {
	cmd   *cobra.Command
	title string
	mu    sync.Mutex
	total int64
	bar   *mpb.Bar
	all   *mpb.Progress
}

func newByteProgress(cmd *cobra.Command, title string) *byteProgress {
	return &byteProgress{cmd: cmd, title: title}
}

// begin shows the bar, on a terminal.
func (p *byteProgress) begin(total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := barsOn(p.cmd)
	if p.total = total; out == nil || total <= 0 {
		return
	}
	p.all = mpb.New(mpb.WithConsoleWriter(out), mpb.WithWidth(48), mpb.WithAutoRefresh())
	p.bar = p.all.AddBar(total, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(p.title+" "), decor.CountersKiloByte("% .1f / % .1f")),
		mpb.AppendDecorators(decor.AverageSpeed(decor.SizeB1000(0), "% .1f"), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
}

// came says that n more bytes are there.
func (p *byteProgress) came(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.IncrInt64(n)
	}
}

// note says a line, above the bar where there is one.
func (p *byteProgress) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all != nil {
		if _, err := p.all.Write([]byte(text + "\n")); err == nil {
			return
		}
	}
	note(p.cmd, "%s", text)
}

// end takes the bar away.
func (p *byteProgress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Abort(true)
		p.all.Wait()
		p.bar, p.all = nil, nil
	}
}

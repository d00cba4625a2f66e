package control

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// CenterOut is the centre-out task: the cursor begins in the middle, and one of the targets on a circle around it is to be
// reached and held. It is a Simulator. The fields are not changed once it has stepped.
type CenterOut struct {
	Cursor   *Cursor
	Targets  int     // 2 (right, left), 4 or 8, counted from the right against the clock
	Distance float64 // of a target's middle from the middle of the square
	Radius   float64 // of a target
	Trials

	goals [][2]float64
	way   float64 // gone in this trial
	least float64 // way from the start to the target's edge
	sum   float64 // of the path efficiencies of the hits
}

// NewCenterOut is the task with targets at a distance of 0.8.
func NewCenterOut(c *Cursor, targets int) *CenterOut {
	return &CenterOut{Cursor: c, Targets: targets, Distance: 0.8, Radius: 0.1, Trials: DefaultTrials()}
}

// Validate reports the first parameter that is out of its range.
func (o *CenterOut) Validate() error {
	if err := o.Cursor.Validate(); err != nil {
		return err
	}
	if o.Targets != 2 && o.Targets != 4 && o.Targets != 8 {
		return fmt.Errorf("center-out: %d targets, must be 2, 4 or 8", o.Targets)
	}
	if !(o.Distance > 0 && o.Distance <= 1) {
		return fmt.Errorf("center-out: distance is %g, must be above 0 and at most 1", o.Distance)
	}
	// Half the way between two neighbours: targets do not touch each other, nor the middle.
	if most := min(o.Distance, o.Distance*math.Sin(math.Pi/float64(o.Targets))); !(o.Radius > 0 && o.Radius < most) {
		return fmt.Errorf("center-out: radius is %g, must be above 0 and below %.3g: targets must not touch", o.Radius, most)
	}
	if err := o.validate(); err != nil {
		return fmt.Errorf("center-out: %w", err)
	}
	return nil
}

func (o *CenterOut) init() {
	if o.goals != nil {
		return
	}
	for k := range o.Targets {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(o.Targets))
		g := [2]float64{o.Distance * cos, o.Distance * sin}
		for i := range g {
			if math.Abs(g[i]) < 1e-12 { // what the sine of a rounded π leaves
				g[i] = 0
			}
		}
		o.goals = append(o.goals, g)
	}
}

// Cue begins a trial now, from the middle, whose target is the one in the direction of v. In a safe state the cursor stays where it is until
// that is over.
func (o *CenterOut) Cue(v [2]float64) {
	o.init()
	best, goal := math.Inf(-1), 0
	for k, g := range o.goals {
		if d := g[0]*v[0] + g[1]*v[1]; d > best {
			best, goal = d, k
		}
	}
	if o.cue(goal) {
		o.center()
	}
}

// center puts the cursor where a trial begins.
func (o *CenterOut) center() {
	o.Cursor.Position, o.way, o.least = [2]float64{}, 0, o.Distance-o.Radius
}

// Step moves the cursor in a trial; between trials it stands, and a safe state puts off the next one, which begins in the middle.
func (o *CenterOut) Step(dt time.Duration, a Action, ok bool) State {
	o.init()
	dt = max(dt, 0)
	if o.begins(dt, o.Targets, ok) {
		o.center()
	}
	if o.phase != PhaseGo {
		o.Cursor.Velocity = [2]float64{}
		if !ok {
			return StateSafe
		}
		return StateHolds
	}
	before := o.Cursor.Position
	state := o.Cursor.Step(dt, a, ok)
	p := o.Cursor.Position
	o.way += math.Hypot(p[0]-before[0], p[1]-before[1])
	at := slices.IndexFunc(o.goals, func(g [2]float64) bool { return math.Hypot(p[0]-g[0], p[1]-g[1]) <= o.Radius })
	o.judge(dt, a, ok, at, false)
	if o.ended {
		o.outcome.Meant = o.meant(o.outcome.Goal)
		if o.outcome.Result == Hit && o.way > 0 {
			o.sum += min(1, o.least/o.way)
		}
	}
	return state
}

// meant is the label that moves the cursor straight to a goal, within half the angle between two neighbours.
func (o *CenterOut) meant(goal int) (label string) {
	g := o.goals[goal]
	near := math.Cos(math.Pi/float64(o.Targets)) + 1e-9
	if o.Targets == 2 {
		near = math.Cos(math.Pi / 4)
	}
	for name, v := range o.Cursor.Velocities {
		n := math.Hypot(v[0], v[1])
		if n == 0 || (g[0]*v[0]+g[1]*v[1])/(n*o.Distance) < near {
			continue
		}
		if label != "" {
			return ""
		}
		label = name
	}
	return label
}

// Score sums up.
func (o *CenterOut) Score() Score {
	s := o.score(o.Targets)
	if s.Hits > 0 {
		mean := o.sum / float64(s.Hits)
		s.PathEfficiency = &mean
	}
	return s
}

// Knows says whether there is a movement for c. Unlike the other methods it is for any goroutine.
func (o *CenterOut) Knows(c *bus.Command) bool {
	_, known := o.Cursor.velocity(c)
	return known
}

// View is what there is to see.
func (o *CenterOut) View() View {
	o.init()
	v := &CursorView{
		Position: o.Cursor.Position, Velocity: o.Cursor.Velocity, Phase: o.phase, Trial: o.trial, Score: o.Score(),
		Unknown: o.Cursor.Unknown, Targets: o.goals, Radius: o.Radius,
	}
	if o.phase == PhaseGo {
		goal := o.goals[o.goal]
		v.Target = &goal
	}
	if o.ended {
		v.Result = o.outcome.Result
	}
	return v
}

// CursorView is a cursor and its targets at one moment.
type CursorView struct {
	Position [2]float64   `json:"position"`
	Velocity [2]float64   `json:"velocity_per_s"`
	Phase    Phase        `json:"phase"`
	Trial    int          `json:"trial"`            // from 1; the newest
	Target   *[2]float64  `json:"target,omitempty"` // to be reached; nil between trials
	Result   Result       `json:"result,omitempty"` // of a trial that ends now
	Score    Score        `json:"score"`
	Unknown  int          `json:"unknown"` // steps with a command that the cursor has no movement for
	Targets  [][2]float64 `json:"-"`
	Radius   float64      `json:"-"`
}

// Name is "cursor".
func (v *CursorView) Name() string { return "cursor" }

// Same says whether the trial and its phase are those of w.
func (v *CursorView) Same(w View) bool {
	c, ok := w.(*CursorView)
	return ok && v.Phase == c.Phase && v.Trial == c.Trial
}

// Summary is the score in a few words.
func (v *CursorView) Summary() string {
	return fmt.Sprintf("%s %d  hits %d of %d", v.Phase, v.Trial, v.Score.Hits, v.Score.Trials)
}

// Report fills in where the cursor and its targets are.
func (v *CursorView) Report(a *bus.Actuator) {
	a.Position, a.Radius, a.Trials, a.Hits = slices.Clone(v.Position[:]), v.Radius, v.Score.Trials, v.Score.Hits
	for _, g := range v.Targets {
		a.Targets = append(a.Targets, []float64{g[0], g[1]})
	}
	if v.Target != nil {
		a.Target = []float64{v.Target[0], v.Target[1]}
	}
}

// The field in letters. Both counts are odd, so that there is a middle; a letter is about twice as high as wide.
const (
	columns  = 61 // where all targets lie beside the middle: one row
	columns2 = 33
	rows2    = 17
)

// Draw draws the field with the targets and the cursor.
func (v *CursorView) Draw(p Paint, s State) string {
	wide, high := columns, 1
	for _, g := range v.Targets {
		if g[1] != 0 {
			wide, high = columns2, rows2
		}
	}
	grid := make([][]string, high)
	for y := range grid {
		grid[y] = slices.Repeat([]string{" "}, wide)
	}
	put := func(at [2]float64, text string) { grid[cell(-at[1], high)][cell(at[0], wide)] = text }
	put([2]float64{}, "·")
	for _, g := range v.Targets {
		put(g, "○")
	}
	if v.Target != nil {
		put(*v.Target, p(yellow, "◎"))
	}
	color := green
	if s == StateSafe {
		color = alarm
	}
	put(v.Position, p(color, "█"))
	edge := strings.Repeat("─", wide)
	var b strings.Builder
	fmt.Fprintf(&b, "╭%s╮\n", edge)
	for _, row := range grid {
		fmt.Fprintf(&b, "│%s│\n", strings.Join(row, ""))
	}
	fmt.Fprintf(&b, "╰%s╯\n", edge)
	return b.String()
}

// cell is the place of x, from -1 to 1, among n letters.
func cell(x float64, n int) int {
	x = min(max(x, -1), 1)
	return int(math.Round((x + 1) / 2 * float64(n-1)))
}

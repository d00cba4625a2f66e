package synth

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// CursorOptions say what Cursor simulates. Begin with CursorDefaults.
type CursorOptions struct {
	Subject uint64 `json:"subject_seed" doc:"seed of what stays with a person: how each electrode is tuned"`
	Run     uint64 `json:"run_seed" doc:"seed of what happens in one recording: targets, time courses, noise"`

	Rate          float64 `json:"rate_hz" doc:"samples per second, 200 to 10000"`
	Electrodes    int     `json:"electrodes" doc:"ECoG electrodes, 1 to 256"`
	Reaches       int     `json:"reaches" doc:"movements from one target to the next, at least 1"`
	Depth         float64 `json:"depth" doc:"how strongly velocity modulates: change of the logarithm of the amplitude at full speed in the preferred direction; 0: not at all"`
	PositionDepth float64 `json:"position_depth" doc:"the same of the position at the edge of the screen"`
}

// CursorDefaults are 16 electrodes at 500 Hz and 60 reaches, about 100 s.
func CursorDefaults() CursorOptions {
	return CursorOptions{Rate: 500, Electrodes: 16, Reaches: 60, Depth: 0.6, PositionDepth: 0.2}
}

// CursorTruth is how each electrode is tuned.
type CursorTruth struct {
	Velocity [][2]float64 // [electrode], change of the log amplitude per screen width and second
	Position [][2]float64 // [electrode], the same per half screen width
}

// The band whose amplitude carries the movement, and how fast a reach of one screen width is at most.
const (
	cursorLowHz, cursorHighHz = 70, 90
	cursorPeak                = 1.5 // screen widths per second
)

// Cursor simulates reaches of a cursor on a screen from −1 to 1 and ECoG whose amplitude around 80 Hz is tuned to its
// velocity and, more weakly, its position (log-linear tuning, as Schalk et al. 2007, doi:10.1088/1741-2560/4/3/012 found
// for ECoG); slow 1/f background and white noise are added. Reaches have a minimum-jerk profile (Flash and Hogan 1985,
// doi:10.1523/JNEUROSCI.05-07-01688.1985) and end with a pause on the target.
//
// The channels are G1, G2, … in µV, then cursor_x, cursor_y, cursor_vx, cursor_vy, target_x and target_y of kind misc, in half
// screen widths (and those per second). An event "reach" marks each start. The error names the first option that is out of
// range, and the range.
func Cursor(opt CursorOptions) (*signal.Recording, *CursorTruth, error) {
	if err := check([]field{
		{"rate_hz", opt.Rate, 200, 10000},
		{"electrodes", float64(opt.Electrodes), 1, 256},
		{"reaches", float64(opt.Reaches), 1, 10000},
		{"depth", opt.Depth, 0, 3},
		{"position_depth", opt.PositionDepth, 0, 3},
	}); err != nil {
		return nil, nil, fmt.Errorf("synth: %w", err)
	}
	info := &signal.Info{Rate: opt.Rate}
	for k := range opt.Electrodes {
		name := fmt.Sprintf("G%d", k+1)
		info.Channels = append(info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.ECoG, Unit: signal.Microvolt})
	}
	for _, name := range []string{"cursor_x", "cursor_y", "cursor_vx", "cursor_vy", "target_x", "target_y"} {
		info.Channels = append(info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.Misc})
	}
	path, events := reaches(opt, info)
	n := len(path[0])
	if n*len(info.Channels) > maxValues {
		return nil, nil, fmt.Errorf("synth: %d reaches at %g Hz in %d electrodes are too many values, must be at most %d: ask for fewer reaches and simulate more runs", opt.Reaches, opt.Rate, opt.Electrodes, maxValues)
	}
	x := signal.NewChunk(info, 0, n).X
	truth := &CursorTruth{}
	tuning := stream("cursor tuning", opt.Subject)
	for k := range opt.Electrodes {
		angle, other := 2*math.Pi*tuning.Float64(), 2*math.Pi*tuning.Float64()
		v := opt.Depth / cursorPeak
		truth.Velocity = append(truth.Velocity, [2]float64{v * math.Cos(angle), v * math.Sin(angle)})
		truth.Position = append(truth.Position, [2]float64{opt.PositionDepth * math.Cos(other), opt.PositionDepth * math.Sin(other)})
		electrode(x[k], path, truth.Velocity[k], truth.Position[k], opt, k)
	}
	for k, y := range path {
		copy(x[opt.Electrodes+k], y)
	}
	return &signal.Recording{
		Name: fmt.Sprintf("simulated cursor of subject %d, run %d", opt.Subject, opt.Run), Format: "synth",
		Info: info, Events: events, Len: int64(n), Data: signal.Memory(x),
	}, truth, nil
}

// reaches is x, y, vx, vy, target x and target y, per sample.
func reaches(opt CursorOptions, info *signal.Info) (path [6][]float64, events []signal.Event) {
	r := stream("cursor reaches", opt.Subject, opt.Run)
	at := [2]float64{}
	for range opt.Reaches {
		var to [2]float64
		for math.Hypot(to[0]-at[0], to[1]-at[1]) < 0.5 {
			to = [2]float64{1.6*r.Float64() - 0.8, 1.6*r.Float64() - 0.8}
		}
		dist := math.Hypot(to[0]-at[0], to[1]-at[1])
		last := 1.875 * dist / (cursorPeak * (0.6 + 0.4*r.Float64())) // the peak speed of minimum jerk is 1.875 the mean
		hold := 0.3 + 0.4*r.Float64()
		start := len(path[0])
		events = append(events, signal.Event{Sample: int64(start), Onset: float64(start) / info.Rate, Duration: last + hold, Label: "reach"})
		for t := range int(info.Samples(last + hold)) {
			u := min(float64(t)/(last*info.Rate), 1)
			s, ds := u*u*u*(10-15*u+6*u*u), 30*u*u*(1-u)*(1-u)/last
			for a := range 2 {
				path[a] = append(path[a], at[a]+s*(to[a]-at[a]))
				path[2+a] = append(path[2+a], ds*(to[a]-at[a]))
				path[4+a] = append(path[4+a], to[a])
			}
		}
		at = to
	}
	return path, events
}

// electrode fills x with one channel.
func electrode(x []float64, path [6][]float64, velocity, position [2]float64, opt CursorOptions, k int) {
	r := stream("cursor electrode", opt.Subject, opt.Run, uint64(k))
	n := len(x)
	re, im := make([]float64, n), make([]float64, n)
	carrier(re, im, opt.Rate, cursorHighHz-cursorLowHz, r)
	settle := int(runIn * opt.Rate)
	slow := background(make([]float64, settle+n), settle, opt.Rate, 1.2, r)
	const uV = 10 // of the carrier at rest
	for t := range x {
		drive := 0.0
		for a := range 2 {
			drive += velocity[a]*path[2+a][t] + position[a]*path[a][t]
		}
		phase := 2 * math.Pi * cycles((cursorLowHz+cursorHighHz)/2, t, opt.Rate)
		x[t] = uV*math.Exp(drive)*math.Sqrt2*(re[t]*math.Cos(phase)-im[t]*math.Sin(phase)) + 20*slow[t] + white(r)
	}
}

// white is 1 µV of sensor noise.
func white(r *rand.Rand) float64 { return r.NormFloat64() }

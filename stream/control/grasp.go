package control

// joints of the hand, in the order of all arrays.
const (
	thumbRotation = iota // 0°: beside the palm (lateral); 90°: opposite the fingers
	thumb
	index
	middle
	ring
	little
	joints
)

var jointNames = [joints]string{"thumb_rotation", "thumb", "index", "middle", "ring", "little"}

// jointMax is the largest angle of each joint in degrees; the smallest is 0, the open hand.
var jointMax = [joints]float64{90, 60, 90, 90, 90, 90}

// grasp is a posture that the hand closes to. Names and fingers follow the grasps that commercial hands offer and the
// taxonomy of Feix et al. 2016 (doi:10.1109/THMS.2015.2470657); the angles are our own.
type grasp struct {
	name  string
	deg   [joints]float64
	holds bool // it can hold an object between the digits below
	press [joints]bool
}

// The names of the grasps.
const (
	GraspOpen    = "open"
	GraspPower   = "power"
	GraspPinch   = "pinch"
	GraspTripod  = "tripod"
	GraspLateral = "lateral"
	GraspHook    = "hook"
	GraspPoint   = "point"
)

var graspList = []grasp{
	{name: GraspOpen},
	{name: GraspPower, deg: [joints]float64{90, 50, 85, 85, 85, 85}, holds: true, press: [joints]bool{index: true, middle: true, ring: true, little: true}},
	{name: GraspPinch, deg: [joints]float64{80, 45, 60, 0, 0, 0}, holds: true, press: [joints]bool{index: true}},
	{name: GraspTripod, deg: [joints]float64{80, 45, 60, 60, 0, 0}, holds: true, press: [joints]bool{index: true, middle: true}},
	{name: GraspLateral, deg: [joints]float64{0, 50, 80, 80, 80, 80}, holds: true, press: [joints]bool{thumb: true}},
	{name: GraspHook, deg: [joints]float64{0, 0, 75, 75, 75, 75}, holds: true, press: [joints]bool{index: true, middle: true, ring: true, little: true}},
	{name: GraspPoint, deg: [joints]float64{60, 40, 0, 85, 85, 85}},
}

// GraspNames are the grasps of the hand, the open hand first.
func GraspNames() []string {
	names := make([]string, len(graspList))
	for k, g := range graspList {
		names[k] = g.name
	}
	return names
}

// graspOf is the grasp of that name, nil where there is none.
func graspOf(name string) *grasp {
	for k := range graspList {
		if graspList[k].name == name {
			return &graspList[k]
		}
	}
	return nil
}

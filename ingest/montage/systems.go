package montage

import (
	"slices"
	"strings"
)

// systems are the electrodes of what is often asked for by one name, in the order in which channels mostly come.
var systems = map[string]string{
	// 10-20 without the ears (Klem et al. 1999), by the names of the 10-10 system.
	"1020": "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2",
	// BioSemi's caps, in the order of the amplifier's inputs A1 to A32 and B1 to B32.
	"biosemi16": "Fp1 Fp2 F4 Fz F3 T7 C3 Cz C4 T8 P4 Pz P3 O1 Oz O2",
	"biosemi32": "Fp1 AF3 F7 F3 FC1 FC5 T7 C3 CP1 CP5 P7 P3 Pz PO3 O1 Oz O2 PO4 P4 P8 CP6 CP2 C4 T8 FC6 FC2 F4 F8 AF4 Fp2 Fz Cz",
	"biosemi64": "Fp1 AF7 AF3 F1 F3 F5 F7 FT7 FC5 FC3 FC1 C1 C3 C5 T7 TP7 CP5 CP3 CP1 P1 P3 P5 P7 P9 PO7 PO3 O1 Iz Oz POz Pz CPz " +
		"Fpz Fp2 AF8 AF4 AFz Fz F2 F4 F6 F8 FT8 FC6 FC4 FC2 FCz Cz C2 C4 C6 T8 TP8 CP6 CP4 CP2 P2 P4 P6 P8 P10 PO8 PO4 O2",
}

// System is the electrodes of a cap or of the 10-20 system, nil where name is none of Systems.
func System(name string) []string {
	if _, ok := systems[name]; !ok {
		return nil
	}
	return strings.Fields(systems[name])
}

// Systems are the names that System knows, sorted.
func Systems() []string {
	var names []string
	for n := range systems {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

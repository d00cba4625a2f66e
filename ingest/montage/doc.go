// Package montage spells channel names the way MNE does: "Fc5." and "EEG FC5-REF" both become "FC5".
//
// The rules, in this order:
//
//   - Spaces and dots at the end are padding ("Fc5.", "Cz..").
//   - "EEG " in front is the signal type of EDF+, and "-REF", "-LE", "-AVG", "-AV", "-AR" behind is the reference; both go
//     where what is left is a name of the 10-05 system. Reference tells what was taken off.
//   - Names of the 10-05 system (Oostenveld & Praamstra 2001, doi:10.1016/S1388-2457(00)00527-7) get MNE's capitals:
//     "FP1" is "Fp1", "fcz" is "FCz", "aff5H" is "AFF5h".
//   - T3, T4, T5 and T6 of the old 10-20 system are the places that the 10-10 system calls T7, T8, P7 and P8 (Klem et al.
//     1999, International Federation of Clinical Neurophysiology) and are renamed so. No other name changes its meaning.
//   - CB1 and CB2, over the cerebellum in caps of Neuroscan, are names like those of the system, and have no place.
//   - A bipolar name keeps both of its ends, each of them spelled like this: "FP1-F7" is "Fp1-F7", "T3-C3" is "T7-C3". An
//     ear or a scalp electrode behind the dash is such an end and never taken for a reference: "C3-A2" stays.
//   - Everything else stays as it is, letter by letter.
//
// Names have places too: Position puts them on a sphere by the rule of the 10-05 system, in which the ring through Fpz, T7, Oz
// and T8 is the equator, as makers of caps draw them. That is a convention and not where the electrodes of a person are. Seen
// from the middle of the head, caps of Brain Products lie within 1° of it, those of BioSemi within 4° and of EasyCap within
// 6°; the template of 40 heads (fsaverage) 3° on average and 7° at most, that of one man (Colin 27, MNE's standard_1005) 6° on
// average and 12° at most, and lower on the temples. Distances between neighbours (22.5° in the 10-10 system) are larger than
// that, so the neighbourhood is right; source localisation needs a digitised head (package electrodes). Templates that put
// nasion and inion on the equator, and so tenths of 18°, are another convention (MNE's spherical_1005): up to 22° apart.
// docs/montage.md has the figures for each template.
//
// A label alone cannot tell the electrode A1 at the ear from input A1 of an amplifier; Assign looks at all labels of a
// recording for that, and makes names unique.
package montage

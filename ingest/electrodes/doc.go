// Package electrodes reads files that say where electrodes are, and gives the channels of a recording those places, joined by
// name.
//
//	.loc .locs .eloc   EEGLAB: number, angle in degrees from the nose to the right, radius (0.5 is the equator), label
//	.ced               EEGLAB: a table with names of columns; X to the nose, Y to the left, or theta and radius
//	.xyz               EEGLAB: number, x, y, z, label
//	.sfp               BESA, EGI: label, x, y, z
//	.elc               ASA: a unit, positions, labels
//	.elp               BESA: (type,) label, inclination, azimuth (, radius) in degrees
//	.bvef              BrainVision: XML with name, inclination, azimuth and radius
//	.hpts              MNE: category, label, x, y, z
//
// Few of them say in which frame or unit their numbers are. What is told by the file is believed; of the rest
//
//   - the unit is told by the mean distance from the origin: no head is 20 cm or 2 m wide. Numbers that fit no unit are an error;
//   - with both ears and the nasion in the file, positions are turned into the head frame that they define (signal.Position);
//   - places on a sphere of radius 1 are put on the sphere on which montage.Position puts names, so that both can be mixed;
//   - other positions stay in the frame of the file, and then no place of a name is mixed with them;
//   - the axes are compared with where the rule of the 10-05 system has the names. Axes in another order (x to the nose) are
//     turned, and that is listed. A mirror image, of which an axis is negated or two are exchanged, is refused: the file cannot
//     say which of names and numbers are wrong. Where the names cannot tell, that is listed, and the axes stay.
package electrodes

// Package matfile reads as much of MATLAB's MAT-files of level 5 as recordings need ("MAT-File Format", MathWorks, 2023, chapter
// 1): numbers, text, cells and structures, little- and big-endian, plain (written with -v6) or packed with zlib (-v7).
//
// Nothing is read before it is asked for: a Value is a place in the file. A packed variable is unpacked into memory; one that
// unpacks to more than 100 times the size of the file, beyond the first 1 MiB, or to more than 4 GiB, is refused.
//
// Files of version 7.3 are HDF5 and refused with the remedy. Objects, sparse arrays, functions and complex parts are not read.
package matfile

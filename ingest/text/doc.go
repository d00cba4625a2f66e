// Package text reads recordings that are tables of text, one sample to a line, plain or packed with gzip (RFC 1952).
//
// Every program writes its own kind of table. Each kind is one file here that adds itself to kinds: it recognises the
// first lines and says what each column is. The rest is common to all.
//
// Muse CSV is what muselsl and its relatives record from a Muse headband, in rows like
//
//	timestamps,TP9,AF7,AF8,TP10,Right AUX,Marker
//	1486223115.483,-44.922,27.832,32.715,58.105,82.031,0
//
// with stamps in seconds since 1970. A row whose Marker is neither 0 nor empty is an event with the marker as its label;
// a number is written in its shortest form, so 1 and 1.0 are both "1". There may be several columns Marker0, Marker1, ….
//
// OpenBCI text is what the OpenBCI GUI writes since version 5: comments that begin with %, with the rate, then a header and
// rows. EXG channels are taken for EEG in µV, as the GUI writes them; the columns called Not Used, and the formatted time,
// are passed over. Sample Index counts the samples over and over, which tells gaps that the stamps, which come in bursts,
// do not: it is used where most of its steps are its usual one, and the time from the first row to the last is, at the rate that the table
// names or that of the stamps, that of as many samples, to 1 %. A counter that finds losses may also make a rate within 5 % of the named one.
// The Ganglion counts packets: its samples have the same number by two, but for those of a packet that has one each time. Where one of two is
// lost alone, it is taken for the second.
//
// Any other table is read by a mapping beside it, x.csv.gyrus.yaml, which says what its columns are, or, where its header is a
// column of time and electrodes by their 10-05 names, by that: see docs/formats/csv.md.
//
// Cells are parted by commas, semicolons or tabs, whichever the header has most of; they may stand in quotes. Numbers
// have a decimal point, unless a mapping says otherwise. A line may end in CR LF and be up to 64 KiB long.
//
// Rate. Only OpenBCI's tables and mappings say how fast rows came; where there are stamps it is worked out from the stamps. It begins with
// the mean of the steps from row to row, without those where rows are missing, if nearly all steps are about the same or a whole number of
// that; where rows come in bursts, with the rate of the device or that which the table names; else with the median over stretches of 512
// rows, or an eighth of a short table. The step within a burst is not that of the samples: it is not taken where most of the time
// passes in pauses that are too long to be told from lost rows, or where it is not the named rate and there are no more rows than that makes. The gaps that are found with it part the table into runs. Lines of least squares through these, with
// a slope in common, tell the rate anew, and that the gaps, until nothing changes: gaps do not slow the rate, however often they come.
// Where the device's nominal rate is within 0.5 % of it, one that the table names within 5 %, or a whole number within 0.1 %, that is the
// rate, since the difference is that of two clocks; else the measured one. What was found and what was taken is always listed,
// with the distance of the stamps from it: as a note where it is the rate of the device, or within 0.5 % of that which OpenBCI's table names,
// since all of their stamps jitter; else as a deviation.
//
// Gaps. Stamps may jitter: within 64 rows before and behind a step the rows are taken to be without a gap as long as the
// stamps can be explained by rows that come late. Where they cannot, as many samples are missing as the stamps say, and
// sample numbers go on behind the gap. A clock that was set, back or by more than a day, leaves a gap of one sample, so
// that no window reaches over it. A row with a cell that is empty, NaN or infinite is missing too. All of it is listed.
//
// Rows of others. In a table with stamps, a row without a value in any channel is no sample: it may have a marker alone, or another sensor.
// It is left out of samples and rate, its marker stays at its time, and where it stands for a sample that was lost, the stamps of the
// others tell, or the counter. A row that has its stamp alone, or a state that most rows with samples have too, stays a gap in its place where
// the stamps scatter too much for that, unless the rate that is named is the one without such rows.
//
// Recording.Begin is the first stamp where that can be seconds since 1970. Event.Onset comes from the stamps.
//
// Memory. The samples are held in memory as float64: about 1 byte to a byte of text in Muse's tables, at most about 5, and
// 25 where every row is an event. A packed file that unpacks to more than 100 times its size, beyond the first 1 MiB, or to
// more than 4 GiB, is refused when it gets there.
//
// A file that was cut is read as far as it goes: a last line without its end is left out, and so is what the end of a
// gzip file no longer holds. Both are listed. Anything else that cannot be read is an *ingest.FormatError whose offset is
// that of the cell; in a packed file it is how far the file had been read, and the message has the byte of the text.
package text

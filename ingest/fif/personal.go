package fif

import (
	"encoding/binary"
	"strconv"
	"time"
)

const tagBirthday = 404

// personal are the tags that may say who was recorded, where or by whom (fiff_file.h of Neuromag, and MNE's for the surroundings in which a
// file was made), by the blocks that they lie in.
var personal = map[int32]map[int32]string{
	blockMeasurement: aboutMeasurement, blockInfo: aboutMeasurement, blockSubject: aboutSubject,
	blockDevice: {155: "site of the device"}, blockSurroundings: {3550: "working directory", 3551: "command line"},
}

const blockMeasurement, blockDevice, blockSurroundings = 100, 124, 358

var aboutMeasurement = map[int32]string{
	tagComment: "description", 212: "experimenter", 501: "project name", 502: "project aim", 503: "project persons", 504: "project comment",
}

var aboutSubject = map[int32]string{
	400: "subject number", 401: "first name", 402: "middle name", 403: "last name", tagBirthday: "birthday", 405: "sex", 406: "hand", 407: "weight in kg", 408: "height in m",
	409: "comment about the subject", 410: "subject identification",
}

const personalBytes = 1 << 16 // of one text

// person keeps one of them. What is no text and no number is listed: it is none of the signal.
func (c *content) person(s *source, t tag, field string) error {
	text := ""
	switch {
	case t.typ == typeString && t.size <= personalBytes:
		v, err := s.text(t, field)
		if err != nil {
			return err
		}
		text = v
	case (t.typ == typeInt || t.typ == typeJulian) && t.size == 4:
		b, err := s.bytes(t, field)
		if err != nil {
			return err
		}
		switch v := int32(binary.BigEndian.Uint32(b)); {
		case t.kind == tagBirthday:
			text = julian(v)
		case v != 0: // what writers put where nothing is known
			text = strconv.Itoa(int(v))
		}
	case t.typ == typeFloat && t.size == 4:
		v, err := s.float(t, field)
		if err != nil {
			return err
		}
		if v != 0 {
			text = strconv.FormatFloat(v, 'g', 6, 64)
		}
	case t.size > 0:
		s.deviateOnce(t.at, field, "is text of at most 64 KiB, or a number", strconv.FormatInt(t.size, 10)+" bytes of "+typeName(t.typ), "it is not read, and may say who was recorded")
	}
	if text != "" {
		c.people = append(c.people, [2]string{field, text})
	}
	return nil
}

// julian is the date of a Julian day number, of which 2440588 is the first of January 1970.
func julian(day int32) string {
	const unix = 2440588
	return time.Unix((int64(day)-unix)*24*60*60, 0).UTC().Format(time.DateOnly)
}

package fif

import (
	"encoding/binary"
	"fmt"
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

// How long a text is that is kept, and how many are: a measurement has one of each.
const personalBytes, maxPersonal = 4096, 64

// person keeps one of them, of what is longer or no text that it is there.
func (c *content) person(s *source, t tag, field string) error {
	if len(c.people) == maxPersonal {
		return nil
	}
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
		text = fmt.Sprintf("%d bytes of %s, which are not read", t.size, typeName(t.typ))
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

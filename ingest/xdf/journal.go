package xdf

import (
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The types of streams in which a recorder writes about itself: irregular, of one text to a sample, which is an object of JSON.
const (
	JournalClock     = "Clock"     // the states of clocks, once a second
	JournalLog       = "Log"       // what happened to the session
	JournalDecisions = "Decisions" // what was decided
)

// journalLabel is that of the one channel of such a stream. Streams of other programs with one of these types hardly have it too.
const journalLabel = "JSON"

// JournalHeader is the header of such a stream.
func JournalHeader(name, kind, host string) StreamHeader {
	return StreamHeader{Name: name, Type: kind, Format: "string", SourceID: name, Hostname: host, Channels: []signal.Channel{{Name: journalLabel, Original: journalLabel}}}
}

// journal is the type of a stream of JournalHeader, "" of others.
func (h *streamInfo) journal() string {
	if !h.text() || h.channels != 1 || h.rate != 0 || h.desc.get("channels", "channel", "label") != journalLabel {
		return ""
	}
	switch {
	case slices.Contains([]string{JournalClock, JournalLog, JournalDecisions}, h.kind):
		return h.kind
	case h.kind == "Markers" && strings.HasSuffix(h.name, "-log"): // as the recorder called its log at first
		return JournalLog
	}
	return ""
}

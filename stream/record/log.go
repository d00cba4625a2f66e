package record

import (
	"encoding/json"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Fate is what became of the command of a decision; "" in recordings of versions that did not write it down.
type Fate string

// The fates.
const (
	Sent    Fate = "sent"
	Shadow  Fate = "shadow"   // sent, not to be acted on
	Held    Fate = "held"     // the session was paused, by an operator or an emergency stop
	Expired Fate = "expired"  // its newest sample was too old
	NotSent Fate = "not_sent" // the bus could not take it at once
	Refused Fate = "refused"  // it broke the schema
)

// Kind is what an Entry tells of.
type Kind string

// The kinds, with what their details say. A sample is the first one that what is told concerns.
const (
	KindBegin       Kind = "begin"       // the first samples: source_sample
	KindAnew        Kind = "anew"        // the source began anew: source_sample
	KindLate        Kind = "late"        // an event is known now, of a sample before: event, event_sample. Decisions see it here
	KindStream      Kind = "stream"      // a stream is in another state: stream, from, to, why
	KindPause       Kind = "pause"       // no commands are sent from here on
	KindResume      Kind = "resume"      // they are sent again
	KindShadow      Kind = "shadow"      // commands are not to be acted on from here on: why
	KindActuate     Kind = "actuate"     // they are again: why
	KindStop        Kind = "stop"        // an emergency stop, which pauses: why
	KindModel       Kind = "model"       // the first model decides: to, bundle
	KindWarming     Kind = "warming"     // the next model sees the samples beside the one that decides: from, to, bundle, forward
	KindSwap        Kind = "swap"        // another model decides: from, to, bundle, filters
	KindRollback    Kind = "rollback"    // the model before decides again: from, to, filters
	KindGaveUp      Kind = "gave_up"     // the next model does not come: to, why
	KindCalibration Kind = "calibration" // a model was accepted, refused, or is to be made again: verdict, to, why
	KindSkip        Kind = "skip"        // samples are too old and left out, from here on
	KindSkipEnd     Kind = "skip_end"    // up to here: samples
	KindAdapt       Kind = "adapt"       // the adaptation is in another state: from, to, why
	KindEnd         Kind = "end"         // of the session: why, and flushed where what was held back was decided too
)

// Entry is a line of the log of a session.
type Entry struct {
	Time   int64 // nanoseconds since 1970
	Sample int64 // counted as in the newest chunk; of the recording once it is read
	Kind   Kind
	Detail
}

// Detail is what an Entry says beyond its kind. Models are called by the SHA-256 of their bundles.
type Detail struct {
	Stream       string `json:"stream,omitempty"`
	From         string `json:"from,omitempty"`
	To           string `json:"to,omitempty"`
	Why          string `json:"why,omitempty"`
	Bundle       string `json:"bundle,omitempty"`        // file of the model; a relative path counts from the recording
	Filters      string `json:"filters,omitempty"`       // kept (the new model goes on with those of the one before) or warmed (it has its own)
	Forward      bool   `json:"forward,omitempty"`       // to a model that was loaded, not back
	Verdict      string `json:"verdict,omitempty"`       // accepted, refused or repeated
	Samples      int64  `json:"samples,omitempty"`       // how many
	SourceSample *int64 `json:"source_sample,omitempty"` // what the source calls the sample
	Event        string `json:"event,omitempty"`         // label
	EventSample  *int64 `json:"event_sample,omitempty"`  // where it was
	Flushed      bool   `json:"flushed,omitempty"`
}

// The columns of NAME.log.arrow.
const (
	logTime = iota
	logSample
	logKind
	logDetail
)

const logKey = "gyrus_log" // of the version of the layout

var logSchema = func() *arrow.Schema {
	md := arrow.NewMetadata([]string{logKey}, []string{"1"})
	return arrow.NewSchema([]arrow.Field{
		logTime:   {Name: "time_ns", Type: arrow.PrimitiveTypes.Int64},
		logSample: {Name: "sample", Type: arrow.PrimitiveTypes.Int64},
		logKind:   {Name: "kind", Type: arrow.BinaryTypes.String},
		logDetail: {Name: "detail", Type: arrow.BinaryTypes.String}, // JSON
	}, &md)
}()

func logRow(e Entry) ([]any, error) {
	detail, err := json.Marshal(e.Detail)
	return []any{e.Time, e.Sample, string(e.Kind), string(detail)}, err
}

// logRows appends the entries in rec.
func (r *Recorded) logRows(rec arrow.Record) error {
	for i := range int(rec.NumRows()) {
		e := Entry{Time: rec.Column(logTime).(*array.Int64).Value(i), Sample: rec.Column(logSample).(*array.Int64).Value(i), Kind: Kind(copied(rec, logKind, i))}
		if err := json.Unmarshal([]byte(copied(rec, logDetail, i)), &e.Detail); err != nil {
			return err
		}
		r.Log = append(r.Log, e)
	}
	return nil
}

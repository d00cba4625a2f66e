package bids

import (
	"encoding/json"
	"reflect"
)

// Dataset types of dataset_description.json.
const (
	Raw        = "raw"
	Derivative = "derivative"
)

// DescriptionFile describes a tree, and makes a folder one.
const DescriptionFile = "dataset_description.json"

// Generator is a program that made a tree.
type Generator struct {
	Name        string `json:"Name"`
	Version     string `json:"Version,omitempty"`
	Description string `json:"Description,omitempty"`
	CodeURL     string `json:"CodeURL,omitempty"`

	Rest Sidecar `json:"-"` // all fields, as they are written, when it was read, such as Container
}

// UnmarshalJSON reads an object.
func (g *Generator) UnmarshalJSON(data []byte) error {
	type known Generator
	if err := json.Unmarshal(data, (*known)(g)); err != nil {
		return err
	}
	return json.Unmarshal(data, &g.Rest)
}

// MarshalJSON writes the fields of g that are not empty, then those of Rest.
func (g Generator) MarshalJSON() ([]byte, error) {
	type known Generator
	return besidesRest(known(g), g.Rest)
}

// same says whether all fields of g and o are the same, in whatever order.
func (g Generator) same(o Generator) bool {
	var fields [2]any
	for i, g := range []Generator{g, o} {
		text, err := g.MarshalJSON()
		if err != nil || json.Unmarshal(text, &fields[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(fields[0], fields[1])
}

// SourceDataset is a tree that another one was made of.
type SourceDataset struct {
	URL     string `json:"URL,omitempty"`
	DOI     string `json:"DOI,omitempty"`
	Version string `json:"Version,omitempty"`

	Rest Sidecar `json:"-"` // as of Generator
}

// UnmarshalJSON reads an object.
func (d *SourceDataset) UnmarshalJSON(data []byte) error {
	type known SourceDataset
	if err := json.Unmarshal(data, (*known)(d)); err != nil {
		return err
	}
	return json.Unmarshal(data, &d.Rest)
}

// MarshalJSON writes the fields of d that are not empty, then those of Rest.
func (d SourceDataset) MarshalJSON() ([]byte, error) {
	type known SourceDataset
	return besidesRest(known(d), d.Rest)
}

// besidesRest is an object of the fields of known, and of those of rest that it does not have.
func besidesRest(known any, rest Sidecar) ([]byte, error) {
	var one, fields Sidecar
	if err := one.Set("", known); err != nil {
		return nil, err
	}
	if err := fields.UnmarshalJSON(one.Raw("")); err != nil {
		return nil, err
	}
	return fields.Over(rest).MarshalJSON()
}

// Description is dataset_description.json.
type Description struct {
	Name, BIDSVersion string
	DatasetType       string // Raw or Derivative; "" means Raw
	License           string
	Authors           []string
	GeneratedBy       []Generator
	SourceDatasets    []SourceDataset
	Rest              Sidecar // all fields, as they are written, when it was read; what is kept beside those above when it is written
}

// ReadDescription reads the fields. errs says of each field that is something else than the specification has what it is;
// such a field is left empty.
func ReadDescription(s Sidecar) (d Description, errs []error) {
	d.Rest = s
	for _, f := range d.fields() {
		if _, err := s.Get(f.key, f.value); err != nil {
			errs = append(errs, err)
		}
	}
	return d, errs
}

// Sidecar is the file: the fields of d that are not empty, in the order of the specification, then those of Rest.
func (d Description) Sidecar() (Sidecar, error) {
	var out Sidecar
	for _, f := range d.fields() {
		if v := reflect.ValueOf(f.value).Elem(); !v.IsZero() {
			if err := out.Set(f.key, v.Interface()); err != nil {
				return Sidecar{}, err
			}
		}
	}
	return out.Over(d.Rest), nil
}

// fields are the names of the fields and where they are kept.
func (d *Description) fields() []pointer {
	return []pointer{
		{"Name", &d.Name},
		{"BIDSVersion", &d.BIDSVersion},
		{"DatasetType", &d.DatasetType},
		{"License", &d.License},
		{"Authors", &d.Authors},
		{"GeneratedBy", &d.GeneratedBy},
		{"SourceDatasets", &d.SourceDatasets},
	}
}

// pointer is where a field of a sidecar is kept.
type pointer struct {
	key   string
	value any // a pointer
}

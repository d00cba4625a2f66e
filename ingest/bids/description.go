package bids

import "reflect"

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
}

// SourceDataset is a tree that another one was made of.
type SourceDataset struct {
	URL     string `json:"URL,omitempty"`
	DOI     string `json:"DOI,omitempty"`
	Version string `json:"Version,omitempty"`
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

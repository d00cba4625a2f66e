package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Origin is the model that a session decodes with, as far as one that learned from feedback is saved.
type Origin struct {
	Bundle *bundle.Bundle // nil: nothing can be saved
	File   string         // its name, without folders
	SHA256 string         // of the file's bytes
	Gyrus  string         // the program's version
}

// giveUp freezes what learns because of err: it would only go wrong again.
func (a *Adapter) giveUp(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fresh = false
	if s, _ := a.head.State(); s != adapt.Frozen {
		a.head.Freeze(err.Error())
	}
}

// save writes what was learned as a model of its own; a.mu is held.
func (a *Adapter) save() error {
	switch {
	case a.opt.Save == "":
		return errors.New("adapt: the session file names no file to save to: adapt: {save: adapted.gyrus}")
	case a.origin.Bundle == nil:
		return errors.New("adapt: the model is not known as a bundle, and cannot be saved as one")
	case a.head == nil || a.head.Updates() == 0:
		return errors.New("adapt: nothing has been learned yet: there is nothing to save")
	}
	b, err := a.bundle()
	if err != nil {
		return fmt.Errorf("adapt: save: %w", err)
	}
	if err := bundle.Write(a.opt.Save, b); err != nil {
		return fmt.Errorf("adapt: save: %w", err)
	}
	a.saved = a.head.Updates()
	return nil
}

// bundle is the model with the head on top of its decoder. It has been loaded once to see that it can be.
func (a *Adapter) bundle() (*bundle.Bundle, error) {
	from := a.origin.Bundle
	spec := &pipeline.Spec{}
	if err := json.Unmarshal(from.Manifest.Spec, spec); err != nil {
		return nil, err
	}
	state, own := signal.State{}, signal.State{}
	for name, v := range from.State {
		if rest, ok := strings.CutPrefix(name, "decoder."); ok {
			own[rest] = v
		} else {
			state[name] = v
		}
	}
	params, wrapped, err := adapt.Wrap(decoders.Inner{Use: spec.Decoder.Use, Params: spec.Decoder.Params}, own, a.head)
	if err != nil {
		return nil, err
	}
	for name, v := range wrapped {
		state["decoder."+name] = v
	}
	spec.Decoder.Use, spec.Decoder.Params = adapt.Use, params
	opt, err := json.Marshal(a.opt.Options)
	if err != nil {
		return nil, err
	}
	m := from.Manifest
	m.Gyrus, m.Score, m.Rest, m.Coverage = a.origin.Gyrus, nil, nil, nil // they were measured with the decoder alone
	if m.Spec, err = json.Marshal(spec); err != nil {
		return nil, err
	}
	m.Adapted = &bundle.Adapted{
		From: a.origin.SHA256, File: a.origin.File, Session: a.session, Run: a.run, Updates: a.head.Updates(), Decides: a.head.Decides(),
		Head: a.head.Hash(), Options: opt,
	}
	b := &bundle.Bundle{Manifest: m, State: state}
	if _, err := pipeline.FromBundle(a.opt.Save, b, pipeline.All); err != nil {
		return nil, err
	}
	return b, nil
}

package bids

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// conflicts compares the events of the table with those of the recording, which they replace: where the one has an event and the other
// none, and at each place how many there are, what they are called and how long they last. at says where a sample is.
func (c *completion) conflicts(events []tableEvent, at func(sample int64) int64) {
	if len(c.rec.Events) == 0 {
		return
	}
	k := comparison{places: map[int64]*eventPlace{}, ownWords: map[string]bool{}, tableWords: map[string]bool{}, rate: c.rec.Info.Rate}
	for _, e := range c.rec.Events {
		p := k.place(at(e.Sample))
		p.own = append(p.own, e)
		k.ownWords[words(e.Label)] = true
	}
	k.match(events, at)
	const (
		rule    = "the events that the recording has itself"
		assumed = "the events of the table, in the place of the recording's own"
	)
	list := func(n int, format string, args ...any) {
		if n > 0 {
			c.deviate(c.in.EventsFile, rule, fmt.Sprintf(format, args...), assumed)
		}
	}
	k.compare()
	e := k.missing.first.own
	list(k.missing.n, "none at %d of those %d, such as %q at %.3f s", k.missing.n, len(c.rec.Events), e.Label, e.Onset)
	e = k.elsewhere.first.table.Event
	list(k.elsewhere.n, "%d of %d elsewhere, such as %q at %.3f s", k.elsewhere.n, len(events), e.Label, e.Onset)
	d := k.counts
	list(d.n, "another number of them at %d places: %d in the table and %d in the recording at %.3f s", d.n, d.first.tables, d.first.owns, d.first.own.Onset)
	d = k.labels
	list(d.n, "other labels at %d places, in words of both: %q in the table and %q in the recording at %.3f s", d.n, d.first.table.Label, d.first.own.Label, d.first.own.Onset)
	d = k.mapped
	list(d.n, "labels that stand for one another in more than one way, at %d places of %d: %q in the table for %q in the recording at %.3f s", d.n, k.pairs, d.first.table.Label, d.first.own.Label, d.first.own.Onset)
	d = k.durations
	list(d.n, "other durations at %d places: %g s in the table and %g s in the recording for %q at %.3f s", d.n, d.first.table.Duration, d.first.own.Duration, d.first.own.Label, d.first.own.Onset)
}

// comparison is of the events of a table with those of a recording, place by place.
type comparison struct {
	places               map[int64]*eventPlace
	order                []*eventPlace // as they were met
	ownWords, tableWords map[string]bool
	rate                 float64
	pairs                int // places with one event each, of which the labels are of other words

	missing, elsewhere, counts, labels, mapped, durations difference
}

// eventPlace is the events at one place.
type eventPlace struct {
	own   []signal.Event
	table []tableEvent
}

// difference is where the two say something else.
type difference struct {
	n     int
	first struct {
		own          signal.Event
		table        tableEvent
		owns, tables int
	}
}

func (d *difference) add(n int, own signal.Event, table tableEvent, p *eventPlace) {
	if d.n == 0 {
		d.first.own, d.first.table, d.first.owns, d.first.tables = own, table, len(p.own), len(p.table)
	}
	d.n += n
}

func (k *comparison) place(at int64) *eventPlace {
	p := k.places[at]
	if p == nil {
		p = &eventPlace{}
		k.places[at] = p
		k.order = append(k.order, p)
	}
	return p
}

// coded says whether the recording has an event where e is that is called as the value of e.
func (k *comparison) coded(e tableEvent, at func(sample int64) int64) bool {
	for near := at(e.Sample) - 1; near <= at(e.Sample)+1; near++ {
		p := k.places[near]
		if p != nil && slices.ContainsFunc(p.own, func(own signal.Event) bool {
			return own.Label == e.value || value(own.Label) == e.value && e.value != ""
		}) {
			return true
		}
	}
	return false
}

// match puts the events of the table at the places of the recording's own, or next to where that is the nearest.
func (k *comparison) match(events []tableEvent, at func(sample int64) int64) {
	if !slices.ContainsFunc(slices.Collect(maps.Keys(k.ownWords)), interruption) { // the recording has them as gaps
		events = slices.DeleteFunc(slices.Clone(events), func(e tableEvent) bool { return interruption(e.Label) && !k.coded(e, at) })
	}
	exact := map[int64]bool{} // of the table
	for _, e := range events {
		exact[at(e.Sample)] = true
	}
	for _, e := range events {
		k.tableWords[words(e.Label)] = true
		to := at(e.Sample)
		if k.places[to] == nil {
			for _, near := range []int64{to - 1, to + 1} {
				if p := k.places[near]; p != nil && len(p.own) > 0 && !exact[near] {
					to = near
					break
				}
			}
		}
		p := k.place(to)
		p.table = append(p.table, e)
	}
}

// compare counts what is different.
func (k *comparison) compare() {
	partners := map[[2]string]int{} // labels, and how often they are at one place
	var pairs []*eventPlace
	for _, p := range k.order {
		switch {
		case len(p.table) == 0:
			k.missing.add(len(p.own), p.own[0], tableEvent{}, p)
			continue
		case len(p.own) == 0:
			k.elsewhere.add(len(p.table), signal.Event{}, p.table[0], p)
			continue
		case len(p.own) != len(p.table) && singly(p.own, func(e signal.Event) signal.Channels { return e.Channels }) != singly(p.table, func(e tableEvent) signal.Channels { return e.Channels }):
			k.counts.add(1, p.own[0], p.table[0], p)
		}
		own, table := k.unlike(p)
		if len(own) != 1 || len(table) != 1 || words(table[0].Label) == Missing {
			continue
		}
		a, b := words(own[0].Label), words(table[0].Label)
		switch {
		case k.tableWords[a] || k.ownWords[b]:
			k.labels.add(1, own[0], table[0], p)
		case table[0].value == Missing || table[0].value == "" || words(table[0].value) != a && table[0].value != value(own[0].Label):
			partners[[2]string{a, b}]++
			pairs = append(pairs, &eventPlace{own, table})
		}
	}
	k.pairs = len(pairs)
	k.mapping(partners, pairs)
}

// unlike takes the events of the same label out of a place, compares how long they last, and returns the others. Where these are one each
// they are taken for the same event.
func (k *comparison) unlike(p *eventPlace) (own []signal.Event, table []tableEvent) {
	called := map[string][]int{} // of the table, by label
	for i, e := range p.table {
		called[words(e.Label)] = append(called[words(e.Label)], i)
	}
	found := make([]bool, len(p.table))
	for _, e := range p.own {
		same := called[words(e.Label)]
		if len(same) == 0 {
			own = append(own, e)
			continue
		}
		k.duration(e, p.table[same[0]], p)
		found[same[0]], called[words(e.Label)] = true, same[1:]
	}
	for i, e := range p.table {
		if !found[i] {
			table = append(table, e)
		}
	}
	if len(own) == 1 && len(table) == 1 {
		k.duration(own[0], table[0], p)
	}
	return own, table
}

// duration compares how long an event lasts. Many formats know of none: then the recording says 0, or one sample. That of an interruption is
// the length of the gap, which is known.
func (k *comparison) duration(own signal.Event, table tableEvent, p *eventPlace) {
	sample := 1.5 / k.rate
	if !table.stated || interruption(own.Label) || own.Duration < sample || own.Duration-table.Duration <= sample && table.Duration-own.Duration <= sample {
		return
	}
	k.durations.add(1, own, table, p)
}

// mapping lists the pairs of labels that break a mapping: a label of the one may stand for several of the other, but then those stand for it
// alone (trigger codes for names, names for codes). Of pairs that cross, the ones that are most often, and then those of labels that are met with
// the fewest others, are taken for the rule.
func (k *comparison) mapping(partners map[[2]string]int, pairs []*eventPlace) {
	order, of := make([][2]string, 0, len(partners)), [2]map[string]int{{}, {}} // how many each label is met with
	for pair := range partners {
		order = append(order, pair)
		of[0][pair[0]]++
		of[1][pair[1]]++
	}
	met := func(pair [2]string) int { return of[0][pair[0]] + of[1][pair[1]] }
	slices.SortFunc(order, func(a, b [2]string) int {
		return cmp.Or(-cmp.Compare(partners[a], partners[b]), cmp.Compare(met(a), met(b)), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	owns, tables := map[string][]string{}, map[string][]string{} // by label, those that it stands for
	broken := map[[2]string]bool{}
	// shared says whether one of labels is met with another already, as only the first can be: the others would have crossed it.
	shared := func(labels []string, by map[string][]string) bool { return len(labels) > 0 && len(by[labels[0]]) > 1 }
	for _, pair := range order {
		a, b := pair[0], pair[1]
		if len(owns[a]) > 0 && len(tables[b]) > 0 || shared(owns[a], tables) || shared(tables[b], owns) {
			broken[pair] = true
			continue
		}
		owns[a], tables[b] = append(owns[a], b), append(tables[b], a)
	}
	for _, p := range pairs {
		if broken[[2]string{words(p.own[0].Label), words(p.table[0].Label)}] {
			k.mapped.add(1, p.own[0], p.table[0], p)
		}
	}
}

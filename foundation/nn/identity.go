package nn

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// identity is all that the bits of a training depend on, by name. Functions are known by what they give: a schedule by its
// rate at every step, an augmentation by what it makes of noise.
func (t *Training) identity(n *Net, train Batch, validation *Batch) map[string]string {
	id := map[string]string{
		"network":          describe(n.Root()),
		"shape":            fmt.Sprintf("%v to %v", n.In, n.Out),
		"first weights":    digest(n.weights),
		"examples":         batchDigest(train),
		"validation":       "none",
		"optimiser":        describe(t.Optimiser),
		"loss":             describe(t.Loss),
		"schedule":         t.rates(train.N),
		"augmentation":     t.augmented(n),
		"epochs":           strconv.Itoa(t.Epochs),
		"batch":            strconv.Itoa(t.Batch),
		"largest batch":    strconv.Itoa(n.opt.Batch),
		"rate":             number(t.Rate),
		"clip":             number(t.Clip),
		"patience":         strconv.Itoa(t.Patience),
		"seed":             strconv.FormatUint(t.Seed, 10),
		"workers":          strconv.Itoa(n.opt.Workers),
		"kind of kernels":  kernel.Name(),
		"number of values": strconv.Itoa(len(n.weights)),
	}
	if validation != nil {
		id["validation"] = batchDigest(*validation)
	}
	return id
}

// Differ names the first thing in which two identities differ, in the order of the names, and what it is in each; ok is
// false where there is none.
func Differ(have, want map[string]string) (what string, ok bool) {
	names := map[string]bool{}
	for _, m := range []map[string]string{have, want} {
		for k := range m {
			names[k] = true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(names)) {
		a, inA := have[k]
		b, inB := want[k]
		switch {
		case inA && inB && a == b:
		case !inA:
			return fmt.Sprintf("it says nothing of %s, which is %s here", k, around(b, "")), true
		case !inB:
			return fmt.Sprintf("its %s is %s, here there is none", k, around(a, "")), true
		default:
			return fmt.Sprintf("its %s is %s, here it is %s", k, around(a, b), around(b, a)), true
		}
	}
	return "", false
}

// around is the part of a that begins shortly before it differs from b.
func around(a, b string) string {
	const room = 60
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	lo := 0
	if at > room/2 {
		lo = at - room/2
	}
	text := a[lo:min(lo+room, len(a))]
	if lo > 0 {
		text = "…" + text
	}
	if lo+room < len(a) {
		text += "…"
	}
	return strings.ToValidUTF8(text, "")
}

// rates is the schedule at every step.
func (t *Training) rates(examples int) string {
	if t.Schedule == nil {
		return "constant"
	}
	total := t.Epochs * steps(examples, t.Batch)
	h := sha256.New()
	for s := range total {
		var raw [8]byte
		binary.LittleEndian.PutUint64(raw[:], math.Float64bits(t.Schedule(s, total)))
		h.Write(raw[:])
	}
	return fmt.Sprintf("%s at %d steps", short(h), total)
}

// augmented is what the augmentation makes of examples that are noise, for three seeds.
func (t *Training) augmented(n *Net) string {
	if t.Augment == nil {
		return "none"
	}
	const k = 4
	in, targets := n.In.Size(), t.Loss.Targets(n.Out.Size())
	h := sha256.New()
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 1))
		x, y := make([]float32, k*in), make([]float32, k*targets)
		for _, part := range [][]float32{x, y} {
			for i := range part {
				part[i] = float32(rng.NormFloat64())
			}
		}
		t.Augment(rng, x, y, nil)
		hashFloats(h, x)
		hashFloats(h, y)
	}
	return short(h)
}

func batchDigest(b Batch) string {
	h := sha256.New()
	for _, part := range [][]float32{b.X, b.Y, b.W} {
		fmt.Fprintf(h, "%d %t;", len(part), part == nil)
		hashFloats(h, part)
	}
	return fmt.Sprintf("%s of %d examples", short(h), b.N)
}

func digest(x []float32) string {
	h := sha256.New()
	hashFloats(h, x)
	return short(h)
}

// short is the beginning of a SHA-256, enough to tell two things apart.
func short(h hash.Hash) string { return "SHA-256 " + hex.EncodeToString(h.Sum(nil))[:16] }

func hashFloats(h hash.Hash, x []float32) {
	raw := make([]byte, 0, 4096)
	for len(x) > 0 {
		part := x[:min(len(x), 1024)]
		raw = raw[:0]
		for _, v := range part {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		h.Write(raw)
		x = x[len(part):]
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// describe is the type of v and its parameters, which are exported fields, all the way down.
func describe(v any) string {
	var b strings.Builder
	write(&b, reflect.ValueOf(v))
	return b.String()
}

func write(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("none")
			return
		}
		write(b, v.Elem())
	case reflect.Struct:
		b.WriteString(v.Type().Name() + "{")
		first := true
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if !first {
					b.WriteString(" ")
				}
				first = false
				b.WriteString(f.Name + ":")
				write(b, v.Field(i))
			}
		}
		b.WriteString("}")
	case reflect.Slice, reflect.Array:
		b.WriteString("[")
		for i := range v.Len() {
			if i > 0 {
				b.WriteString(" ")
			}
			write(b, v.Index(i))
		}
		b.WriteString("]")
	case reflect.Float32, reflect.Float64:
		b.WriteString(number(v.Float()))
	case reflect.Func:
		if v.IsNil() {
			b.WriteString("none")
			return
		}
		b.WriteString("function") // of first weights, whose bits are part of the identity
	default:
		fmt.Fprint(b, v)
	}
}

package seizure

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

//go:embed csource/*.c
var csource embed.FS

// C is a model as C99.
type C struct {
	Header, Source []byte
	// Harness is a program that reads blocks of int16 (in the machine's byte order) from standard input and writes, for
	// each, an int16 that says whether there is an answer and the logits.
	Harness []byte
}

var cName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)

// C writes the model as C99 without heap, recursion or floating point. All functions and files are called by name. notes
// are lines for the head of the header: what stands before the network and is not in it.
//
// The code takes one second of samples at a time, and answers from when the first window is full with the logits that Run
// gives for the window that ends there. It has memory of its own for that, so there is one network in a program.
func (m *Model) C(name string, notes []string) (*C, error) {
	if !cName.MatchString(name) {
		return nil, fmt.Errorf("c: the name is %q, must be a small letter with up to 30 small letters, digits and _ behind it", name)
	}
	if m.blocks()*m.front.stretch != m.front.samples {
		return nil, errors.New("c: " + m.Name + " " + errNotWhole.Error())
	}
	w := &writer{m: m, name: name, upper: strings.ToUpper(name)}
	return &C{Header: w.header(notes), Source: w.source(), Harness: w.harness()}, nil
}

// blocks is how many seconds a window has.
func (m *Model) blocks() int { return m.front.samples / m.front.stretch }

type writer struct {
	bytes.Buffer
	m           *Model
	name, upper string
}

func (w *writer) printf(format string, args ...any) { fmt.Fprintf(&w.Buffer, format, args...) }

// take is what was written since the last take.
func (w *writer) take() []byte {
	out := bytes.Clone(w.Bytes())
	w.Reset()
	return out
}

// comment is s as it may stand in a comment.
func comment(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "*/", "* /"), "/*", "/ *")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '\\' {
			return ' '
		}
		return r
	}, s)
}

func (w *writer) header(notes []string) []byte {
	m, r := w.m, w.m.Report()
	w.printf("/* %s: a network in integers, written by gyrus.\n *\n", comment(m.Name))
	w.printf(" * In:  samples as a converter gives them, int16, one step worth %g microvolts (or of the unit of the windows).\n", m.front.lsb)
	w.printf(" * Out: logits as int16, one step worth %g. The class with the largest is the likeliest; softmax makes probabilities.\n *\n", m.Logit)
	for i, c := range m.Classes {
		w.printf(" * logit %d: %s\n", i, comment(c))
	}
	for _, n := range notes {
		w.printf(" * %s\n", comment(n))
	}
	w.printf(" *\n * %d bytes of constants, %d bytes of memory and %d for the caller's block of samples, no heap.\n */\n", r.Flash, r.RAM.State+r.RAM.Buffers, r.RAM.Block)
	w.printf("#ifndef %s_H\n#define %s_H\n\n#include <stdint.h>\n\n", w.upper, w.upper)
	w.printf("#define %s_CHANNELS %d\n#define %s_BLOCK %d /* samples of a channel in one call: one second */\n", w.upper, m.front.channels, w.upper, m.front.stretch)
	w.printf("#define %s_WINDOW %d /* blocks until the first answer */\n#define %s_CLASSES %d\n\n", w.upper, m.blocks(), w.upper, len(m.Classes))
	w.printf("/* Forgets all samples: a new recording begins. */\nvoid %s_reset(void);\n\n", w.name)
	w.printf("/* Takes in a block x [channels, samples]. Returns 1 and fills logits where a window is full, 0 otherwise. */\n")
	w.printf("int %s_push(const int16_t x[%s_CHANNELS * %s_BLOCK], int16_t logits[%s_CLASSES]);\n\n", w.name, w.upper, w.upper, w.upper)
	w.printf("/* Bytes of memory that this network keeps, all of them static. */\nuint32_t %s_ram(void);\n\n#endif\n", w.name)
	return w.take()
}

func (w *writer) include(name string) {
	text, err := csource.ReadFile("csource/" + name + ".c")
	if err != nil {
		panic(err) // the files are part of the program
	}
	w.Write(text)
	w.WriteByte('\n')
}

// array writes a table of numbers.
func array[T int8 | uint8 | int16 | int32](w *writer, kind, name string, x []T) {
	w.printf("static const %s %s[%d] = {", kind, name, len(x))
	for i, v := range x {
		if i%20 == 0 {
			w.printf("\n\t")
		}
		if int64(v) == -1<<31 {
			w.printf("INT32_MIN,")
			continue
		}
		w.printf("%d,", v)
	}
	w.printf("\n};\n")
}

// factors writes those of the outputs of a layer.
func (w *writer) factors(name string, x []factor) {
	mult, shift := make([]int32, len(x)), make([]uint8, len(x))
	for i, f := range x {
		mult[i], shift[i] = f.mult, uint8(f.shift)
	}
	array(w, "int32_t", name+"_mult", mult)
	array(w, "uint8_t", name+"_shift", shift)
}

// mapped writes a matrix: all of it, or the weights that are not 0 and a map of where they are.
func (w *writer) mapped(name string, m matrix) (mapName string) {
	if !m.sparse() {
		array(w, "int8_t", name, m.w)
		return "0"
	}
	var left []int8
	bits := make([]uint8, (len(m.w)+7)/8)
	for i, v := range m.w {
		if v != 0 {
			left = append(left, v)
			bits[i/8] |= 1 << (i % 8)
		}
	}
	if len(left) == 0 {
		left = []int8{0}
	}
	array(w, "int8_t", name, left)
	array(w, "uint8_t", name+"_map", bits)
	return name + "_map"
}

// sparse says that a map of the weights that are there, and those, take less room than all.
func (m *matrix) sparse() bool { return m.bytes() < len(m.w) }

// bytes is the room for the weights.
func (m *matrix) bytes() int { return min(len(m.w), (len(m.w)+7)/8+max(m.used(), 1)) }

func (w *writer) source() []byte {
	m := w.m
	f := m.front
	w.printf("/* %s: see %s.h. Written by gyrus. */\n#include \"%s.h\"\n\n", comment(m.Name), w.name, w.name)
	w.printf("enum { CHANNELS = %d, BLOCK = %d, BLOCKS = %d, CLASSES = %d };\n\n", f.channels, f.stretch, m.blocks(), len(m.Classes))
	array(w, "int32_t", "input_mean", m.mean)
	w.factors("input", m.scale)
	var dense, sparse, recurrent bool
	maps := make([][2]string, len(m.layers))
	for i, l := range m.layers {
		n := fmt.Sprintf("layer%d", i)
		switch l := l.(type) {
		case *intConv:
			maps[i][0] = w.mapped(n+"_w", l.weight)
			array(w, "int32_t", n+"_b", l.bias)
			w.factors(n, l.to)
			dense, sparse = dense || !l.weight.sparse(), sparse || l.weight.sparse()
		case *intLSTM:
			maps[i][0], maps[i][1] = w.mapped(n+"_wx", l.wx), w.mapped(n+"_wh", l.wh)
			array(w, "int32_t", n+"_b", l.bias)
			w.factors(n+"_x", l.fromX)
			w.factors(n+"_h", l.fromH)
			recurrent = true
		}
	}
	headMap := w.mapped("head_w", m.head.weight)
	array(w, "int32_t", "head_b", m.head.bias)
	w.factors("head", m.head.to)
	if recurrent {
		array(w, "int16_t", "sigmoid_curve", sigmoidCurve[:])
		array(w, "int16_t", "tanh_curve", tanhCurve[:])
	}
	if f.kind != samplesIn {
		var edges []int16
		for b := range bands {
			edges = append(edges, int16(f.first[b]), int16(f.end[b]))
		}
		array(w, "int16_t", "hann", f.hann)
		array(w, "int16_t", "cosine", f.cos)
		array(w, "int16_t", "sine", f.sin)
		array(w, "int16_t", "band_edges", edges)
		array(w, "uint8_t", "log_table", logTable[:])
	}
	w.memory()
	w.include("common")
	for _, part := range []struct {
		use  bool
		name string
	}{{dense, "convolve"}, {sparse, "sparse"}, {m.pool != nil, "mean"}, {true, "head"}, {recurrent, "lstm"}, {f.kind != samplesIn, "powers"}} {
		if part.use {
			w.include(part.name)
		}
	}
	w.printf("static void network(const int16_t *x, int16_t *logits)\n{\n")
	w.layers(maps, headMap)
	w.printf("}\n\n")
	w.push()
	return w.take()
}

// memory writes all that changes.
func (w *writer) memory() {
	m := w.m
	w.printf("\nstatic uint8_t filled; /* blocks in the window */\n")
	names := []string{"filled"}
	add := func(kind, name string, n int, what string) {
		if n > 0 {
			w.printf("static %s %s[%d]; /* %s */\n", kind, name, n, what)
			names = append(names, name)
		}
	}
	f, n := m.front, m.front.features()
	switch f.kind {
	case samplesIn:
		add("int16_t", "window", m.front.size(), "[channels, samples]")
	case powersIn:
		w.printf("enum { BANDS = %d, FEATURES = %d };\n", len(bands), n)
		add("uint64_t", "window", f.count*n, "energies [seconds, channels, bands]")
		add("int16_t", "input", n, "of the network")
		add("int32_t", "stretch", f.stretch, "a second of a channel, windowed")
	case secondsIn:
		w.printf("enum { BANDS = %d, FEATURES = %d };\n", len(bands), n)
		add("int16_t", "window", f.count*n, "[seconds, channels, bands]")
		add("uint64_t", "energy", len(bands), "of a channel")
		add("int32_t", "stretch", f.stretch, "a second of a channel, windowed")
	}
	a, b := m.plan()
	add("int16_t", "buffer_a", a, "what layers write to in turn")
	add("int16_t", "buffer_b", b, "and this one")
	add("int16_t", "most", len(m.most), "means over time, the largest of each over the channels")
	for i, l := range m.layers {
		if l, ok := l.(*intLSTM); ok {
			add("int16_t", fmt.Sprintf("layer%d_cell", i), l.hidden, "[hidden]")
			add("int16_t", fmt.Sprintf("layer%d_gate", i), 4*l.hidden, "[4, hidden]")
		}
	}
	w.printf("\nuint32_t %s_ram(void)\n{\n\treturn (uint32_t)(sizeof %s);\n}\n\n", w.name, strings.Join(names, " + sizeof "))
}

// layers writes the calls.
func (w *writer) layers(maps [][2]string, headMap string) {
	x := "x"
	if w.m.pool != nil {
		x = "row"
		w.printf("\tint32_t c;\n\tfor (c = 0; c < CHANNELS; c++) {\n\tconst int16_t *row = x + c * BLOCKS * BLOCK;\n")
	}
	for i, l := range w.m.layers {
		n, y := fmt.Sprintf("layer%d", i), []string{"buffer_a", "buffer_b"}[i%2]
		switch l := l.(type) {
		case *intConv:
			least := -widest
			if l.relu {
				least = 0
			}
			sizes := fmt.Sprintf("%s_mult, %s_shift, %d, %d, %d, %d, %d, %d, %d", n, n, l.in, l.steps, l.out, l.after, l.kernel, l.stride, least)
			if l.weight.sparse() {
				w.printf("\tconvolve_sparse(%s, %s, %s_w, %s, %s_b, %s);\n", x, y, n, maps[i][0], n, sizes)
			} else {
				w.printf("\tconvolve(%s, %s, %s_w, %s_b, %s);\n", x, y, n, n, sizes)
			}
		case *intLSTM:
			w.printf("\tlstm(%s, %s, %s_cell, %s_gate, %s_wx, %s, %s_wh, %s, %s_b, %s_x_mult, %s_x_shift, %s_h_mult, %s_h_shift, %d, %d, %d);\n",
				x, y, n, n, n, maps[i][0], n, maps[i][1], n, n, n, n, n, l.tokens, l.width, l.hidden)
		}
		x = y
	}
	if p := w.m.pool; p != nil {
		w.printf("\tmean_over_time(%s, most, c == 0, %d, %d, %d, %d);\n\t}\n", x, p.rows, p.steps, p.to.mult, p.to.shift)
		x = "most"
	}
	w.printf("\thead(%s, logits, head_w, %s, head_b, head_mult, head_shift, %d);\n", x, headMap, w.m.head.weight.cols)
}

// push writes the front end.
func (w *writer) push() {
	w.printf("void %s_reset(void)\n{\n\tfilled = 0;\n}\n\n", w.name)
	w.printf("int %s_push(const int16_t x[%s_CHANNELS * %s_BLOCK], int16_t logits[%s_CLASSES])\n{\n", w.name, w.upper, w.upper, w.upper)
	quantise := func(dst, value string) string {
		return fmt.Sprintf("%s = clamp_fine(times(%s - input_mean[k], input_mult[k], input_shift[k]));\n", dst, value)
	}
	switch w.m.front.kind {
	case samplesIn:
		w.printf("\tint32_t k, t;\n\tfor (k = 0; k < CHANNELS; k++) {\n\t\tint16_t *row = window + k * BLOCKS * BLOCK;\n")
		w.printf("\t\tfor (t = 0; t < (BLOCKS - 1) * BLOCK; t++)\n\t\t\trow[t] = row[t + BLOCK];\n")
		w.printf("\t\tfor (t = 0; t < BLOCK; t++)\n\t\t\t%s\t}\n", quantise("row[(BLOCKS - 1) * BLOCK + t]", "x[k * BLOCK + t]"))
		w.answer("window")
	case powersIn:
		w.printf("\tuint64_t *last = window + (BLOCKS - 1) * FEATURES;\n\tint32_t k, s;\n")
		w.printf("\tfor (k = 0; k < (BLOCKS - 1) * FEATURES; k++)\n\t\twindow[k] = window[k + FEATURES];\n")
		w.printf("\tfor (k = 0; k < FEATURES; k++)\n\t\tlast[k] = 0;\n\tfor (k = 0; k < CHANNELS; k++)\n\t\tenergies(last + k * BANDS, x + k * BLOCK);\n")
		w.printf("\tfor (k = 0; k < FEATURES; k++) {\n\t\tuint64_t sum = 0;\n\t\tfor (s = 0; s < BLOCKS; s++)\n\t\t\tsum += window[s * FEATURES + k];\n")
		w.printf("\t\t%s\t}\n", quantise("input[k]", "logarithm(sum)"))
		w.answer("input")
	case secondsIn:
		w.printf("\tint16_t *last = window + (BLOCKS - 1) * FEATURES;\n\tint32_t k, c, b;\n")
		w.printf("\tfor (k = 0; k < (BLOCKS - 1) * FEATURES; k++)\n\t\twindow[k] = window[k + FEATURES];\n")
		w.printf("\tfor (c = 0; c < CHANNELS; c++) {\n\t\tfor (b = 0; b < BANDS; b++)\n\t\t\tenergy[b] = 0;\n\t\tenergies(energy, x + c * BLOCK);\n")
		w.printf("\t\tfor (b = 0; b < BANDS; b++) {\n\t\t\tk = c * BANDS + b;\n\t\t\t%s\t\t}\n\t}\n", quantise("last[k]", "logarithm(energy[b])"))
		w.answer("window")
	}
	w.printf("}\n")
}

func (w *writer) answer(input string) {
	w.printf("\tif (filled < BLOCKS)\n\t\tfilled++;\n\tif (filled < BLOCKS)\n\t\treturn 0;\n\tnetwork(%s, logits);\n\treturn 1;\n", input)
}

func (w *writer) harness() []byte {
	w.printf(`/* Reads blocks of int16 from standard input, writes an int16 (answered or not) and the logits for each. Written by gyrus. */
#include <stdio.h>

#include "%[1]s.h"

static int16_t x[%[2]s_CHANNELS * %[2]s_BLOCK];

int main(void)
{
	int16_t out[1 + %[2]s_CLASSES];
	%[1]s_reset();
	fprintf(stderr, "ram %%lu\n", (unsigned long)%[1]s_ram());
	while (fread(x, sizeof x, 1, stdin) == 1) {
		int i;
		for (i = 0; i <= %[2]s_CLASSES; i++)
			out[i] = 0;
		out[0] = (int16_t)%[1]s_push(x, out + 1);
		if (fwrite(out, sizeof out, 1, stdout) != 1)
			return 1;
	}
	return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
`, w.name, w.upper)
	return w.take()
}

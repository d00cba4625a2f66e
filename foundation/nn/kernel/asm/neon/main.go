// Command neon writes the kernels of matrix products and convolutions for arm64: gemm_lanes_arm64.s and its declarations
// gemm_lanes_arm64.go. Run `go generate` two folders above.
//
// They do what the kernels of asm/gemm do, on vectors of four numbers. Names end in N.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"strings"
)

// Registers. Those of the rows of A are R7 to R14; R16 to R18 and R27 on belong to the linker and to Go.
const (
	t, csa, ldb, b, k, groups, tmp   = "R0", "R1", "R2", "R3", "R4", "R5", "R6"
	firstRow                         = 7
	count, atA, atB, atC, ldc, c, at = "R19", "R20", "R21", "R22", "R23", "R24", "R26"
	last                             = "R25"
)

const mostRows = 8

// widths are the vectors that there are for m rows.
func widths(m int) []int {
	if m == 1 {
		return []int{1, 2, 8}
	}
	return []int{1, 2, 3}
}

type gen struct {
	text, stubs strings.Builder
	offset      map[string]int // of the fields of tile
}

func (g *gen) op(format string, args ...any) { fmt.Fprintf(&g.text, "\t"+format+"\n", args...) }
func (g *gen) label(name string)             { fmt.Fprintf(&g.text, "%s:\n", name) }
func (g *gen) field(name, to string)         { g.op("MOVD %d(%s), %s", g.offset[name], t, to) }

// list is registers V<from> on.
func list(from, n int) string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprintf("V%d.S4", from+i)
	}
	return "[" + strings.Join(s, ", ") + "]"
}

// vectors reads or writes n vectors, from V<v> on; what of the last one is there if masked. It uses at.
func (g *gen) vectors(store bool, v, n int, base string, masked bool, id string) {
	full := n
	if masked {
		full--
	}
	g.op("MOVD %s, %s", base, at)
	for i := 0; i < full; i += 4 {
		part := min(4, full-i)
		if store {
			g.op("VST1.P %s, %d(%s)", list(v+i, part), 16*part, at)
		} else {
			g.op("VLD1.P %d(%s), %s", 16*part, at, list(v+i, part))
		}
	}
	if !masked {
		return
	}
	reg := fmt.Sprintf("V%d", v+full)
	if !store {
		g.op("VEOR %s.B16, %s.B16, %s.B16", reg, reg, reg)
	}
	for lane := range 4 {
		if store {
			g.op("VST1.P %s.S[%d], 4(%s)", reg, lane, at)
		} else {
			g.op("VLD1.P 4(%s), %s.S[%d]", at, reg, lane)
		}
		if lane < 3 {
			g.op("CMP $%d, %s", lane+1, last)
			g.op("BEQ masked%s", id)
		}
	}
	g.label("masked" + id)
}

func (g *gen) tile(m, n int, masked bool) {
	name, doc := fmt.Sprintf("tile%dx%dN", m, n), fmt.Sprintf("works on tiles of m = %d, n = %d vectors of 4", m, n)
	if !masked {
		name, doc = name+"Full", doc+", all columns"
	}
	fmt.Fprintf(&g.stubs, "\n// %s %s.\n//\n//go:noescape\nfunc %s(t *tile)\n", name, doc, name)
	fmt.Fprintf(&g.text, "\n// func %s(t *tile)\nTEXT ·%s(SB), NOSPLIT, $0-8\n", name, name)
	g.op("MOVD t+0(FP), %s", t)
	for _, f := range [][2]string{{"a", atA}, {"b", atB}, {"c", atC}, {"count", count}, {"csa", csa}, {"ldb", ldb}, {"ldc", ldc}, {"last", last}} {
		g.field(f[0], f[1])
	}
	// Sums are in V0 on, row by row; then come the vectors of B, one of A, and ones.
	bv := m * n
	av, ones := bv+n, bv+n+1
	row := func(i int) string { return fmt.Sprintf("R%d", firstRow+i) }

	g.label("tile")
	g.field("rsa", tmp)
	g.op("MOVD %s, %s", atA, row(0))
	for i := 1; i < m; i++ {
		g.op("ADD %s, %s, %s", tmp, row(i-1), row(i))
	}
	g.op("MOVD %s, %s", atB, b)
	g.field("groups", groups)
	for v := range m * n {
		g.op("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v)
	}
	g.label("group")
	g.field("k", k)
	g.label("product")
	g.vectors(false, bv, n, b, masked, "B")
	g.op("ADD %s, %s, %s", ldb, b, b)
	for i := range m {
		g.op("VLD1R.P (%s)(%s), [V%d.S4]", row(i), csa, av)
		for j := range n {
			g.op("VFMLA V%d.S4, V%d.S4, V%d.S4", bv+j, av, i*n+j)
		}
	}
	g.op("SUBS $1, %s, %s", k, k)
	g.op("BNE product")
	g.field("ja", tmp)
	for i := range m {
		g.op("ADD %s, %s, %s", tmp, row(i), row(i))
	}
	g.field("jb", tmp)
	g.op("ADD %s, %s, %s", tmp, b, b)
	g.op("SUBS $1, %s, %s", groups, groups)
	g.op("BNE group")

	g.op("MOVD %s, %s", atC, c)
	g.field("acc", tmp)
	g.op("CBZ %s, store", tmp)
	g.op("MOVD $0x3f800000, %s", tmp) // 1: the assembler has no sum of vectors
	g.op("VDUP %s, V%d.S4", tmp, ones)
	for i := range m {
		g.vectors(false, bv, n, c, masked, fmt.Sprintf("C%d", i))
		for j := range n {
			g.op("VFMLA V%d.S4, V%d.S4, V%d.S4", bv+j, ones, i*n+j)
		}
		g.op("ADD %s, %s, %s", ldc, c, c)
	}
	g.op("MOVD %s, %s", atC, c)
	g.label("store")
	for i := range m {
		g.vectors(true, i*n, n, c, masked, fmt.Sprintf("S%d", i))
		g.op("ADD %s, %s, %s", ldc, c, c)
	}
	g.op("MOVD %s, %s", c, atC)
	g.field("na", tmp)
	g.op("ADD %s, %s, %s", tmp, atA, atA)
	g.field("nb", tmp)
	g.op("ADD %s, %s, %s", tmp, atB, atB)
	g.op("SUBS $1, %s, %s", count, count)
	g.op("BNE tile")
	g.op("RET")
}

// offsets are those of the fields of tile, which have 8 bytes each.
func offsets(file string) map[string]int {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		log.Fatal(err)
	}
	at := map[string]int{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					at[name.Name] = 8 * len(at)
				}
			}
		}
		return true
	})
	return at
}

func main() {
	log.SetFlags(0)
	out := flag.String("out", "", "file for the kernels")
	stubs := flag.String("stubs", "", "file for their declarations")
	flag.Parse()
	g := &gen{offset: offsets("../tile.go")}
	const by = "// Code generated by asm/neon. DO NOT EDIT.\n\n//go:build arm64\n\n"
	g.text.WriteString(by + "#include \"textflag.h\"\n")
	g.stubs.WriteString(by + "package kernel\n")
	for m := 1; m <= mostRows; m++ {
		for _, n := range widths(m) {
			g.tile(m, n, true)
			g.tile(m, n, false)
		}
	}
	for name, s := range map[string]string{*out: g.text.String(), *stubs: g.stubs.String()} {
		if err := os.WriteFile(name, []byte(s), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// Command gemm writes the kernels of matrix products and convolutions: gemm_lanes_amd64.s and its declarations
// gemm_lanes_amd64.go. Run `go generate` two folders above.
//
// Names end in Y for AVX2 with FMA, in Z for AVX-512.
package main

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"log"
	"os"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type (
	vec = reg.VecVirtual
	gp  = reg.GPVirtual
)

// gen writes kernels of one width.
type gen struct {
	*build.Context
	pkg  *types.Package // the types of package kernel that kernels take
	wide bool           // AVX-512
	ones operand.Mem    // of AVX2: a vector of ones and one of zeros
}

// lanes is how many numbers a vector has.
func (g *gen) lanes() int {
	if g.wide {
		return 16
	}
	return 8
}

func (g *gen) suffix() string {
	if g.wide {
		return "Z"
	}
	return "Y"
}

// text begins a function.
func (g *gen) text(name, doc, signature string) {
	g.Function(name)
	g.Attributes(attr.NOSPLIT)
	g.Pragma("noescape")
	g.Doc(name + " " + doc)
	s, err := gotypes.ParseSignatureInPackage(g.pkg, signature)
	if err != nil {
		log.Fatal(err)
	}
	g.Signature(s)
}

func (g *gen) param(name string) gp { return g.Load(g.Param(name), g.GP64()).(gp) }

func (g *gen) vector() vec {
	if g.wide {
		return g.ZMM()
	}
	return g.YMM()
}

func (g *gen) zero(v vec) {
	if g.wide {
		g.VPXORD(v, v, v)
	} else {
		g.VXORPS(v, v, v)
	}
}

// mask selects the first n lanes of a vector.
type mask struct {
	k reg.OpmaskVirtual
	v vec
}

// newMask is the mask of n ≤ lanes; n is a register or a place in memory.
func (g *gen) newMask(n operand.Op) mask {
	if g.wide {
		all, m := g.GP64(), mask{k: g.K()}
		cols := g.GP64()
		g.MOVQ(n, cols)
		g.MOVQ(operand.U32(0xffff), all)
		g.BZHIQ(cols, all, all)
		g.KMOVW(all.As32(), m.k)
		return m
	}
	m, at, cols := mask{v: g.YMM()}, g.GP64(), g.GP64()
	g.MOVQ(n, cols)
	g.LEAQ(g.ones.Offset(32), at)
	g.SHLQ(operand.U8(2), cols)
	g.SUBQ(cols, at)
	g.VMOVUPS(operand.Mem{Base: at}, m.v)
	return m
}

// load reads a vector, its first lanes only if m is given; the others are zeros.
func (g *gen) load(from operand.Mem, m *mask, to vec) {
	switch {
	case m == nil:
		g.VMOVUPS(from, to)
	case g.wide:
		g.VMOVUPS_Z(from, m.k, to)
	default:
		g.VMASKMOVPS(from, m.v, to)
	}
}

func (g *gen) store(v vec, m *mask, to operand.Mem) {
	switch {
	case m == nil:
		g.VMOVUPS(v, to)
	case g.wide:
		g.VMOVUPS(v, m.k, to)
	default:
		g.VMASKMOVPS(v, m.v, to)
	}
}

// align puts the next instruction at the beginning of a line of the instruction cache.
func (g *gen) align() {
	g.Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.U8(64)}})
}

func (g *gen) end() {
	g.VZEROUPPER()
	g.RET()
}

// kernelTypes reads the declaration of tile.
func kernelTypes(file string) *types.Package {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		log.Fatal(err)
	}
	pkg, err := new(types.Config).Check("kernel", fset, []*ast.File{f}, nil)
	if err != nil {
		log.Fatal(err)
	}
	return pkg
}

func main() {
	log.SetFlags(0)
	set := flag.NewFlagSet("gemm", flag.ExitOnError)
	flags := build.NewFlags(set)
	_ = set.Parse(os.Args[1:]) // exits itself
	c := build.NewContext()
	c.ConstraintExpr("amd64")
	pkg := kernelTypes("../tile.go")

	ones := c.StaticGlobal("ones")
	c.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 16 {
		bits := operand.U32(0)
		if i < 8 {
			bits = ^bits
		}
		c.AddDatum(4*i, bits)
	}
	for _, g := range []*gen{{Context: c, pkg: pkg, ones: ones}, {Context: c, pkg: pkg, wide: true}} {
		for _, s := range sizes(g.wide) {
			g.tile(s[0], s[1], true)
			if !g.wide {
				g.tile(s[0], s[1], false)
			}
		}
		g.packRows(1)
		g.packRows(2)
		for _, rows := range []int{8, 4, 1} {
			g.dots(rows)
		}
		if !g.wide {
			g.packColumns()
		}
	}
	os.Exit(build.Main(flags.Config(), c))
}

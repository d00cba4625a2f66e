package lsl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/antchfx/xpath"
)

// maxQuery is the longest predicate that is looked at, in bytes.
const maxQuery = 8 << 10

// maxMoves bounds how long a predicate may walk about in a description: far more than "is there a channel called Cz among
// 1024" needs, and less than a tenth of a second.
const maxMoves = 1 << 18

// maxNested is how many functions may stand within one another. Each of them may copy all that the ones within it have made.
const maxNested = 8

// price is what each move costs of maxMoves: once for each of the functions that stand within one another, and once more for
// every half textMove bytes of strings that the predicate itself brings along.
func price(nested, literal int) int { return max(1, nested) * (1 + 2*literal/textMove) }

// document is a description that predicates can be asked of.
type document struct{ root *Element }

// matches says whether an XPath 1.0 predicate, such as
//
//	session_id='default' and starts-with(name,'BioSemi') and count(desc/channels/channel)>=8
//
// is true of the stream. An empty one is. The context node is <info>.
func (d document) matches(predicate string) (yes bool, err error) {
	yes, _, err = d.ask(predicate)
	return yes, err
}

// ask is matches, and says how many of maxMoves the answer has cost.
func (d document) ask(predicate string) (yes bool, spent int, err error) {
	if predicate == "" {
		return true, 0, nil
	}
	expr, each, err := compile(predicate)
	if err != nil {
		return false, len(predicate), err
	}
	moves := maxMoves / each
	defer func() { spent = len(predicate) + maxMoves - max(0, moves)*each }()
	defer func() { // the engine panics on some expressions of wrong types, and the navigator where the walk is too long
		if r := recover(); r != nil {
			yes, err = false, fmt.Errorf("predicate %q: %v", predicate, r)
		}
	}()
	nav := &navigator{path: []step{{&Element{Children: []*Element{d.root}}, 0}}, moves: &moves}
	nav.MoveToChild()
	switch v := expr.Evaluate(nav).(type) {
	case bool:
		return v, 0, nil
	case float64:
		return v != 0 && v == v, 0, nil
	case string:
		return v != "", 0, nil
	case *xpath.NodeIterator:
		return v.MoveNext(), 0, nil
	default:
		return false, 0, fmt.Errorf("predicate %q: is neither true nor false", predicate)
	}
}

// compile checks a predicate. each is what a move costs with it.
func compile(predicate string) (expr *xpath.Expr, each int, err error) {
	if len(predicate) > maxQuery {
		return nil, 0, fmt.Errorf("the predicate is %d bytes long, at most %d are read", len(predicate), maxQuery)
	}
	defer func() {
		if r := recover(); r != nil {
			expr, err = nil, fmt.Errorf("predicate %q: %v", predicate, r)
		}
	}()
	nested, literal, err := onlyCore(predicate)
	if err != nil {
		return nil, 0, fmt.Errorf("predicate %q: %w", predicate, err)
	}
	expr, err = xpath.Compile(predicate)
	if err != nil {
		return nil, 0, fmt.Errorf("predicate %q is no XPath 1.0: %w", predicate, err)
	}
	return expr, price(nested, literal), nil
}

// core is the functions of XPath 1.0 and its tests of nodes: all that a predicate may call. The engine knows more, among them
// replace and string-join, with which a short predicate from the network would make strings without a limit.
var core = func() map[string]bool {
	m := map[string]bool{}
	for _, f := range strings.Fields(`last position count id local-name namespace-uri name string concat starts-with contains
		substring-before substring-after substring string-length normalize-space translate boolean not true false lang
		number sum floor ceiling round text node comment processing-instruction and or mod div`) {
		m[f] = true
	}
	return m
}()

// onlyCore says which function of a predicate is not one of XPath 1.0. A name in front of a parenthesis is a function,
// outside of strings. nested is how many stand within one another at most, literal how many bytes the strings have.
func onlyCore(predicate string) (nested, literal int, err error) {
	var open []bool // the parentheses that are open, whether a function's
	now := 0        // functions among them
	name := ""      // that has just ended, spaces behind it left out
	for i := 0; i < len(predicate); {
		c := predicate[i]
		switch {
		case c == '\'' || c == '"':
			n := strings.IndexByte(predicate[i+1:], c)
			if n < 0 {
				return 0, 0, errors.New("a string does not end")
			}
			literal += n
			name, i = "", i+n+2
		case nameByte(c):
			n := 1
			for i+n < len(predicate) && nameByte(predicate[i+n]) {
				n++
			}
			name, i = predicate[i:i+n], i+n
		case c == '(':
			f := function(name)
			if f != "" && !core[f] {
				return 0, 0, fmt.Errorf("%.40q is no function of XPath 1.0", f)
			}
			calls := f != "" && !operators[f]
			if open = append(open, calls); calls {
				now++
			}
			if nested = max(nested, now); nested > maxNested {
				return 0, 0, fmt.Errorf("more than %d functions stand within one another", maxNested)
			}
			name, i = "", i+1
		case c == ')':
			if n := len(open) - 1; n >= 0 {
				if open[n] {
					now--
				}
				open = open[:n]
			}
			name, i = "", i+1
		case c <= ' ': // whatever the engine skips, form feeds too
			i++
		default:
			name, i = "", i+1
		}
	}
	return nested, literal, nil
}

// operators of core, in front of a parenthesis, call nothing.
var operators = map[string]bool{"and": true, "or": true, "mod": true, "div": true}

// function is what a name in front of a parenthesis calls: without an axis (child::node()), and without what no name begins with,
// such as the minus of -count().
func function(name string) string {
	if i := strings.LastIndex(name, "::"); i >= 0 {
		name = name[i+2:]
	}
	return strings.TrimLeft(name, "-.0123456789")
}

// nameByte says whether c may be in a name; every byte above ASCII may, and a colon, which divides a prefix from a name.
func nameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == ':' || c >= 0x80
}

// CheckPredicate says what is wrong with an XPath predicate of streams.
func CheckPredicate(predicate string) error {
	if predicate == "" {
		return nil
	}
	_, _, err := compile(predicate)
	return err
}

var errLongWalk = errors.New("asks for more than is looked at")

// navigator is the view that the XPath engine has of a description: a place in it, as the way from the document's root.
type navigator struct {
	path  []step
	moves *int // left
}

// step is an element and which child of the one before it is.
type step struct {
	*Element
	at int
}

func (n *navigator) here() *Element { return n.path[len(n.path)-1].Element }

// textMove is how many bytes of text cost as much as a move.
const textMove = 64

func (n *navigator) count(moves int) {
	if *n.moves -= moves; *n.moves < 0 {
		panic(errLongWalk)
	}
}

// A text is a node of its own below its element. Its step has the text alone.
func (n *navigator) isText() bool { return n.here().Name == "" && len(n.path) > 1 }

func (n *navigator) NodeType() xpath.NodeType {
	switch {
	case len(n.path) == 1:
		return xpath.RootNode
	case n.isText():
		return xpath.TextNode
	default:
		return xpath.ElementNode
	}
}

func (n *navigator) LocalName() string { return n.here().Name }
func (n *navigator) Prefix() string    { return "" }

func (n *navigator) Value() string {
	var b strings.Builder
	var all func(e *Element)
	all = func(e *Element) {
		n.count(1 + len(e.Text)/textMove)
		b.WriteString(e.Text)
		for _, c := range e.Children {
			all(c)
		}
	}
	all(n.here())
	return b.String()
}

func (n *navigator) Copy() xpath.NodeNavigator {
	n.count(1)
	return &navigator{path: append(make([]step, 0, len(n.path)+2), n.path...), moves: n.moves}
}

func (n *navigator) MoveToRoot() { n.path = n.path[:1] }

func (n *navigator) MoveToParent() bool {
	n.count(1)
	if len(n.path) == 1 {
		return false
	}
	n.path = n.path[:len(n.path)-1]
	return true
}

func (n *navigator) MoveToNextAttribute() bool { return false }

func (n *navigator) MoveToChild() bool {
	n.count(1)
	e := n.here()
	switch {
	case len(e.Children) > 0:
		n.path = append(n.path, step{e.Children[0], 0})
	case e.Text != "" && !n.isText():
		n.path = append(n.path, step{&Element{Text: e.Text}, 0})
	default:
		return false
	}
	return true
}

func (n *navigator) MoveToFirst() bool { return n.sibling(func(int) int { return 0 }) }

func (n *navigator) MoveToNext() bool { return n.sibling(func(i int) int { return i + 1 }) }

func (n *navigator) MoveToPrevious() bool { return n.sibling(func(i int) int { return i - 1 }) }

// sibling moves to another child of the same parent.
func (n *navigator) sibling(to func(int) int) bool {
	n.count(1)
	if len(n.path) == 1 || n.isText() {
		return false
	}
	all := n.path[len(n.path)-2].Children
	i := to(n.path[len(n.path)-1].at)
	if i < 0 || i >= len(all) {
		return false
	}
	n.path[len(n.path)-1] = step{all[i], i}
	return true
}

func (n *navigator) MoveTo(other xpath.NodeNavigator) bool {
	n.count(1)
	o, ok := other.(*navigator)
	if !ok || o.path[0].Children[0] != n.path[0].Children[0] {
		return false
	}
	n.path = append(n.path[:0], o.path...)
	return true
}

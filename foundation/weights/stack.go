package weights

import (
	"errors"
	"fmt"
	"math/big"
)

// take reads the next n bytes of the pickle.
func (m *machine) take(n int) ([]byte, error) {
	if n > len(m.data)-m.at {
		return nil, fmt.Errorf("%d bytes must follow, the pickle ends after %d", n, len(m.data)-m.at)
	}
	m.at += n
	return m.data[m.at-n : m.at], nil
}

// line reads up to the next newline.
func (m *machine) line() (string, error) {
	const most = 256
	for i, b := range m.data[m.at:min(len(m.data), m.at+most)] {
		if b == '\n' {
			text, err := m.take(i + 1)
			return string(text[:i]), err
		}
	}
	return "", fmt.Errorf("no end of a name within %d bytes", most)
}

func (m *machine) push(v any) error {
	if len(m.stack) == maxStack {
		return fmt.Errorf("more than %d values on the stack", maxStack)
	}
	if m.pushes++; m.pushes > maxPushes {
		return fmt.Errorf("more than %d values", maxPushes)
	}
	m.stack = append(m.stack, v)
	return nil
}

// floor is the height of the stack below which belongs to the container outside.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) peek() (any, error) {
	if len(m.stack) <= m.floor() {
		return nil, errors.New("needs a value, the stack is empty")
	}
	return m.stack[len(m.stack)-1], nil
}

func (m *machine) pop() (any, error) {
	v, err := m.peek()
	if err == nil {
		m.stack = m.stack[:len(m.stack)-1]
	}
	return v, err
}

// popN takes n values. They are valid until the next push.
func (m *machine) popN(n int) ([]any, error) {
	if len(m.stack)-n < m.floor() {
		return nil, errors.New("takes more values than there are")
	}
	items := m.stack[len(m.stack)-n:]
	m.stack = m.stack[:len(m.stack)-n]
	return items, nil
}

// popMark takes the values above the last mark, and the mark. They are valid until the next push.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("no container is open")
	}
	from := m.floor()
	m.marks = m.marks[:len(m.marks)-1]
	items := m.stack[from:]
	m.stack = m.stack[:from]
	return items, nil
}

// describe names a value in a message.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool, int64, float64:
		return fmt.Sprintf("%v", v)
	case *big.Int:
		return "a large integer"
	case string:
		return fmt.Sprintf("%.40q", v)
	case tuple:
		return fmt.Sprintf("a tuple of %d", len(v))
	case *list:
		return fmt.Sprintf("a list of %d", len(v.items))
	case *dict:
		return fmt.Sprintf("a dictionary of %d", len(v.keys))
	case global:
		return string(v)
	case *storage:
		return "storage " + v.key
	case *view:
		return "a tensor"
	default:
		return fmt.Sprintf("%T", v)
	}
}

package signal

import "fmt"

// Array is a block of numbers in row-major order: a fitted filter, a mean, a covariance.
type Array struct {
	Shape []int
	Data  []float64
}

// NewArray wraps data. It panics where the shape asks for another number of values.
func NewArray(data []float64, shape ...int) Array {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if n != len(data) {
		panic(fmt.Sprintf("signal: %d values for the shape %v", len(data), shape))
	}
	return Array{Shape: shape, Data: data}
}

// Rows is a matrix as one slice per row, in memory of its own.
func (a Array) Rows() [][]float64 {
	if len(a.Shape) != 2 {
		panic(fmt.Sprintf("signal: rows of an array of shape %v", a.Shape))
	}
	data := append([]float64(nil), a.Data...)
	rows := make([][]float64, a.Shape[0])
	for i := range rows {
		rows[i] = data[i*a.Shape[1] : (i+1)*a.Shape[1] : (i+1)*a.Shape[1]]
	}
	return rows
}

// Matrix is the array of rows that all have one length.
func Matrix(rows [][]float64) Array {
	cols := 0
	if len(rows) > 0 {
		cols = len(rows[0])
	}
	data := make([]float64, 0, len(rows)*cols)
	for _, r := range rows {
		data = append(data, r...)
	}
	return NewArray(data, len(rows), cols)
}

// State is what a step has learned, by name. It is what a bundle keeps of it.
type State map[string]Array

// Get is the array called name, which must have the given shape; -1 stands for any length.
func (s State) Get(name string, shape ...int) (Array, error) {
	a, ok := s[name]
	if !ok {
		return Array{}, fmt.Errorf("array %q is missing", name)
	}
	fits := len(a.Shape) == len(shape)
	for i := 0; fits && i < len(shape); i++ {
		fits = shape[i] < 0 || shape[i] == a.Shape[i]
	}
	if !fits {
		return Array{}, fmt.Errorf("array %q has shape %v, must have %v", name, a.Shape, shape)
	}
	return a, nil
}

// Stateful is a step that learns: State is what it learned, SetState puts it back. A step that has not been fitted has
// a nil State. SetState is called after Start, so a step can check the shapes against its input.
type Stateful interface {
	State() State
	SetState(State) error
}

// Labels says which class each example belongs to.
type Labels struct {
	Classes []string // sorted by the caller's wish; the order of a decoder's outputs
	Y       []int    // position in Classes, one per example
}

// Counts is the number of examples of each class.
func (l Labels) Counts() []int {
	n := make([]int, len(l.Classes))
	for _, y := range l.Y {
		n[y]++
	}
	return n
}

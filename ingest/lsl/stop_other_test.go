//go:build !unix

package lsl

import "os"

// Interrupt cannot be sent here: the test that needs it says so.
var stopSignal, contSignal = os.Interrupt, os.Interrupt

package doctor

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// synced asks the kernel whether a program keeps its clock. It needs no privileges to read.
func synced() Finding {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return Finding{"clock", Note, "whether it is kept by NTP cannot be read: " + err.Error(), ""}
	}
	return ntpFinding(state, t.Status, time.Duration(t.Maxerror)*time.Microsecond)
}

// The kernel's words (adjtimex(2)).
const (
	timeError = 5    // TIME_ERROR
	staUnsync = 0x40 // STA_UNSYNC
)

func ntpFinding(state int, status int32, maxErr time.Duration) Finding {
	if state == timeError || status&staUnsync != 0 {
		return Finding{"clock", Note, "the wall clock is not kept by NTP (as the kernel sees it; in a container the host's may be). Commands do not need it; recordings of several machines do", ""}
	}
	return Finding{"clock", OK, fmt.Sprintf("the wall clock is kept by NTP, off by at most %s", maxErr), ""}
}

// holder is the program that listens on a port: of our own user, or of all where we are root.
func holder(network string, port int) string {
	for _, table := range []string{network, network + "6"} {
		f, err := os.Open("/proc/net/" + table)
		if err != nil {
			continue
		}
		inode := inodeOf(bufio.NewScanner(f), network, port)
		_ = f.Close()
		if inode != "" {
			if who := processOf(inode); who != "" {
				return who
			}
		}
	}
	return ""
}

// inodeOf finds the socket that listens on a port in a table of /proc/net.
func inodeOf(lines *bufio.Scanner, network string, port int) string {
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || (network == "tcp" && f[3] != "0A") { // 0A: listens
			continue
		}
		_, p, ok := strings.Cut(f[1], ":")
		raw, err := hex.DecodeString(p)
		if ok && err == nil && len(raw) == 2 && int(binary.BigEndian.Uint16(raw)) == port && f[9] != "0" {
			return f[9]
		}
	}
	return ""
}

func processOf(inode string) string {
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && to == "socket:["+inode+"]" {
			pid := strings.Split(fd, "/")[2]
			name, err := os.ReadFile("/proc/" + pid + "/comm")
			if n, bad := strconv.Atoi(pid); err == nil && bad == nil {
				return fmt.Sprintf("%s (process %d)", strings.TrimSpace(string(name)), n)
			}
		}
	}
	return ""
}

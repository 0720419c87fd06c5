// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// terminal is a pseudo-terminal: what the builder writes to tty is collected.
type terminal struct {
	tty    *os.File
	output bytes.Buffer
	done   chan struct{}
}

// newTerminal opens a pseudo-terminal of 40 lines and 160 columns.
func newTerminal(t *testing.T) *terminal {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var number, locked int32
	size := [4]uint16{40, 160}
	for request, arg := range map[uintptr]unsafe.Pointer{
		syscall.TIOCGPTN: unsafe.Pointer(&number), syscall.TIOCSPTLCK: unsafe.Pointer(&locked), syscall.TIOCSWINSZ: unsafe.Pointer(&size),
	} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, ptmx.Fd(), request, uintptr(arg)); errno != 0 {
			t.Fatalf("ioctl %#x: %v", request, errno)
		}
	}
	term := &terminal{done: make(chan struct{})}
	if term.tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(term.done)
		defer ptmx.Close()
		term.output.ReadFrom(ptmx) // ends with an error when nobody has the terminal open
	}()
	t.Cleanup(func() { term.tty.Close() })
	return term
}

// text returns all that was written, when the builder has ended.
func (term *terminal) text() string {
	term.tty.Close()
	<-term.done
	return term.output.String()
}

func TestColoursAreForTerminalsThatWantThem(t *testing.T) {
	const escape = "\x1b["
	src := workspaces(t)
	if err := os.Remove(src + "/mail-sender/index.yml"); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		env   map[string]string
		wants bool
	}{
		"terminal": {wants: true},
		"NO_COLOR": {env: map[string]string{"NO_COLOR": "1"}},
		"dumb":     {env: map[string]string{"TERM": "dumb"}},
	} {
		t.Run(name, func(t *testing.T) {
			term := newTerminal(t)
			p := builder(t, tt.env, "validate", src)
			p.Stdout = term.tty
			p.run(t, 3)
			text := term.text()
			if !strings.Contains(text, "mail-sender") || strings.Contains(text, escape) != tt.wants {
				t.Errorf("colours: want %t\n%q", tt.wants, text)
			}
		})
	}
	p := builder(t, nil, "validate", src)
	p.run(t, 3)
	if strings.Contains(p.stdout.String(), escape) {
		t.Errorf("a pipe has colours: %q", p.stdout.String())
	}
}

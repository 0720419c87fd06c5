// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal is a pseudo-terminal that collects what the builder writes.
type terminal struct {
	tty  *os.File
	done chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
	// more is closed and replaced with each write.
	more chan struct{}
}

// Write collects what the builder writes.
func (term *terminal) Write(data []byte) (int, error) {
	term.mu.Lock()
	defer term.mu.Unlock()
	close(term.more)
	term.more = make(chan struct{})
	return term.output.Write(data)
}

// await waits until a text was written.
func (term *terminal) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.After(patience); ; {
		term.mu.Lock()
		found := strings.Contains(term.output.String(), text)
		more := term.more
		term.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("the terminal does not show %q", text)
		}
	}
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
		syscall.TIOCGPTN: unsafe.Pointer(&number), syscall.TIOCSPTLCK: unsafe.Pointer(&locked),
		syscall.TIOCSWINSZ: unsafe.Pointer(&size),
	} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, ptmx.Fd(), request, uintptr(arg)); errno != 0 {
			t.Fatalf("ioctl %#x: %v", request, errno)
		}
	}
	term := &terminal{done: make(chan struct{}), more: make(chan struct{})}
	if term.tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(term.done)
		defer ptmx.Close()
		io.Copy(term, ptmx) // ends with an error when the terminal is closed
	}()
	t.Cleanup(func() { term.tty.Close() })
	return term
}

// text returns all output, once the builder has ended.
func (term *terminal) text() string {
	term.tty.Close()
	<-term.done
	return term.output.String()
}

func TestColoursOnTerminals(t *testing.T) {
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

// silentServer accepts connections and never responds.
func silentServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return "http://" + listener.Addr().String()
}

// On a terminal, progress is a single line. It is erased before anything else is written, also
// after an interruption.
func TestProgressIsOneLineOfATerminal(t *testing.T) {
	const eraseLine = "\r\x1b[K"
	for _, args := range [][]string{{"validate"}, {"scan"}, {"build", "--base", "scratch", "--dry-run"}} {
		t.Run(args[0], func(t *testing.T) {
			url := silentServer(t) + "/ai/workspaces.git"
			p := builder(t, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, append(slices.Clone(args), url)...)
			term := newTerminal(t)
			p.Stderr = term.tty
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			term.await(t, eraseLine+"[1s] open "+url)
			if err := p.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			p.wait(t, 130)
			shown := term.text()
			lines := strings.Split(shown, eraseLine)
			for _, line := range lines[:len(lines)-1] {
				if strings.Contains(line, "\n") || len(line) >= 160 {
					t.Errorf("the line of progress is not one line: %q", line)
				}
			}
			last := lines[len(lines)-1]
			if !strings.HasPrefix(last, "builder: ") ||
				strings.Contains(strings.ReplaceAll(shown, eraseLine, ""), "\x1b") {
				t.Errorf("the line is not erased before the error, or there are colours: %q", shown)
			}
		})
	}
}

// Without a terminal, read-only commands show no progress, and others little.
func TestProgressWithoutATerminal(t *testing.T) {
	src := workspaces(t)
	for _, env := range []map[string]string{{"TERM": "dumb"}, {"CI": "true"}} {
		for command, most := range map[string]int{"validate": 0, "scan": 20} {
			p := builder(t, env, command, src)
			var term *terminal
			if env["TERM"] == "dumb" {
				term = newTerminal(t)
				p.Stderr = term.tty
			}
			p.run(t, 0)
			shown := p.stderr.String()
			if term != nil {
				shown = term.text()
			}
			if strings.Contains(shown, "\x1b") || strings.Count(shown, "\n") > most {
				t.Errorf("%v: %s writes %q", env, command, shown)
			}
		}
	}
}

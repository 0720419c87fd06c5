// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// dialogue is a builder in a pseudo-terminal.
type dialogue struct {
	*program
	terminal *os.File

	mu     sync.Mutex
	text   bytes.Buffer
	more   chan struct{} // something was written
	closed chan struct{}
	read   int
}

// startDialogue starts the builder in a terminal of 40 lines and 120 columns.
func startDialogue(t *testing.T, args ...string) *dialogue {
	t.Helper()
	d := &dialogue{
		program: builder(t, map[string]string{"TERM": "xterm"}, args...),
		more:    make(chan struct{}, 1),
		closed:  make(chan struct{}),
	}
	d.Stdout = nil
	d.Stderr = nil
	var err error
	if d.terminal, err = pty.StartWithSize(d.Cmd, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.closed)
		buffer := make([]byte, 4096)
		for {
			n, err := d.terminal.Read(buffer)
			d.mu.Lock()
			d.text.Write(buffer[:n])
			d.mu.Unlock()
			select {
			case d.more <- struct{}{}:
			default:
			}
			if err != nil {
				return // the builder has ended
			}
		}
	}()
	t.Cleanup(func() { d.terminal.Close() })
	return d
}

// expect waits until the builder has written a text after the one expected before.
func (d *dialogue) expect(t *testing.T, text string) {
	t.Helper()
	for {
		d.mu.Lock()
		i := strings.Index(d.text.String()[d.read:], text)
		if i >= 0 {
			d.read += i + len(text)
		}
		all := d.text.String()
		d.mu.Unlock()
		if i >= 0 {
			return
		}
		select {
		case <-d.more:
		case <-d.closed:
			d.mu.Lock()
			all = d.text.String()[d.read:]
			d.mu.Unlock()
			if !strings.Contains(all, text) {
				t.Fatalf("the builder ended without %q:\n%s", text, all)
			}
		case <-t.Context().Done():
			t.Fatalf("the builder does not write %q:\n%s", text, all)
		}
	}
}

// say expects a text and answers it.
func (d *dialogue) say(t *testing.T, expected, keys string) {
	t.Helper()
	d.expect(t, expected)
	if _, err := d.terminal.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// end waits for the exit code, and wants that no secret was shown.
func (d *dialogue) end(t *testing.T, code int) {
	t.Helper()
	<-d.closed
	d.wait(t, code)
	if strings.Contains(d.text.String(), "sunrise") {
		t.Errorf("a secret is shown:\n%s", d.text.String())
	}
}

// leaky returns workspaces with three secrets, the first of them in two files.
func leaky(t *testing.T) string {
	t.Helper()
	src := workspaces(t)
	for name, data := range map[string]string{
		"a": "password: sunrise1x",
		"b": "password: sunrise1x",
		"c": "password: sunrise2x",
		"d": "password: sunrise3x",
	} {
		put(t, src, "mail-sender/imports/"+name+".yml", data+"\n")
	}
	return src
}

func TestAudit(t *testing.T) {
	src := leaky(t)
	file := filepath.Join(t.TempDir(), "baseline.yaml")
	d := startDialogue(t, "baseline", "audit", file, src)
	d.expect(t, "1 of 3: dsul-password (error)")
	d.expect(t, "a.yml:1:11")
	d.expect(t, "the same secret: mail-sender/imports/b.yml:1:11")
	d.say(t, "[q]uit: ", "x\x1b[A") // no answer: another key, and an arrow
	d.say(t, "[q]uit: ", "a")
	d.say(t, "owner: ", "\r") // needed
	d.say(t, "owner: ", "claimz\x7fs-team\r")
	d.say(t, "reason: ", "wrong\x15the démo server\r")
	d.say(t, "until [", "2020-01-01\r")
	d.expect(t, "2020-01-01 is in the past")
	d.say(t, "until [", "\r")
	d.expect(t, "2 of 3")
	d.say(t, "[q]uit: ", "r")
	d.expect(t, "3 of 3")
	d.say(t, "[q]uit: ", "b")
	d.expect(t, "2 of 3")
	d.say(t, "[q]uit: ", "r")
	d.expect(t, "3 of 3")
	d.say(t, "[q]uit: ", "a")
	d.say(t, "owner [claims-team]: ", "\x1b") // Escape
	d.say(t, "[q]uit: ", "\x03")              // Ctrl-C
	d.expect(t, "accepted: 1, real leaks: 1, skipped: 0, not decided: 1")
	d.end(t, 130)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for text, times := range map[string]int{
		"owner: claims-team":      1,
		"reason: the démo server": 1,
		"real: true":              1,
		"value: ":                 2,
		"sunrise":                 0,
	} {
		if got := strings.Count(string(data), text); got != times {
			t.Errorf("%q is in the baseline %d times:\n%s", text, got, data)
		}
	}

	// What was decided is not asked again, and a scan knows it.
	d = startDialogue(t, "baseline", "audit", file, src, "--owner", "mail", "--reason", "a test",
		"--until", "2999-01-31")
	d.expect(t, "1 of 1")
	d.say(t, "[q]uit: ", "a")
	d.say(t, "owner [mail]: ", "\r")
	d.say(t, "reason [a test]: ", "\r")
	d.say(t, "until [2999-01-31]: ", "\r")
	d.expect(t, "accepted: 1, real leaks: 0, skipped: 0, not decided: 0")
	d.end(t, 0)
	d = startDialogue(t, "baseline", "audit", file, src)
	d.expect(t, "There is nothing to decide")
	d.end(t, 0)
	p := builder(t, nil, "scan", src, "--baseline", file)
	p.run(t, 183)
	if out := p.stdout.String(); !strings.Contains(out, "1 secret, 3 accepted, in") {
		t.Errorf("the scan says\n%s", out)
	}
}

// TestAuditEnds checks that an audit ends at once and saves every decision, whatever ends it.
func TestAuditEnds(t *testing.T) {
	src := leaky(t)
	for name, test := range map[string]struct {
		end  func(t *testing.T, d *dialogue)
		code int
	}{
		"quit":       {func(t *testing.T, d *dialogue) { d.say(t, "[q]uit: ", "q") }, 0},
		"SIGTERM":    {func(t *testing.T, d *dialogue) { d.expect(t, "[q]uit: "); d.Process.Signal(syscall.SIGTERM) }, 130},
		"in a line":  {func(t *testing.T, d *dialogue) { d.say(t, "[q]uit: ", "a"); d.say(t, "owner", "x\x03") }, 130},
		"everything": {func(t *testing.T, d *dialogue) { d.say(t, "[q]uit: ", "s"); d.say(t, "[q]uit: ", "s") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "baseline.yaml")
			d := startDialogue(t, "baseline", "audit", file, src)
			d.say(t, "[q]uit: ", "R")
			d.expect(t, "2 of 3")
			test.end(t, d)
			d.end(t, test.code)
			data, err := os.ReadFile(file)
			if err != nil || strings.Count(string(data), "real: true") != 1 {
				t.Errorf("error %v, and the baseline is\n%s", err, data)
			}
		})
	}
}

func TestAuditNeedsATerminal(t *testing.T) {
	p := builder(t, nil, "baseline", "audit", "b.yaml", workspaces(t))
	p.run(t, 2)
	p.says(t, "an audit needs a terminal", "--write-baseline FILE --owner TEAM --reason TEXT --until DAY")
}

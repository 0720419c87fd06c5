// SPDX-License-Identifier: AGPL-3.0-or-later

package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// ErrInterrupted is returned for Ctrl-C, which a terminal in raw mode delivers as a key.
var ErrInterrupted = fmt.Errorf("the audit was interrupted: %w", context.Canceled)

// errTerminalClosed reports a terminal that has been closed.
var errTerminalClosed = errors.New("the terminal is gone; what was decided is saved")

// The keys of a line.
const (
	ctrlC     = 3
	ctrlD     = 4
	backspace = 8
	ctrlU     = 21
	escape    = 27
	delete    = 127
)

// escapedLine is returned for a line that the user cancelled with Escape.
const escapedLine = "\x1b"

// maxLine is the maximum length of a line, in characters.
const maxLine = 500

// keyboard reads keys from a terminal.
type keyboard struct {
	runes chan rune
}

// newKeyboard starts a goroutine that reads keys, because a read from a terminal cannot be
// interrupted. The goroutine ends when the terminal is closed.
func newKeyboard(in io.Reader) *keyboard {
	k := &keyboard{runes: make(chan rune)}
	go func() {
		defer close(k.runes)
		reader := bufio.NewReader(in)
		for {
			r, _, err := reader.ReadRune()
			if err != nil {
				return
			}
			if r == escape && reader.Buffered() > 0 {
				skipSequence(reader)
				continue
			}
			k.runes <- r
		}
	}()
	return k
}

// skipSequence skips the rest of an escape sequence, which keys such as arrows send.
func skipSequence(reader *bufio.Reader) {
	for reader.Buffered() > 0 {
		c, err := reader.ReadByte()
		if err != nil || c != '[' && c != 'O' && c >= '@' && c <= '~' {
			return
		}
	}
}

func (k *keyboard) readRune(ctx context.Context) (rune, error) {
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case r, open := <-k.runes:
		switch {
		case !open:
			return 0, errTerminalClosed
		case r == ctrlC:
			return 0, ErrInterrupted
		}
		return r, nil
	}
}

// nextKey returns the next key in lower case. It maps keys outside of ASCII to an unused key.
func (k *keyboard) nextKey(ctx context.Context) (byte, error) {
	r, err := k.readRune(ctx)
	if err != nil || r >= utf8.RuneSelf {
		return 0, err
	}
	if r == ctrlD {
		return keyQuit, nil
	}
	return byte(unicode.ToLower(r)), nil
}

// readLine reads a line. It returns proposed for an empty line, and [escapedLine] after Escape.
func (s *Session) readLine(ctx context.Context, name, proposed string) (string, error) {
	prompt := "  " + name
	if proposed != "" {
		prompt += " [" + proposed + "]"
	}
	s.printText(prompt + ": ")
	var text []rune
	for {
		r, err := s.keys.readRune(ctx)
		if err != nil {
			s.printText("\n")
			return "", err
		}
		switch {
		case r == '\r' || r == '\n':
			s.printText("\n")
			if len(text) == 0 {
				return proposed, nil
			}
			return string(text), nil
		case r == escape || r == ctrlD:
			s.printText("\n")
			return escapedLine, nil
		case r == backspace || r == delete:
			if len(text) > 0 {
				text = text[:len(text)-1]
				io.WriteString(s.Out, "\b \b") // reading ends, too
			}
		case r == ctrlU:
			for range text {
				io.WriteString(s.Out, "\b \b") // reading ends, too
			}
			text = nil
		case unicode.IsPrint(r) && r != utf8.RuneError && len(text) < maxLine:
			text = append(text, r)
			s.printText(string(r))
		}
	}
}

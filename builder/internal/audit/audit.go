// SPDX-License-Identifier: AGPL-3.0-or-later

// Package audit asks a user at a terminal to accept or reject each secret that a scan found.
//
// Like a scan, it shows at most the first characters of a secret. It saves each decision before it
// asks for the next one, so that an interrupted session loses nothing.
package audit

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/scan"
)

// maxPlaces is the maximum number of positions shown for a secret.
const maxPlaces = 5

// Session is one audit.
type Session struct {
	// In and Out are the same terminal, in raw mode.
	In  io.Reader
	Out io.Writer
	// Baseline is updated by each decision; Save writes it.
	Baseline *scan.Baseline
	Save     func(*scan.Baseline) error
	// Proposal holds the suggested values for the first accepted secret.
	Proposal scan.Proposal
	Now      time.Time

	keys *keyboard
}

// Summary counts the decisions.
type Summary struct {
	Accepted, Real, Skipped, Left int
}

// decision is the decision on a case, and the baseline before it.
type decision struct {
	kind   byte
	before *scan.Baseline
}

// The keys.
const (
	keyAccept = 'a'
	keyReal   = 'r'
	keySkip   = 's'
	keyBack   = 'b'
	keyQuit   = 'q'
)

const menu = "  [a]ccept  [r]eal leak  [s]kip  [b]ack  [q]uit: "

// Run asks for a decision on each case. It returns early if the user quits, the terminal is closed,
// or ctx ends; earlier decisions are saved.
func (s *Session) Run(ctx context.Context, cases []scan.Case) (Summary, error) {
	s.keys = newKeyboard(s.In)
	var made []decision
	for len(made) < len(cases) {
		s.showCase(cases[len(made)], len(made)+1, len(cases))
		before := s.Baseline
		kind, err := s.askDecision(ctx, cases[len(made)])
		switch {
		case err != nil:
			return summarize(made, len(cases)), err
		case kind == keyQuit:
			return summarize(made, len(cases)), nil
		case kind == keyBack && len(made) == 0:
			s.printText("This is the first secret.\n")
			continue
		case kind == keyBack:
			err = s.saveBaseline(made[len(made)-1].before)
			made = made[:len(made)-1]
		}
		if err != nil {
			return summarize(made, len(cases)), err
		}
		if kind != keyBack {
			made = append(made, decision{kind, before})
		}
	}
	return summarize(made, len(cases)), nil
}

func summarize(made []decision, all int) Summary {
	sum := Summary{Left: all - len(made)}
	for _, d := range made {
		switch d.kind {
		case keyAccept:
			sum.Accepted++
		case keyReal:
			sum.Real++
		default:
			sum.Skipped++
		}
	}
	return sum
}

// askDecision waits for a key and acts on it.
func (s *Session) askDecision(ctx context.Context, c scan.Case) (kind byte, err error) {
	for {
		s.printText(menu)
		key, err := s.keys.nextKey(ctx)
		if err != nil {
			s.printText("\n")
			return 0, err
		}
		switch key {
		case keyAccept:
			s.printText("accept\n")
			done, err := s.acceptSecret(ctx, c)
			if err != nil || done {
				return keyAccept, err
			}
		case keyReal:
			s.printText("real leak: revoke it\n")
			return keyReal, s.saveBaseline(s.Baseline.MarkReal(c, s.Now))
		case keySkip, keyBack, keyQuit:
			s.printText(map[byte]string{keySkip: "skip\n", keyBack: "back\n", keyQuit: "quit\n"}[key])
			return key, nil
		default:
			s.printText("\n")
		}
	}
}

// acceptSecret asks for the owner, the reason and the expiry date. Escape returns to the menu.
func (s *Session) acceptSecret(ctx context.Context, c scan.Case) (done bool, err error) {
	p := s.Proposal
	for _, question := range []struct {
		name  string
		value *string
	}{{"owner", &p.Owner}, {"reason", &p.Reason}, {"until", &p.Expires}} {
		for {
			text, err := s.readLine(ctx, question.name, *question.value)
			if err != nil || text == escapedLine {
				return false, err
			}
			tried := p
			tried.Rule = ""
			tried.Owner = "-"
			tried.Reason = "-"
			if question.name == "until" {
				tried.Expires = text
			}
			if problem := tried.Check(s.Now); problem != nil {
				s.printText("  " + problem.Error() + "\n")
				continue
			}
			if text == "" && question.name != "until" {
				s.printText("  an entry needs an " + question.name + "; Escape leads back\n")
				continue
			}
			*question.value = text
			break
		}
	}
	s.Proposal = p
	return true, s.saveBaseline(s.Baseline.Accept(c, p, s.Now))
}

// saveBaseline saves a baseline, which later decisions update.
func (s *Session) saveBaseline(b *scan.Baseline) error {
	if err := s.Save(b); err != nil {
		return err
	}
	s.Baseline = b
	return nil
}

// showCase prints a case in the format of a scan.
func (s *Session) showCase(c scan.Case, number, all int) {
	f := c[0]
	s.printText(fmt.Sprintf("\n%d of %d: %s (%s)\n", number, all, f.Rule, f.Severity))
	s.printText(fmt.Sprintf("  %s: %s: %s (%s, fingerprint %s)\n", f.Position(), f.Text(), f.Redacted, f.Verification,
		f.Fingerprint))
	for _, also := range f.Also {
		s.printText("  found by " + also.Rule + ", too\n")
	}
	for i, other := range c[1:] {
		if i == maxPlaces {
			s.printText(fmt.Sprintf("  and in %d more places\n", len(c)-1-i))
			break
		}
		s.printText("  the same secret: " + other.Position() + "\n")
	}
	s.printText("  help: " + f.Help + "\n")
}

// printText writes text to the terminal, which is in raw mode.
func (s *Session) printText(text string) {
	io.WriteString(s.Out, strings.ReplaceAll(terminal.Lines(text), "\n", "\r\n")) // the next read reports the error
}

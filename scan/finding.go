// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/scan/internal/lines"
)

// Finding describes a secret in a file without containing it.
type Finding struct {
	// Scanner and Rule identify what found the secret.
	Scanner string `json:"scanner"`
	Rule    string `json:"rule"`
	// Severity determines whether the finding stops a release.
	Severity Severity `json:"severity"`
	// Path is relative to the root of the workspaces.
	Path string `json:"path"`
	// Commit and Date are set for findings in the Git history: the first commit with the
	// secret, and its date.
	Commit string `json:"commit,omitempty"`
	Date   string `json:"date,omitempty"`
	// Line and Column are 1-based; 0 if unknown. Column counts characters, as editors do.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Where is the path within the structure of the file, such as do[3].fetch.body.
	Where string `json:"where,omitempty"`
	// Redacted contains at most the first characters of the secret.
	Redacted string `json:"redacted"`
	// Fingerprint identifies the secret in this file, regardless of its position.
	Fingerprint string `json:"fingerprint"`
	// Values are the digests by which a baseline identifies the secret, one for each rule that
	// found it; empty unless the baseline compares values.
	Values       []string     `json:"-"`
	Verification Verification `json:"verification"`
	Message      string       `json:"message"`
	Help         string       `json:"help"`
	// Also lists the other rules that found a secret at the same position.
	Also []Sighting `json:"also,omitempty"`
}

// Severity determines whether a finding stops a release.
type Severity string

// The severities.
const (
	// Error stops the release.
	Error Severity = "error"
	// Warning is reported only.
	Warning Severity = "warning"
)

// Sighting is another rule that found a secret at the position of a finding.
type Sighting struct {
	Scanner     string `json:"scanner"`
	Rule        string `json:"rule"`
	Fingerprint string `json:"fingerprint"`
}

const help = "revoke the secret, declare a workspace secret in its place and reference it as {{secret.name}}"

const (
	// fingerprintRounds is the number of PBKDF2 rounds. It makes guessing the secret of a
	// published fingerprint expensive: some hundredths of a second per guess and file.
	fingerprintRounds = 100_000
	fingerprintBytes  = 16

	// shownCharacters is the number of characters to display of a secret with at least minRedacted
	// characters.
	shownCharacters = 4
	minRedacted     = 20
)

// computeFingerprint returns the fingerprint of a secret. It depends on the rule, the path and the
// secret, but not on the position in the file.
func computeFingerprint(rule, path string, s secret.Value) (string, error) {
	key, err := pbkdf2.Key(sha256.New, s.Reveal(), []byte(rule+"\x00"+path), fingerprintRounds, fingerprintBytes)
	if err != nil {
		return "", fmt.Errorf("compute fingerprint: %w", err)
	}
	return hex.EncodeToString(key), nil
}

// redactSecret returns the start of a long secret, which identifies its kind: ghp_***. It hides short
// secrets completely, as well as secrets with white space, or with characters other than
// letters, digits, - and _ at the start.
func redactSecret(s secret.Value) string {
	plain := s.Reveal()
	if len(plain) < minRedacted || strings.ContainsAny(plain, " \t\r\n") {
		return secret.Mask
	}
	for _, c := range []byte(plain[:shownCharacters]) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '_' && c != '-' {
			return secret.Mask
		}
	}
	return plain[:shownCharacters] + secret.Mask
}

// sighting is a match with the name of its scanner.
type sighting struct {
	scanner string
	Match
}

// isSameSecret reports whether another sighting is the same secret, found at the same position by
// another detector or decoder.
func (s sighting) isSameSecret(other sighting) bool {
	return (s.scanner != other.scanner || s.Encoding != other.Encoding) && s.overlaps(other.Match)
}

// newFindings converts the sightings in a file to findings, one for each position. The sighting of
// the earliest detector comes first, because it knows most about the location. Each fingerprint
// is computed only once.
func (s *Scanner) newFindings(ctx context.Context, path string, sightings []sighting) ([]Finding, error) {
	prints := fingerprintCache{path: path, values: s.values, known: map[fingerprintKey]string{}}
	var list []Finding
	var first []sighting     // the first sighting of each finding
	lines := map[int][]int{} // the indexes of the findings in each line
	for _, next := range sightings {
		print, err := prints.fingerprintOf(ctx, next.Match)
		if err != nil {
			return nil, err
		}
		value, err := prints.values.digestOf(next.Secret)
		if err != nil {
			return nil, err
		}
		inLine := lines[next.Line]
		n := len(list)
		if i := slices.IndexFunc(inLine, func(n int) bool { return first[n].isSameSecret(next) }); i >= 0 {
			n = inLine[i]
			list[n].addSighting(next, print)
		} else {
			lines[next.Line] = append(inLine, n)
			list = append(list, next.newFinding(next.scanner, path, print))
			first = append(first, next)
		}
		list[n].addValue(value)
	}
	return list, nil
}

// fingerprintCache computes and caches the fingerprints of one file.
type fingerprintCache struct {
	path   string
	values *valueDigests
	known  map[fingerprintKey]string
}

type fingerprintKey struct{ rule, secret string }

func (p *fingerprintCache) fingerprintOf(ctx context.Context, m Match) (string, error) {
	key := fingerprintKey{m.Rule, m.Secret.Reveal()}
	if print, known := p.known[key]; known {
		return print, nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	print, err := computeFingerprint(m.Rule, p.path, m.Secret)
	p.known[key] = print
	return print, err
}

func (f *Finding) addValue(digest string) {
	if digest != "" && !slices.Contains(f.Values, digest) {
		f.Values = append(f.Values, digest)
	}
}

// addSighting adds the sighting of another detector at the same position.
func (f *Finding) addSighting(s sighting, fingerprint string) {
	also := Sighting{Scanner: s.scanner, Rule: s.Rule, Fingerprint: fingerprint}
	if also.Fingerprint == f.Fingerprint && also.Scanner == f.Scanner || slices.Contains(f.Also, also) {
		return
	}
	f.Also = append(f.Also, also)
	f.Where = cmp.Or(f.Where, s.Where)
	if s.Help != "" && f.Help == help {
		f.Help = s.Help
	}
}

// overlaps reports whether two matches share text.
func (m Match) overlaps(other Match) bool {
	a := m.Secret.Reveal()
	b := other.Secret.Reveal()
	switch {
	case m.Inside && other.Inside, m.Named && other.Named:
		return strings.Contains(a, b) || strings.Contains(b, a)
	case m.Line == 0 || m.Line != other.Line || m.Inside != other.Inside:
		return false
	case m.Encoding != other.Encoding && (decodesTo(a, b) || decodesTo(b, a)):
		return true
	case m.Column == 0 || other.Column == 0:
		return strings.Contains(a, b) || strings.Contains(b, a)
	default:
		return m.Column < other.Column+len(b) && other.Column < m.Column+len(a) || isPartOf(a, b) || isPartOf(b, a)
	}
}

// isPartOf reports whether a secret is a part of another one, such as the password of a URL that
// a detector reports in a normal form.
func isPartOf(part, whole string) bool {
	return len(part) > shownCharacters && len(part) < len(whole) && strings.Contains(whole, part)
}

// decodesTo reports whether encoded is base64 of a text that contains plain.
func decodesTo(encoded, plain string) bool {
	bare := strings.NewReplacer("-", "+", "_", "/", "\n", "", " ", "").Replace(strings.TrimRight(encoded, "="))
	data, err := base64.RawStdEncoding.DecodeString(bare)
	return err == nil && len(plain) > shownCharacters && strings.Contains(string(data), plain)
}

// removeDuplicates removes duplicate matches: those from overlapping parts of a file, and decoded secrets
// that also appear verbatim.
func removeDuplicates(matches []Match) []Match {
	type place struct {
		rule, secret string
		line, column int
		inside       bool
	}
	at := func(m Match, column int) place { return place{m.Rule, m.Secret.Reveal(), m.Line, column, m.Inside} }
	const anywhere = -1
	sorted := slices.Clone(matches)
	seen := map[place]bool{}
	slices.SortFunc(sorted, compareMatches)
	var list []Match
	for _, m := range sorted {
		exact := m.positionRank() == 0
		if seen[at(m, m.Column)] || !exact && seen[at(m, anywhere)] {
			continue
		}
		seen[at(m, m.Column)], seen[at(m, anywhere)] = true, true
		list = append(list, m)
	}
	return list
}

// compareMatches puts the most informative match first. It is a total order, because detectors
// report in varying order.
func compareMatches(a, b Match) int {
	return cmp.Or(
		cmp.Compare(a.positionRank(), b.positionRank()),
		cmp.Compare(a.Verification.urgencyRank(), b.Verification.urgencyRank()),
		cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.describeMatch(), b.describeMatch()),
		cmp.Compare(a.Secret.Reveal(), b.Secret.Reveal()))
}

// urgencyRank orders verifications by urgency. The most urgent one has rank 0.
func (v Verification) urgencyRank() int {
	return slices.Index([]Verification{Live, Unknown, NotChecked, Dead}, v)
}

// positionRank is 0 for a secret with a known column, and higher for less precise positions.
func (m Match) positionRank() int {
	switch {
	case m.Column > 0:
		return 0
	case m.Encoding == "":
		return 1
	default:
		return 2
	}
}

func (m Match) newFinding(scanner, path, fingerprint string) Finding {
	redacted := redactSecret(m.Secret)
	if m.Hidden {
		redacted = secret.Mask
	}
	return Finding{
		Scanner: scanner, Rule: m.Rule, Severity: Error, Path: path, Line: m.Line, Column: m.Column, Where: m.Where,
		Redacted: redacted, Fingerprint: fingerprint, Verification: m.Verification,
		Message: m.describeMatch(), Help: cmp.Or(m.Help, help),
	}
}

func (m Match) describeMatch() string {
	text := cmp.Or(m.Reason, "secret of kind "+m.Rule)
	if m.Encoding != "" {
		text += ", encoded as " + m.Encoding
	}
	if m.Named {
		text += ", in the name of the file"
	}
	if m.Inside {
		text += ", inside of this archive"
	}
	return text
}

// countCharacters converts columns from bytes, as detectors count them, to characters.
func countCharacters(found []Finding, data []byte) {
	if len(found) == 0 {
		return
	}
	starts := lines.New(data)
	for i, f := range found {
		if start, ok := starts.Offset(data, f.Line, 1); ok && f.Column > 0 {
			end := min(start+f.Column-1, len(data))
			found[i].Column = 1 + utf8.RuneCount(data[start:end])
		}
	}
}

// Position returns path:line:column as far as known. In a history the commit precedes it, in
// the notation of git show.
func (f Finding) Position() string {
	path := quotePath(f.Path)
	if f.Commit != "" {
		path = f.Commit[:min(len(f.Commit), shortCommit)] + ":" + path
	}
	switch {
	case f.Line == 0:
		return path
	case f.Column == 0:
		return fmt.Sprintf("%s:%d", path, f.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", path, f.Line, f.Column)
	}
}

// shortCommit is the number of displayed characters of a commit hash.
const shortCommit = 12

// Text describes the finding, and its path within the structure of the file, in one line.
func (f Finding) Text() string {
	if f.Where == "" {
		return f.Message
	}
	return f.Message + ", in " + quotePath(f.Where)
}

// quotePath quotes a path with unprintable characters, and escapes what a CI system would
// interpret as a command.
func quotePath(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		path = strconv.Quote(path)
	}
	return terminal.Defuse(path)
}

// Same reports whether two findings are the same secret at the same position.
func (f Finding) Same(other Finding) bool {
	return f.Fingerprint == other.Fingerprint && f.Path == other.Path && f.Line == other.Line &&
		f.Column == other.Column && f.Where == other.Where
}

// compareFindings orders findings by position.
func compareFindings(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Scanner, b.Scanner),
		cmp.Compare(a.Fingerprint, b.Fingerprint),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Date, b.Date),
		cmp.Compare(a.Commit, b.Commit),
	)
}

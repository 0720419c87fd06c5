// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"crypto/rand"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/scan/internal/strict"
)

const (
	// baselineVersion is the version of the file format and of the fingerprint algorithm.
	baselineVersion = 1
	// AcceptedDays is the default validity of a new entry, in days.
	AcceptedDays = 90
	// dateFormat is the format of expiry dates.
	dateFormat = time.DateOnly
	// minSalt is the minimum length of the salt, in characters.
	minSalt = 16
)

// The rules of baseline problems.
const (
	ruleIncomplete = "baseline-incomplete"
	ruleExpired    = "baseline-expired"
	ruleUnused     = "baseline-unused"
)

// Baseline lists findings that may ship, each with an owner, a reason and an expiry date.
// Entries that lack one of them accept nothing.
type Baseline struct {
	// file is the name of the baseline in messages.
	file    string
	salt    string
	entries []baselineEntry
	// proposal is set if the baseline will be rewritten: see [Baseline.Renewed].
	proposal *Proposal
	// partial: only a subset of the files is scanned: see [Baseline.Partial].
	partial bool
	// audited: see [Baseline.Audited].
	audited bool
}

type baselineFile struct {
	Version int             `yaml:"version"`
	Salt    string          `yaml:"salt,omitempty"`
	Entries []baselineEntry `yaml:"accepted"`
}

// baselineEntry accepts the findings that [baselineEntry.matches] selects.
type baselineEntry struct {
	strict.Position `yaml:"-"`
	// Value is the digest of a secret: see [valueDigests].
	Value string `yaml:"value,omitempty"`
	// Fingerprint identifies one secret in one file.
	Fingerprint string `yaml:"fingerprint,omitempty"`
	Rule        string `yaml:"rule,omitempty"`
	// Path is a glob.
	Path string `yaml:"path,omitempty"`
	// File and Where locate the first occurrence of the secret.
	File  string `yaml:"file,omitempty"`
	Where string `yaml:"where,omitempty"`
	// Fingerprints identify the findings of a value in reports and release manifests.
	Fingerprints []string `yaml:"fingerprints,omitempty"`
	// Real marks a finding that a reviewer judged to be a leak. It is not accepted.
	Real    bool   `yaml:"real,omitempty"`
	Owner   string `yaml:"owner"`
	Reason  string `yaml:"reason"`
	Expires string `yaml:"expires"`
}

// NewBaseline returns an empty baseline.
func NewBaseline(file string) *Baseline { return &Baseline{file: file, salt: rand.Text()} }

// ReadBaseline parses a baseline. Errors contain the file, line and column.
func ReadBaseline(file string, data []byte) (*Baseline, error) {
	var f baselineFile
	if err := strict.Decode(file, data, &f); err != nil {
		return nil, err
	}
	if f.Version != baselineVersion {
		return nil, fmt.Errorf("%s: its version is %d, this program reads %d", file, f.Version, baselineVersion)
	}
	if f.Salt != "" && len(f.Salt) < minSalt {
		return nil, fmt.Errorf("%s: the salt has %d characters, want %d or more", file, len(f.Salt), minSalt)
	}
	seen := map[string]bool{}
	for _, e := range f.Entries {
		err := e.validate(seen)
		if err == nil && e.Value != "" && f.Salt == "" {
			err = e.Errorf("an entry with a value needs the salt at the top of the file")
		}
		if err != nil {
			return nil, strict.In(file, err)
		}
	}
	return &Baseline{file: file, salt: f.Salt, entries: f.Entries}, nil
}

var fingerprintFormat = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (e baselineEntry) validate(seen map[string]bool) error {
	if err := e.validateSelector(); err != nil {
		return err
	}
	key := strings.Join([]string{e.Value, e.Fingerprint, e.Path}, "\x00")
	if e.isBroad() {
		key = e.Rule + "\x00" + key
	}
	if seen[key] {
		return e.Errorf("%s is there twice", e.describe())
	}
	seen[key] = true
	if _, err := time.Parse(dateFormat, e.Expires); err != nil {
		return e.Errorf("expires %q is not a date such as 2027-01-31", e.Expires)
	}
	return nil
}

// validateSelector validates the fields that select findings.
func (e baselineEntry) validateSelector() error {
	switch {
	case e.Value != "" && e.Fingerprint != "":
		return e.Errorf("the entry has a value and a fingerprint: leave one of them out")
	case e.Value != "" && !fingerprintFormat.MatchString(e.Value):
		return e.Errorf("value %q is not a digest of 32 hexadecimal digits", e.Value)
	case e.Fingerprint != "" && !fingerprintFormat.MatchString(e.Fingerprint):
		return e.Errorf("fingerprint %q is invalid: want 32 hexadecimal digits, as in a report", e.Fingerprint)
	case e.Fingerprint != "" && (e.Rule == "" || e.File == ""):
		return e.Errorf("the entry needs the rule and the file of its finding")
	case e.Fingerprint != "" && e.Path != "":
		return e.Errorf("the entry has a fingerprint, which belongs to one file: leave out path")
	case e.isBroad() && e.File != "":
		return e.Errorf("the entry has a file, but no fingerprint: name the file in path")
	case e.isBroad() && e.Rule == "" && e.Path == "":
		return e.Errorf("the entry accepts nothing: it needs a value, a fingerprint, a rule or a path")
	case e.isBroad() && e.Real:
		return e.Errorf("the entry marks a real leak, so it needs the value or the fingerprint of one secret")
	case e.Path != "" && !doublestar.ValidatePattern(e.Path):
		return e.Errorf("path %q is not a valid glob", e.Path)
	}
	return nil
}

// isBroad reports whether the entry selects findings by rule or path instead of a single
// secret.
func (e baselineEntry) isBroad() bool { return e.Value == "" && e.Fingerprint == "" }

// isComplete reports whether the entry has an owner and a reason.
func (e baselineEntry) isComplete() bool {
	return strings.TrimSpace(e.Owner) != "" && strings.TrimSpace(e.Reason) != ""
}

// describe returns what the entry accepts, for messages.
func (e baselineEntry) describe() string {
	switch {
	case e.Fingerprint != "" || e.Value != "" && e.Path == "" && e.File != "":
		return e.Rule + " in " + quotePath(e.File)
	case e.Value != "":
		return strings.TrimSpace(e.Rule + " value " + e.Value + " " + quotePath(e.Path))
	case e.Rule == "":
		return "findings in " + quotePath(e.Path)
	case e.Path == "":
		return "findings of " + quotePath(e.Rule)
	default:
		return "findings of " + quotePath(e.Rule) + " in " + quotePath(e.Path)
	}
}

// Entries returns the number of entries, and how many of them lack an owner or a reason.
func (b *Baseline) Entries() (all, incomplete int) {
	for _, e := range b.entries {
		if !e.isComplete() && !e.Real {
			incomplete++
		}
	}
	return len(b.entries), incomplete
}

const baselineHead = `# Secrets that may ship, each until a date. A scan with this baseline fails for entries
# that have expired, that match no finding, and that have no owner or no
# reason. Written by builder scan --write-baseline, which keeps what people filled in.
`

// Write writes the file. The output is deterministic.
func (b *Baseline) Write(w io.Writer) error {
	if _, err := io.WriteString(w, baselineHead); err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	file := baselineFile{Version: baselineVersion, Entries: append([]baselineEntry{}, b.entries...)}
	if slices.ContainsFunc(b.entries, func(e baselineEntry) bool { return e.Value != "" }) {
		file.Salt = b.salt
	}
	if err := enc.Encode(file); err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	return enc.Close()
}

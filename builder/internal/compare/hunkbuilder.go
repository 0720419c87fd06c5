// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/scan"
)

// Notes on files whose content is not fully shown.
const (
	noteLarge     = "too large to show"
	noteBinary    = "not text"
	noteUnscanned = "not shown: it could not be scanned for secrets"
	noteEncoded   = "not shown: it contains a probable secret that is not in plain text"
	noteCrowded   = "not shown: there are too many secrets to hide"
	noteSecrets   = "only secrets differ; they are not shown"
	noteFormat    = "same values: only comments, formatting or the order of keys differ"
	noteGenerated = "only what the platform writes with each push differs"
	noteForm      = "only the Unicode form of the name differs"
)

// hunkBuilder computes the parts of the report that show content.
type hunkBuilder struct {
	opts Options
	// hidden holds the reason why a file is not shown, by workspace and path.
	hidden map[string]string
	// left is the number of lines that still fit.
	left int
	cut  Cut
	// pairs holds the content of the changed files, by workspace and path.
	pairs map[string]filePair
}

// learnSecrets searches everything that may be shown for secrets, before any of it is shown.
func (t *hunkBuilder) learnSecrets(ctx context.Context, files map[workspacePair]workspaceFiles) error {
	compareNewer := func(a, b workspacePair) int { return strings.Compare(a.newer.Slug, b.newer.Slug) }
	for _, p := range slices.SortedFunc(maps.Keys(files), compareNewer) {
		for _, f := range files[p].changed {
			for _, c := range []*content{f.older, f.newer} {
				if c == nil {
					continue
				}
				if err := t.learnFile(ctx, p.newer.Slug+"/"+f.path, c.data); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// learnFile learns the secrets of a file. The file is not shown if they cannot be redacted.
func (t *hunkBuilder) learnFile(ctx context.Context, path string, data []byte) error {
	err := t.opts.Redactor.Learn(ctx, scan.File{Path: path, Data: data})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, scan.ErrTooManySecrets):
		t.hidden[""] = noteCrowded
	case errors.Is(err, scan.ErrNotPlain):
		t.hidden[path] = noteEncoded
	case err != nil:
		t.hidden[path] = noteUnscanned
	}
	return nil
}

// addFiles adds the changed files to a workspace and classifies the changes.
func (t *hunkBuilder) addFiles(w *Workspace, pair workspacePair, files workspaceFiles) {
	for _, p := range files.changed {
		f := File{Path: p.path, Status: Changed, Hunks: []Hunk{}}
		if p.older == nil {
			f.Status = Added
		} else {
			f.Bytes.Old = p.older.size
		}
		if p.newer == nil {
			f.Status = Removed
		} else {
			f.Bytes.New = p.newer.size
		}
		path := w.Slug + "/" + p.path
		f.Note = t.hiddenReason(path, p)
		reasons := t.classifyFile(&f, p)
		for _, reason := range reasons {
			f.Classes = unionOf(f.Classes, []Class{reason.Class})
		}
		w.Reasons = append(w.Reasons, reasons...)
		if w.Status != Added {
			w.Files = append(w.Files, f)
			t.pairs[path] = p
		}
	}
	w.classify(pair)
	w.addHosts(files, t.isHidden)
}

// isHidden reports whether nothing of a file may be quoted because of its secrets. With an empty
// path, it reports this for any file of the workspace.
func (t *hunkBuilder) isHidden(slug, path string) bool {
	if t.hidden[""] != "" || t.hidden[slug+"/"+path] != "" {
		return true
	}
	for name := range t.hidden {
		if path == "" && strings.HasPrefix(name, slug+"/") {
			return true
		}
	}
	return false
}

// classifyFile returns the reasons for the classes of a changed file. It does not quote files that
// are hidden because of their secrets.
func (t *hunkBuilder) classifyFile(f *File, p filePair) []Reason {
	var older, newer []byte
	if p.older != nil {
		older = p.older.data
	}
	if p.newer != nil {
		newer = p.newer.data
	}
	switch {
	case p.older != nil && p.newer != nil && p.older.sum == p.newer.sum:
		f.Note = noteForm
		return []Reason{{Metadata, f.Path, noteForm}}
	case f.Status == Changed && onlyGenerated(f.Path, older, newer) && !sameValues(older, newer):
		f.Note = cmp.Or(f.Note, noteGenerated)
		return []Reason{{Metadata, f.Path, noteGenerated}}
	case f.Note != "":
		older = nil
		newer = nil
	}
	return classify(f.Path, older, newer)
}

// addHunks adds hunks to the files, the most important ones first, until the limit is reached.
func (t *hunkBuilder) addHunks(r *Report) {
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		for j := range w.Files {
			f := &w.Files[j]
			p := t.pairs[w.Slug+"/"+f.Path]
			if f.Note == "" {
				t.buildHunks(f, t.comparedText(w, f.Path, p.older), t.comparedText(w, f.Path, p.newer))
			}
		}
	}
}

// comparedText returns the content that is compared: without what the platform generates.
func (t *hunkBuilder) comparedText(w *Workspace, path string, c *content) []byte {
	if c == nil {
		return nil
	}
	data := scan.WithoutChecksums(scan.File{Path: w.Slug + "/" + path, Data: c.data})
	return withoutVersion(path, data)
}

// hiddenReason returns why the content of a file is not shown.
func (t *hunkBuilder) hiddenReason(path string, p filePair) string {
	for _, reason := range []string{t.hidden[""], t.hidden[path]} {
		if reason != "" {
			return reason
		}
	}
	for _, c := range []*content{p.older, p.newer} {
		switch {
		case c == nil:
		case c.data == nil:
			return noteLarge
		case !utf8.Valid(c.data) || bytes.ContainsRune(c.data, 0):
			return noteBinary
		}
	}
	return ""
}

// buildHunks compares two versions of a text.
func (t *hunkBuilder) buildHunks(f *File, older, newer []byte) {
	if f.Status == Changed && isStructured(f.Path) && sameValues(older, newer) {
		f.Note = noteFormat
	}
	redact := t.opts.Redactor.Redact
	before := []byte(redact(string(older)))
	after := []byte(redact(string(newer)))
	if bytes.Equal(before, after) {
		if f.Note = noteSecrets; len(older)+len(newer) == 0 {
			f.Note = ""
		}
		return
	}
	all := diffLines(before, after)
	for _, h := range all {
		for _, line := range h.Lines {
			switch line[0] {
			case '+':
				f.Added++
			case '-':
				f.Removed++
			}
		}
	}
	if isStructured(f.Path) && sameLines(older, before) && sameLines(newer, after) {
		locateHunks(all, older, newer) // the redacted text may not be valid YAML
	}
	t.fitHunks(f, all)
}

// sameLines reports whether the redaction kept the number of lines.
func sameLines(text, redacted []byte) bool {
	return bytes.Count(text, []byte("\n")) == bytes.Count(redacted, []byte("\n"))
}

// fitHunks keeps the hunks and lines that fit.
func (t *hunkBuilder) fitHunks(f *File, all []Hunk) {
	room := min(t.left, (t.opts.MaxLines+3)/4)
	for _, h := range all {
		n := min(len(h.Lines), room)
		if n > 0 {
			f.Hunks = append(f.Hunks, Hunk{h.Header, h.Where, h.Lines[:n]})
		}
		room -= n
		t.left -= n
		f.Cut += len(h.Lines) - n
	}
	t.cut.Lines += f.Cut
	if len(f.Hunks) == 0 {
		t.cut.Files++
	}
}

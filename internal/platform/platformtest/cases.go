// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// casesJSON holds workspace files with the recorded results of the unmodified service of October
// 2024. A file without a text has the text of that file in the first case.
//
//go:embed testdata/cases.json
var casesJSON []byte

// Sources of a [Case].
const (
	ByArchive = "archive" // import of a zip file
	ByPull    = "pull"    // pull from a Git repository
)

// Case is a workspace and the result of importing it into the real service.
type Case struct {
	Name string
	// By is ByArchive or ByPull.
	By string
	// Files is in the order of the archive.
	Files    []File
	Platform Effect
}

// File is a file of a workspace. Path is relative to the workspace and uses slashes.
type File struct{ Path, Text string }

// Effect is the result of an import.
type Effect struct {
	// Status is the HTTP status, or 0 if the response was not recorded.
	Status int
	// Imported lists files in any order. index.yml is called index.
	Imported []string
	Errors   []FileError
	// Stored lists the paths in a subsequent export, sorted.
	Stored []string
	// Contents maps stored files to their text, if it differs from the imported text.
	Contents map[string]string
}

// FileError is an error in a report. Texts are truncated to 175 characters.
type FileError struct {
	File string
	// Error is the class and the message, or the reported text if there is none.
	Error string
}

// Cases returns the recorded cases.
func Cases() ([]Case, error) {
	var recorded []struct {
		Name, By string
		Files    []struct {
			Path string
			Text *string
		}
		Repeat struct {
			Path, Text string
			Count      int
		}
		Platform Effect
	}
	if err := json.Unmarshal(casesJSON, &recorded); err != nil {
		return nil, fmt.Errorf("read the recorded cases: %w", err)
	}
	var cases []Case
	first := map[string]string{}
	for _, r := range recorded {
		c := Case{Name: r.Name, By: r.By, Platform: r.Platform}
		for _, f := range r.Files {
			if f.Text != nil {
				c.Files = append(c.Files, File{f.Path, *f.Text})
				continue
			}
			c.Files = append(c.Files, File{f.Path, first[f.Path]})
		}
		if len(cases) == 0 {
			for _, f := range c.Files {
				first[f.Path] = f.Text
			}
		}
		for n := range r.Repeat.Count {
			c.Files = append(c.Files, File{fmt.Sprintf(r.Repeat.Path, n), r.Repeat.Text})
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// Replay imports files into an empty workspace of a new platform and returns the result. apps
// belong to other workspaces.
func Replay(o Options, by string, files []File, apps ...string) Effect {
	p := New(o)
	defer p.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, app := range apps {
		p.apps[app] = "another"
	}
	w := p.createInstalled("Import", "")
	var entries []entry
	for _, f := range files {
		entries = append(entries, entry{"current/" + f.Path, f.Text})
	}
	out := Effect{Status: 200}
	var report object
	err := rejectBulkArchive(entries)
	if err == nil {
		report, err = p.newImport(w, by == ByPull, false).importFiles(entries)
	}
	if err != nil {
		out.Status = errorStatus(asException(err))
	}
	out.Imported, _ = report["imported"].([]string)
	errs, _ := report["errors"].([]object)
	for _, e := range errs {
		out.Errors = append(out.Errors, newFileError(e))
	}
	for name, text := range p.content[w.Slug] {
		out.Stored = append(out.Stored, name)
		at := slices.IndexFunc(files, func(f File) bool { return f.Path == name })
		if at < 0 || files[at].Text != text {
			if out.Contents == nil {
				out.Contents = map[string]string{}
			}
			out.Contents[name] = text
		}
	}
	out.Stored = append(out.Stored, ".import.yml")
	slices.Sort(out.Stored)
	return out
}

// maxRecorded is the length at which recorded errors were truncated, in characters.
const maxRecorded = 175

// newFileError truncates an error of a report like the recorded ones.
func newFileError(e object) FileError {
	file, _ := e["filepath"].(string)
	out := FileError{File: strings.TrimPrefix(file, "current/")}
	out.Error, _ = e["msg"].(string)
	if fields, ok := e["err"].(object); ok && len(fields) > 0 {
		class, _ := fields["name"].(string)
		if class == "" {
			class, _ = fields["error"].(string)
		}
		out.Error = fmt.Sprintf("%s: %s", class, fields["message"])
	}
	if text := []rune(out.Error); len(text) > maxRecorded {
		out.Error = string(text[:maxRecorded])
	}
	return out
}

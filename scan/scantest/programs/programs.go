// SPDX-License-Identifier: AGPL-3.0-or-later

// Package programs runs secret scanners as processes on the same files and reads their reports, so
// that they can be compared.
package programs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Program is a secret scanner.
type Program struct {
	Name string
	// Shell returns a command that scans a directory and writes its report to a file.
	Shell func(dir, out string) string

	parse func(data []byte) ([]Finding, error)
}

// Finding is an entry of a report. File is the path below the scanned directory.
type Finding struct {
	File string
	Line int
	Rule string
}

// Paths are the executables of the programs.
type Paths struct{ Builder, TruffleHog, Gitleaks string }

// All returns the programs, the builder first. None of them sends anything to other hosts.
func All(p Paths) []Program {
	return []Program{
		{"builder scan", func(dir, out string) string {
			return fmt.Sprintf("%s scan %s --progress quiet --report json=%s >/dev/null 2>&1 || test $? = 183",
				p.Builder, dir, out)
		}, parseBuilder},
		{"TruffleHog v3.95.9", func(dir, out string) string {
			return fmt.Sprintf("exec %s filesystem %s --no-verification --no-update --json >%s 2>/dev/null",
				p.TruffleHog, dir, out)
		}, parseTruffleHog},
		{"gitleaks v8.30.1", func(dir, out string) string {
			return fmt.Sprintf("exec %s dir %s --exit-code 0 --no-banner --redact --report-format json "+
				"--report-path %s 2>/dev/null", p.Gitleaks, dir, out)
		}, parseGitleaks},
	}
}

// AddIndexes adds an index.yml to the directories at the top that have none, because the builder
// only ships and scans directories of workspaces. The keys of the map are paths.
func AddIndexes(files map[string][]byte) {
	for _, name := range slices.Collect(maps.Keys(files)) {
		slug, _, _ := strings.Cut(name, "/")
		index := slug + "/index.yml"
		if _, found := files[index]; !found {
			files[index] = []byte("name: Sample\nslug: sample\n")
		}
	}
}

// Run scans a directory, writes the report to a file and returns its findings.
func (p Program) Run(ctx context.Context, dir, out string) ([]Finding, error) {
	cmd := exec.CommandContext(ctx, "sh", "-ec", p.Shell(dir, out))
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("run %s on %s: %w\n%s", p.Name, dir, err, output)
	}
	return p.Read(dir, out)
}

// Read returns the findings in a report on a directory.
func (p Program) Read(dir, report string) ([]Finding, error) {
	data, err := os.ReadFile(report)
	if err != nil {
		return nil, err
	}
	list, err := p.parse(data)
	if err != nil {
		return nil, fmt.Errorf("read the report of %s on %s: %w", p.Name, dir, err)
	}
	for i := range list {
		list[i].File = strings.TrimPrefix(list[i].File, dir+"/")
	}
	return list, nil
}

func parseBuilder(data []byte) ([]Finding, error) {
	var report struct {
		Findings []struct {
			Path string
			Line int
			Rule string
		}
	}
	err := json.Unmarshal(data, &report)
	var list []Finding
	for _, f := range report.Findings {
		list = append(list, Finding{f.Path, f.Line, f.Rule})
	}
	return list, err
}

func parseTruffleHog(data []byte) ([]Finding, error) {
	var list []Finding
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var found struct {
			DetectorName   string
			SourceMetadata struct {
				Data struct {
					Filesystem struct {
						File string
						Line int
					}
				}
			}
		}
		if err := dec.Decode(&found); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		place := found.SourceMetadata.Data.Filesystem
		list = append(list, Finding{place.File, place.Line, found.DetectorName})
	}
}

func parseGitleaks(data []byte) ([]Finding, error) {
	var findings []struct {
		File      string
		StartLine int
		RuleID    string
	}
	err := json.Unmarshal(data, &findings)
	var list []Finding
	for _, f := range findings {
		list = append(list, Finding{f.File, f.StartLine, f.RuleID})
	}
	return list, err
}

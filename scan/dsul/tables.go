// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"path"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// table holds what the lines read so far reveal about the columns.
type table struct {
	separator string
	// names of the columns, if there is a header.
	names []string
}

// maxColumns limits the number of columns to scan in a line.
const maxColumns = 200

// separatorOf returns the column separator of a line, or "" if the line has no columns.
func (s *fileScan) separatorOf(line string) string {
	switch {
	case strings.Count(line, "|") >= 2 && strings.HasPrefix(strings.TrimSpace(line), "|"),
		s.kind.document && strings.Contains(line, " | "):
		return "|"
	case s.kind.csv && strings.Contains(line, ";"):
		return ";"
	case s.kind.csv && strings.Contains(line, "\t"):
		return "\t"
	case s.kind.csv:
		return ","
	}
	return ""
}

// scanTableRow scans a line of a table for values below the name of a credential or next to one.
func (s *fileScan) scanTableRow(t *table, line string, at position) {
	separator := s.separatorOf(line)
	if separator == "" {
		*t = table{}
		return
	}
	cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), separator)
	if len(cells) > maxColumns {
		return
	}
	for i := range cells {
		cells[i] = strings.Trim(cells[i], " \t\r\"'`*")
	}
	if t.separator != separator {
		*t = table{separator: separator, names: cells}
	} else {
		for i, cell := range cells {
			if i < len(t.names) {
				s.scanCell(t.names[i], cell, at)
			}
		}
	}
	for i := range len(cells) - 1 {
		s.scanCell(cells[i], cells[i+1], at)
	}
}

// scanCell scans a value with its name.
func (s *fileScan) scanCell(name, value string, at position) {
	strength := s.strengthOf(name)
	value = literal.MaskTemplates(value)
	if strength < credential || strings.ContainsAny(name, "={}$<>;") || strings.Contains(value, "](") ||
		strings.Trim(value, "-: ") == "" ||
		strings.ContainsRune(value, literal.Mask) ||
		nameStrength(value) > unnamed {
		return
	}
	switch {
	case s.kind.csv && strength == password && len(value) >= minPassword && !literal.IsPlaceholder(value):
		s.report(rulePassword, value, at)
	case strength == password && isSpoken(value) && !strings.Contains(value, " "):
		s.report(rulePassword, value, at)
	case strength == credential && literal.LooksGenerated(value):
		s.report(ruleCredential, value, at)
	}
}

// fileKind holds what the file name reveals about the lines.
type fileKind struct {
	csv, passwords, hashes, key bool
	// document: the text is for people to read. demo: the file starts services for a test or a
	// demonstration.
	document, demo bool
	// translation: the values are labels in one language.
	translation bool
	// settings: each line is a name and a value. spaced: only a space separates the two.
	settings, spaced bool
}

// settingsFiles are the extensions of configuration files and their templates.
var settingsFiles = literal.NewVocabulary(`.tpl .tmpl .gotmpl .j2 .jinja .jinja2 .erb .mustache .hbs .ini
	.properties .conf .cfg .cnf .toml .env .tf .tfvars .hcl .cue .jsonnet .json5 .jsonc .config .yaml-tpl
	.example .dist .sample`)

func kindOf(f scan.File) fileKind {
	name := strings.ToLower(path.Base(f.Path))
	ext := path.Ext(name)
	return fileKind{
		csv:         ext == ".csv" || ext == ".tsv",
		passwords:   strings.TrimPrefix(name, ".") == "pgpass" || name == "pgpass.conf",
		hashes:      strings.HasSuffix(name, "htpasswd") || name == "shadow",
		document:    literal.IsDocument(name),
		demo:        !workspaceParts[part(f.InWorkspace())] && literal.IsDemoFile(f.Path),
		translation: !workspaceParts[part(f.InWorkspace())] && literal.IsTranslation(f.Path),
		settings:    name != "nsswitch.conf" && settingsFiles[ext] || strings.HasPrefix(name, ".env"),
		spaced: name != "nsswitch.conf" && ext == ".conf" || strings.HasSuffix(name, "netrc") || ext == ".cnf" ||
			ext == ".cfg" ||
			ext == ".properties",
		key: ext == ".key" || name == "secret.txt" || name == "token.txt" || name == "password.txt",
	}
}

// forwarding are directives of nginx, whose value is an address.
var forwarding = literal.NewVocabulary(`proxy_pass fastcgi_pass uwsgi_pass scgi_pass grpc_pass memcached_pass`)

var (
	// passwordLine matches a line of .pgpass.
	passwordLine = lazyregexp.New(`^[^:#\s]+:(?:\d+|\*):[^:]+:[^:]+:(.{3,256})$`)
	// hashLine matches a line of .htpasswd.
	hashLine = lazyregexp.New(`^[^:#\s]+:([^:\s]{8,256})`)
)

// scanSpecialLine scans a line of a file that a program recognizes by its name.
func (s *fileScan) scanSpecialLine(line string, at position) {
	line = strings.TrimSpace(line)
	switch {
	case s.kind.passwords:
		if m := passwordLine.FindStringSubmatch(line); m != nil {
			s.report(rulePassword, m[1], at)
		}
	case s.kind.hashes:
		if m := hashLine.FindStringSubmatch(line); m != nil && isHash(m[1]) {
			s.report(ruleHash, m[1], at)
		}
	case s.kind.spaced:
		s.scanSpacedSetting(line, at)
	case s.kind.key:
		if literal.LooksRandom(line) {
			s.report(ruleCredential, line, at)
		}
	}
}

// scanSpacedSetting scans a line with the name of a password, a space and the password.
func (s *fileScan) scanSpacedSetting(line string, at position) {
	name, value, found := strings.Cut(line, " ")
	if !found || forwarding[name] || s.strengthOf(name) != password {
		return
	}
	if isGiven(value) && !strings.ContainsAny(strings.TrimSpace(value), " {(") {
		s.report(rulePassword, strings.Trim(value, " \"';"), at)
	}
}

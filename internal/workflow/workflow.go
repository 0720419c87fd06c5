// SPDX-License-Identifier: Apache-2.0

// Package workflow writes workflow commands, with which a job of GitHub Actions annotates files.
package workflow

import (
	"fmt"
	"io"
	"strings"
)

// Annotation is a workflow command. GitHub shows ten annotations per command and step, and the rest
// in the log.
type Annotation struct {
	// Command is error, warning or notice.
	Command string
	// File is relative to the repository. It may be empty.
	File string
	// Line and Column are 0 if unknown.
	Line, Column int
	Title, Text  string
}

// Write writes the command on one line.
func (a Annotation) Write(w io.Writer) error {
	var properties []string
	if a.File != "" {
		properties = append(properties, "file="+property.Replace(a.File))
		if a.Line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", a.Line))
		}
		if a.Column > 0 {
			properties = append(properties, fmt.Sprintf("col=%d", a.Column))
		}
	}
	properties = append(properties, "title="+property.Replace(a.Title))
	_, err := fmt.Fprintf(w, "::%s %s::%s\n", a.Command, strings.Join(properties, ","), data.Replace(a.Text))
	return err
}

// Replacers for the characters that end a command or a property, as in GitHub's toolkit
// (actions/toolkit, packages/core/src/command.ts).
var (
	data     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// SPDX-License-Identifier: Apache-2.0

// Package junit writes test reports in the XML format of JUnit, as GitLab, Jenkins and other CI
// systems read it. The output is reproducible.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Suite is a list of cases under one name.
type Suite struct {
	Name  string
	Cases []Case
}

// Case is the result of one check. It has passed unless Failure or Skipped is set.
type Case struct {
	// Class groups cases, like the class of a test.
	Class, Name string
	// File is the checked file, relative to the repository. It may be empty.
	File string
	// Duration is omitted if it is zero.
	Duration time.Duration
	Failure  *Failure
	// Skipped is the reason why the check did not run, or empty.
	Skipped string
	// Output is additional text.
	Output string
}

// Failure describes a failed check.
type Failure struct {
	// Message is one line, Type a stable name for the kind of failure, and Text the full
	// description.
	Message, Type, Text string
}

type document struct {
	XMLName  xml.Name       `xml:"testsuites"`
	Tests    int            `xml:"tests,attr"`
	Failures int            `xml:"failures,attr"`
	Suites   []suiteElement `xml:"testsuite"`
}

type suiteElement struct {
	Name     string        `xml:"name,attr"`
	Tests    int           `xml:"tests,attr"`
	Failures int           `xml:"failures,attr"`
	Errors   int           `xml:"errors,attr"`
	Skipped  int           `xml:"skipped,attr"`
	Cases    []caseElement `xml:"testcase"`
}

type caseElement struct {
	Class   string          `xml:"classname,attr"`
	Name    string          `xml:"name,attr"`
	File    string          `xml:"file,attr,omitempty"`
	Time    string          `xml:"time,attr,omitempty"`
	Skipped *skippedElement `xml:"skipped"`
	Failure *failureElement `xml:"failure"`
	Output  string          `xml:"system-out,omitempty"`
}

type skippedElement struct {
	Message string `xml:"message,attr"`
}

type failureElement struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// Write writes suites. It replaces characters that XML does not allow, such as control characters.
func Write(w io.Writer, suites ...Suite) error {
	var doc document
	for _, s := range suites {
		element := s.newElement()
		doc.Suites = append(doc.Suites, element)
		doc.Tests += element.Tests
		doc.Failures += element.Failures
	}
	body, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("encode test report: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", xml.Header, body); err != nil {
		return fmt.Errorf("write test report: %w", err)
	}
	return nil
}

func (s Suite) newElement() suiteElement {
	element := suiteElement{Name: s.Name, Tests: len(s.Cases)}
	for _, c := range s.Cases {
		switch {
		case c.Failure != nil:
			element.Failures++
		case c.Skipped != "":
			element.Skipped++
		}
		element.Cases = append(element.Cases, c.newElement())
	}
	return element
}

func (c Case) newElement() caseElement {
	element := caseElement{Class: c.Class, Name: c.Name, File: c.File, Output: c.Output}
	if c.Duration > 0 {
		element.Time = strconv.FormatFloat(c.Duration.Seconds(), 'f', 3, 64)
	}
	switch {
	case c.Failure != nil:
		element.Failure = &failureElement{
			Message: c.Failure.Message,
			Type:    c.Failure.Type,
			Text:    c.Failure.Text,
		}
	case c.Skipped != "":
		element.Skipped = &skippedElement{Message: c.Skipped}
	}
	return element
}

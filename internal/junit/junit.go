// SPDX-License-Identifier: Apache-2.0

// Package junit writes test reports in the XML format that CI systems read (JUnit's,
// as GitLab, Jenkins and others understand it). The same suites give the same bytes.
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

// Case is one thing that was checked. It has passed unless it has a failure, or was
// skipped.
type Case struct {
	// Class groups cases, as the class of a test does.
	Class, Name string
	// File is what the case is about, relative to the repository; it may be empty.
	File string
	// Duration is left out if it is zero.
	Duration time.Duration
	Failure  *Failure
	// Skipped says why a case does not count; empty if it does.
	Skipped string
	// Output is text for whoever looks at the case.
	Output string
}

// Failure says what is wrong.
type Failure struct {
	// Message is one line, Type a stable name for its kind, Text all there is to say.
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

// Write writes suites. What XML cannot hold, such as control characters, is replaced.
func Write(w io.Writer, suites ...Suite) error {
	var doc document
	for _, s := range suites {
		element := s.element()
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

func (s Suite) element() suiteElement {
	element := suiteElement{Name: s.Name, Tests: len(s.Cases)}
	for _, c := range s.Cases {
		switch {
		case c.Failure != nil:
			element.Failures++
		case c.Skipped != "":
			element.Skipped++
		}
		element.Cases = append(element.Cases, c.element())
	}
	return element
}

func (c Case) element() caseElement {
	element := caseElement{Class: c.Class, Name: c.Name, File: c.File, Output: c.Output}
	if c.Duration > 0 {
		element.Time = strconv.FormatFloat(c.Duration.Seconds(), 'f', 3, 64)
	}
	switch {
	case c.Failure != nil:
		element.Failure = &failureElement{c.Failure.Message, c.Failure.Type, c.Failure.Text}
	case c.Skipped != "":
		element.Skipped = &skippedElement{c.Skipped}
	}
	return element
}

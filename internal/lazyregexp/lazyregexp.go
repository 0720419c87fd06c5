// SPDX-License-Identifier: Apache-2.0

// Package lazyregexp compiles regular expressions on first use, so that a program does not pay for
// expressions that a run does not need. It is intended for package variables.
package lazyregexp

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// inTest makes [New] compile immediately, so that a test of any package with an invalid expression
// fails.
var inTest = strings.HasSuffix(strings.TrimSuffix(os.Args[0], ".exe"), ".test")

// Regexp is a lazily compiled expression. It is safe for concurrent use.
type Regexp struct {
	expr     string
	once     sync.Once
	compiled *regexp.Regexp
}

// New returns an expression. The first use panics if expr is invalid.
func New(expr string) *Regexp {
	re := &Regexp{expr: expr}
	if inTest {
		re.Get()
	}
	return re
}

// Get returns the compiled expression.
func (re *Regexp) Get() *regexp.Regexp {
	re.once.Do(func() { re.compiled = regexp.MustCompile(re.expr) })
	return re.compiled
}

// Match is [regexp.Regexp.Match].
func (re *Regexp) Match(b []byte) bool { return re.Get().Match(b) }

// MatchString is [regexp.Regexp.MatchString].
func (re *Regexp) MatchString(s string) bool { return re.Get().MatchString(s) }

// FindStringSubmatch is [regexp.Regexp.FindStringSubmatch].
func (re *Regexp) FindStringSubmatch(s string) []string { return re.Get().FindStringSubmatch(s) }

// FindAllStringSubmatch is [regexp.Regexp.FindAllStringSubmatch].
func (re *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return re.Get().FindAllStringSubmatch(s, n)
}

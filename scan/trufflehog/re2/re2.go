// SPDX-License-Identifier: AGPL-3.0-or-later

// Package re2 implements the part of github.com/wasilibs/go-re2 that TruffleHog's detectors use
// on top of Go's regular expressions. See ADR 5.
//
// Expressions are compiled on first use. TruffleHog declares more than a thousand of them as
// package variables, and most runs need only a few. See ADR 17.
//
// Most detectors match something like a keyword, a few characters and 32 letters and digits, or
// a URL with an @ in it. The keyword is frequent, but the 32 characters or the @ are rare. A
// [run] and [marks] test for them in a fraction of the time of the expression, and always run
// before it.
package re2

import (
	"os"
	"regexp"
	"sync"
)

// eager makes [MustCompile] compile immediately, so that a test can find invalid expressions.
var eager = os.Getenv("RE2_COMPILE") == "eager"

// Regexp is an expression with the semantics of [regexp.Regexp]. It is safe for concurrent use.
type Regexp struct {
	expr     string
	once     sync.Once
	compiled *regexp.Regexp
	needs    run
	marks    marks
}

// Compile is [regexp.Compile].
func Compile(expr string) (*Regexp, error) {
	if _, err := regexp.Compile(expr); err != nil {
		return nil, err
	}
	return &Regexp{expr: expr}, nil
}

// MustCompile is [regexp.MustCompile], except that it panics on first use of an invalid
// expression.
func MustCompile(expr string) *Regexp {
	re := &Regexp{expr: expr}
	if eager {
		re.ready()
	}
	return re
}

// ready returns the compiled expression.
func (re *Regexp) ready() *regexp.Regexp {
	re.once.Do(func() {
		re.compiled = regexp.MustCompile(re.expr)
		re.needs = needs(re.expr)
		re.marks = marksOf(re.expr)
	})
	return re.compiled
}

// mayMatch returns false if nothing in s can match.
func (re *Regexp) mayMatch(s string) bool {
	re.ready()
	return re.marks.in(s) && re.needs.in(s)
}

// String returns the expression.
func (re *Regexp) String() string { return re.expr }

// FindAllStringSubmatch is [regexp.Regexp.FindAllStringSubmatch].
func (re *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	if !re.mayMatch(s) {
		return nil
	}
	return re.compiled.FindAllStringSubmatch(s, n)
}

// FindAllString is [regexp.Regexp.FindAllString].
func (re *Regexp) FindAllString(s string, n int) []string {
	if !re.mayMatch(s) {
		return nil
	}
	return re.compiled.FindAllString(s, n)
}

// FindStringSubmatch is [regexp.Regexp.FindStringSubmatch].
func (re *Regexp) FindStringSubmatch(s string) []string {
	if !re.mayMatch(s) {
		return nil
	}
	return re.compiled.FindStringSubmatch(s)
}

// FindAllStringSubmatchIndex is [regexp.Regexp.FindAllStringSubmatchIndex].
func (re *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	if !re.mayMatch(s) {
		return nil
	}
	return re.compiled.FindAllStringSubmatchIndex(s, n)
}

// FindString is [regexp.Regexp.FindString].
func (re *Regexp) FindString(s string) string { return re.ready().FindString(s) }

// MatchString is [regexp.Regexp.MatchString].
func (re *Regexp) MatchString(s string) bool { return re.mayMatch(s) && re.compiled.MatchString(s) }

// FindAll is [regexp.Regexp.FindAll].
func (re *Regexp) FindAll(b []byte, n int) [][]byte { return re.ready().FindAll(b, n) }

// FindSubmatch is [regexp.Regexp.FindSubmatch].
func (re *Regexp) FindSubmatch(b []byte) [][]byte { return re.ready().FindSubmatch(b) }

// Match is [regexp.Regexp.Match].
func (re *Regexp) Match(b []byte) bool { return re.ready().Match(b) }

// SPDX-License-Identifier: AGPL-3.0-or-later

// Package re2 has the names of github.com/wasilibs/go-re2 that TruffleHog's
// detectors use, over the regular expressions of Go. See ADR 5.
//
// Expressions are compiled when they are first used. TruffleHog has more than a
// thousand of them, as variables of its packages, and most runs need a few. See ADR 17.
//
// Most detectors look for something like a keyword, a few characters, and then 32
// letters and digits, or for a URL with an @ in it. The keyword is there often, the
// 32 characters or the @ hardly ever. Whether they can be is decided by a [run] and
// by [marks] in a fraction of the time that the expression takes, and always before it.
package re2

import (
	"os"
	"regexp"
	"sync"
)

// eager makes [MustCompile] compile at once, so that a test can find expressions that
// do not parse.
var eager = os.Getenv("RE2_COMPILE") == "eager"

// Regexp is an expression. What it finds is what [regexp.Regexp] finds. It is safe for
// concurrent use.
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

// MustCompile is [regexp.MustCompile], but for the time when it panics if the expression
// does not parse: when the result is first used.
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

// mayMatch reports false if nothing in s can match.
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

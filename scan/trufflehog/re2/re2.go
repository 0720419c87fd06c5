// SPDX-License-Identifier: AGPL-3.0-or-later

// Package re2 has the names of github.com/wasilibs/go-re2 that TruffleHog's
// detectors use, over the regular expressions of Go. See ADR 5.
//
// Most detectors look for something like a keyword, a few characters, and then 32
// letters and digits, or for a URL with an @ in it. The keyword is there often, the
// 32 characters or the @ hardly ever. Whether they can be is decided by a [run] and
// by [marks] in a fraction of the time that the expression takes, and always before it.
package re2

import "regexp"

// Regexp is a compiled expression. What it finds is what [regexp.Regexp] finds.
type Regexp struct {
	*regexp.Regexp
	needs run
	marks marks
}

func analysed(compiled *regexp.Regexp) *Regexp {
	expr := compiled.String()
	return &Regexp{compiled, needs(expr), marksOf(expr)}
}

// may reports false if nothing in s can match.
func (re *Regexp) may(s string) bool { return re.marks.in(s) && re.needs.in(s) }

// Compile is [regexp.Compile].
func Compile(expr string) (*Regexp, error) {
	compiled, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	return analysed(compiled), nil
}

// MustCompile is [regexp.MustCompile].
func MustCompile(expr string) *Regexp {
	return analysed(regexp.MustCompile(expr))
}

// FindAllStringSubmatch is [regexp.Regexp.FindAllStringSubmatch].
func (re *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	if !re.may(s) {
		return nil
	}
	return re.Regexp.FindAllStringSubmatch(s, n)
}

// FindAllString is [regexp.Regexp.FindAllString].
func (re *Regexp) FindAllString(s string, n int) []string {
	if !re.may(s) {
		return nil
	}
	return re.Regexp.FindAllString(s, n)
}

// FindStringSubmatch is [regexp.Regexp.FindStringSubmatch].
func (re *Regexp) FindStringSubmatch(s string) []string {
	if !re.may(s) {
		return nil
	}
	return re.Regexp.FindStringSubmatch(s)
}

// MatchString is [regexp.Regexp.MatchString].
func (re *Regexp) MatchString(s string) bool {
	return re.may(s) && re.Regexp.MatchString(s)
}

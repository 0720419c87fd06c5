// SPDX-License-Identifier: AGPL-3.0-or-later

package gitleaks

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/wasilibs/go-re2"

	"github.com/prismeai/workspaces-release/scan/internal/ahocorasick"
)

//go:generate go run ./generate

// encoded is the rule table. A test compares it with the module from which it is generated.
//
//go:embed rules.json
var encoded []byte

// rule is a gitleaks rule. Its expressions are compiled when one of its keywords first occurs.
type rule struct {
	ID       string   `json:"id"`
	Keywords []string `json:"keywords"`
	Regex    string   `json:"regex"`
	Group    int      `json:"group"`
	Entropy  float64  `json:"entropy"`
	Path     string   `json:"path"`
	Allow    []string `json:"allow"`
	// name is the rule name in findings.
	name string
	once sync.Once
	compiled
}

// compiled holds the compiled expressions of a rule.
type compiled struct {
	secret *re2.Regexp
	path   *regexp.Regexp
	allow  []*regexp.Regexp
}

// set holds all rules and the automaton for their keywords.
type set struct {
	Allow     []string `json:"allow"`
	Stopwords []string `json:"stopwords"`
	Rules     []*rule  `json:"rules"`
	keywords  *ahocorasick.Automaton
	// wanted lists the rules for each keyword.
	wanted [][]int
	// allowed matches values that are not secret under any rule.
	allowed func() []*regexp.Regexp
}

// all parses the embedded table. It panics if the table is invalid, which a test rules out.
var all = sync.OnceValue(func() *set {
	s := new(set)
	if err := json.Unmarshal(encoded, s); err != nil {
		panic(fmt.Sprintf("rules.json: %v", err))
	}
	for _, r := range s.Rules {
		r.name = Name + "-" + r.ID
	}
	s.allowed = sync.OnceValue(func() []*regexp.Regexp { return compileAll(s.Allow) })
	return s
})

// indexKeywords builds the automaton for the keywords.
func (s *set) indexKeywords() {
	numbers := map[string]int{}
	words := []string(nil)
	for i, r := range s.Rules {
		for _, word := range r.Keywords {
			n, known := numbers[word]
			if !known {
				n = len(words)
				numbers[word] = n
				words = append(words, word)
				s.wanted = append(s.wanted, nil)
			}
			s.wanted[n] = append(s.wanted[n], i)
		}
	}
	s.keywords = ahocorasick.New(words...)
}

// indexed returns the rules with the keyword automaton.
var indexed = sync.OnceValue(func() *set {
	s := all()
	s.indexKeywords()
	return s
})

// compileOnce compiles the expressions of a rule once.
func (r *rule) compileOnce() {
	r.once.Do(func() {
		r.secret = re2.MustCompile(r.Regex)
		r.allow = compileAll(r.Allow)
		if r.Path != "" {
			r.path = regexp.MustCompile(r.Path)
		}
	})
}

// isPublished reports a key that the allow list of the rule contains as it is: the vendor of the
// service published it in its documentation.
func (r *rule) isPublished(value string) bool { return slices.Contains(r.Allow, value) }

func compileAll(list []string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, expr := range list {
		all = append(all, regexp.MustCompile(expr))
	}
	return all
}

// isAllowed reports whether an allow list excludes the value.
func (s *set) isAllowed(r *rule, value string) bool {
	matches := func(re *regexp.Regexp) bool { return re.MatchString(value) }
	lower := strings.ToLower(value)
	return slices.ContainsFunc(r.allow, matches) || slices.ContainsFunc(s.allowed(), matches) ||
		slices.ContainsFunc(s.Stopwords, func(word string) bool { return strings.Contains(lower, word) })
}

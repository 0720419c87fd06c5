// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/ahocorasick"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// form is a syntax in which another program stores secrets. The expression runs only on texts
// that contain one of the words, which are in lower case.
type form struct {
	words []string
	match *lazyregexp.Regexp
	// named: the first group is the name for the value in the second group. Otherwise the last
	// group is a password.
	named bool
	// swapped: the second group is the name instead.
	swapped bool
	rule    string
	// check filters the passwords.
	check func(value string) bool
	// plain: a password of letters only counts in documents, too.
	plain bool
	// workspace: the form counts in the parts of a workspace only.
	workspace bool
	// long is the length of the longest word that a text has at least, in bytes.
	long int
}

// formSet finds the forms whose words occur in a text.
type formSet struct {
	forms []form
	words *ahocorasick.Automaton
	// users lists the forms of each word.
	users [][]int
}

func newFormSet(forms []form) *formSet {
	set := &formSet{forms: forms}
	numbers := map[string]int{}
	var words []string
	for i, f := range forms {
		for _, word := range f.words {
			n, known := numbers[word]
			if !known {
				n = len(words)
				numbers[word] = n
				words = append(words, word)
				set.users = append(set.users, nil)
			}
			set.users[n] = append(set.users[n], i)
		}
	}
	set.words = ahocorasick.New(words...)
	return set
}

// in returns the forms that may match a text.
func (set *formSet) in(text string) []*form {
	var list []*form
	found := make([]bool, len(set.forms))
	for word := range set.words.All([]byte(text)) {
		for _, i := range set.users[word] {
			found[i] = true
		}
	}
	for i, ok := range found {
		if f := &set.forms[i]; ok && (f.long == 0 || hasLongWord(text, f.long)) {
			list = append(list, f)
		}
	}
	return list
}

// hasLongWord reports whether a text contains a word of at least n bytes.
func hasLongWord(text string, n int) bool {
	length := 0
	for i := range len(text) {
		if length++; text[i] == ' ' || text[i] == '\n' {
			length = 0
		}
		if length == n {
			return true
		}
	}
	return false
}

// formsOfPrograms compiles the search for the words of all forms on first use.
var formsOfPrograms = sync.OnceValue(func() *formSet {
	return newFormSet(slices.Concat(fileForms, proseForms, commandForms, codeForms, weakForms))
})

// isGiven reports whether a value is neither a placeholder nor a template.
func isGiven(value string) bool {
	return !strings.HasPrefix(value, "$") && !ports.MatchString(value) &&
		!strings.ContainsRune(literal.MaskTemplates(value), literal.Mask) &&
		!literal.IsPlaceholder(value)
}

// ports matches the published ports of a container.
var ports = lazyregexp.New(`^(?:[\d.]+:)?\d{1,5}:\d{1,5}(?:/\w+)?$`)

// isKeyText is stricter still: it accepts generated text only.
func isKeyText(value string) bool {
	return isGiven(value) && literal.LooksRandom(value) && literal.TraitsOf(value).Digits > 1 && !isIdentifier(value) &&
		!isDigest(value)
}

// digests match the lengths of hexadecimal digests, of commits and images for example.
var digests = lazyregexp.New(`^(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$`)

func isDigest(value string) bool { return digests.MatchString(value) }

func isHash(value string) bool {
	return !strings.ContainsRune(value, literal.Mask) && !literal.IsWordy(value) && !strings.Contains(value, "...")
}

// isSpoken is stricter, for values in prose: they need letters combined with digits or symbols.
func isSpoken(value string) bool {
	if isPolicyPassword(value) {
		return true
	}
	value = strings.TrimRight(value, ".,;:!?)")
	t := literal.TraitsOf(value)
	separators := countAny(value, "-_./(")
	mixed := t.Letters > 0 && (t.Digits > 0 || t.Others > separators) && !literal.IsWordy(value)
	isClear := mixed || isNumbered(value) || literal.LooksRandom(value) || isTyped(value, "")
	return isGiven(value) && len(value) >= minStrong && isClear && !literal.IsKnown(value)
}

// numbered matches a word with a number at its end, such as sunrise77.
var numbered = lazyregexp.New(`^[A-Za-z]{5,}\d{2,4}$|^[A-Za-z]{8,}\d$`)

// isNumbered reports such a word, except names of algorithms and formats.
func isNumbered(value string) bool {
	return numbered.MatchString(value) && !algorithm.MatchString(value)
}

// algorithm matches names that end in a number.
var algorithm = lazyregexp.New(
	`^(?i)(?:sha|base|utf|aes|rsa|hmac|oauth|openid|int|uint|float|string|bcrypt|ed|blake|argon|pkcs|iso|windows|` +
		`python|http|level|version|section|chapter|page|type)`,
)

// findForms scans a text for secrets in the syntax of other programs.
func (s *fileScan) findForms(ctx context.Context, text string, at position) {
	s.findCalls(text, at)
	for _, f := range formsOfPrograms().in(text) {
		if ctx.Err() != nil {
			return
		}
		if f.workspace && !unnamedParts[s.part] {
			continue
		}
		for _, m := range f.match.FindAllStringSubmatch(text, -1) {
			s.reportForm(f, m, at)
		}
	}
}

// reportForm reports a match of a form.
func (s *fileScan) reportForm(f *form, groups []string, at position) {
	if !f.named {
		value := groups[len(groups)-1]
		if at.example || at.schema || !f.check(value) && !s.isWeakKey(strings.TrimRight(value, ".,;)"), at) ||
			s.kind.document && !f.plain && strings.Trim(value, letters) == "" {
			return
		}
		rule := f.rule
		if rule == "" {
			rule = rulePassword
			value = strings.TrimRight(value, ".,;)")
		}
		s.report(rule, value, at)
		return
	}
	name, value := groups[1], groups[2]
	for _, other := range groups[3:] {
		if value == "" {
			value = other
		}
	}
	if f.swapped {
		name, value = value, name
		name = name[strings.LastIndexByte(name, '.')+1:]
	}
	value = strings.Trim(value, "`")
	if value == "" || strings.Contains(name, value) {
		return
	}
	a := assignment{name: name, value: value, operator: '=', strength: s.strengthOf(name), quoted: true, nameQuoted: true}
	if a.strength > unnamed {
		s.reportAssigned(a, at)
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// location describes the location of a value: its path, and what the path implies.
type location struct {
	// assigned: this is the value of a set instruction.
	assigned bool
	// settings: the text was meant to be YAML. Each line is the name of a setting and its
	// value.
	settings bool
	// steps is the path to this location; nil at the root.
	steps *step
	// name is the name of the value; empty if it has none.
	name     string
	strength strength
	// configured: this is a place for credentials, where words may be passwords and any random
	// text is a key.
	configured bool
	// fetch: this is part of a request. header: this is the value of an HTTP header.
	fetch, header bool
	// label: the text is for people to read, such as a translation.
	label bool
	// schema: names are field names, and values describe the fields.
	schema bool
	// example: the text is documentation, whose values are made up.
	example bool
	// nested is the nesting depth of strings within strings; outer is the extent of the
	// outermost.
	nested int
	outer  *extent
}

// step is a key or an item index on the path to a value.
type step struct {
	above *step
	key   string
	// index of the item; -1 for a key.
	index int
	// depth is 1 for the first step.
	depth int
}

// step appends a step to the path.
func (at location) step(key string, index int) *step {
	depth := 1
	if at.steps != nil {
		depth += at.steps.depth
	}
	return &step{above: at.steps, key: key, index: index, depth: depth}
}

// path returns the YAML path, such as do[3].fetch.headers.Authorization.
func (at location) path() string {
	if at.steps == nil {
		return ""
	}
	list := make([]*step, at.steps.depth)
	for s := at.steps; s != nil; s = s.above {
		list[s.depth-1] = s
	}
	path := ""
	for _, s := range list {
		if s.index < 0 {
			path = joinPath(path, s.key)
		} else {
			path += "[" + strconv.Itoa(s.index) + "]"
		}
	}
	return path
}

// part returns the part of a workspace that contains the file: index, imports, automations or
// pages.
func part(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	first, _, _ := strings.Cut(rest, "/")
	return strings.TrimSuffix(first, path.Ext(first))
}

// locateValue returns the location of a key's value.
func (s *fileScan) locateValue(at location, name string) location {
	parent := at
	at.steps = parent.step(name, -1)
	lower := strings.ToLower(name)
	at.name = name
	at.strength = s.strengthOf(name)
	if generic[lower] && parent.strength > unnamed {
		at.name = parent.name
		at.strength = parent.strength
	}
	if at.strength == unnamed && parent.strength > unnamed {
		at.strength = heldStrength(parent, name)
	}
	at.fetch = parent.fetch || lower == "fetch"
	at.header = parent.header || isHeader(name) || parent.steps != nil && strings.EqualFold(parent.steps.key, "headers")
	at.assigned = parent.assigned ||
		s.part == "automations" && (lower == "value" && parent.isBelow("set", 1) || lower == "default" &&
			parent.isBelow("arguments", 2))
	at.schema = (at.schema || schemas[lower]) && !generic[lower]
	at.label = at.label || labels[lower] || s.part == "pages"
	at.configured = at.configured || s.isConfigured(at)
	at.example = at.example || examples[lower] || at.steps.depth == 1 && lower == "checksums" && s.part == ".import"
	if at.example {
		at.name, at.strength, at.configured = "", unnamed, false
	}
	return at
}

// isBelow reports whether the key is a number of steps above this location, or the key itself for 1.
func (at location) isBelow(key string, steps int) bool {
	s := at.steps
	for ; s != nil && steps > 1; steps-- {
		s = s.above
	}
	return s != nil && s.key == key
}

var (
	// generic names take the name of their parent: apiKey: {value: …}.
	generic = literal.NewVocabulary(`value default const literal content data raw plain text string primary
		secondary current prod production dev development staging preprod`)
	schemas = literal.NewVocabulary(`schema properties arguments definitions parameters`)
	labels  = literal.NewVocabulary(`labels translations i18n locales locale messages errors title label
		placeholder description help hint tooltip`)
	examples = literal.NewVocabulary(`example examples enum required title description descriptions placeholder
		help hint tooltip label summary`)
)

// containers map names or users to credentials: passwords: {bob: …}.
var containers = map[string]strength{
	"passwords":   password,
	"basicauth":   password,
	"logins":      password,
	"apikeys":     credential,
	"credentials": credential,
	"creds":       credential,
}

// accountFields describe an account and appear next to its credentials.
var accountFields = literal.NewVocabulary(`username user users login email mail account host hostname server
	port region domain realm tenant database db schema type provider scope scopes role roles group groups
	project enabled active created updated expires expiry status`)

// heldStrength returns the strength of an entry in a container of credentials.
func heldStrength(parent location, name string) strength {
	held := containers[strings.Join(literal.Words(parent.name), "")]
	if held == unnamed || parent.schema || parent.label || hasHarmlessName(name) || accountFields[strings.ToLower(name)] {
		return unnamed
	}
	return held
}

// isConfigured reports whether the workspace holds credentials at this location.
func (s *fileScan) isConfigured(at location) bool {
	switch s.part {
	case "index":
		return at.is("customDomains") || at.is("config", "value") || at.is("repositories", "*", "config")
	case "imports":
		return at.is("config")
	case "automations":
		return at.fetch && requestParts[at.steps.key]
	}
	return false
}

// requestParts are the arguments of the fetch instruction that may hold credentials.
var requestParts = literal.NewVocabulary(`headers query body auth`)

// is reports whether the path consists of exactly these keys. The key * matches any key.
func (at location) is(keys ...string) bool {
	s := at.steps
	if s == nil || s.depth != len(keys) {
		return false
	}
	for i := len(keys) - 1; i >= 0; i, s = i-1, s.above {
		if keys[i] != "*" && keys[i] != s.key {
			return false
		}
	}
	return true
}

// item returns the location of a list item, which keeps the name of the list.
func (at location) item(i int) location {
	at.steps = at.step("", i)
	return at
}

const (
	// maxSegment is the maximum length of a key displayed in a path, in bytes.
	maxSegment = 48
	// maxPath is the maximum length of a displayed path.
	maxPath = 400
)

var simpleKey = lazyregexp.New(`^[\pL_$][\pL\pN_$-]*$`)

// joinPath appends a key to a path. It hides keys that may themselves contain a secret.
func joinPath(base, key string) string {
	switch {
	case len(base) > maxPath:
		return base
	case len(key) > maxSegment, !utf8.ValidString(key), strings.ContainsFunc(key, isExpressionRune),
		literal.LooksRandom(key), strings.Contains(key, "://"):
		return base + `["…"]`
	case !simpleKey.MatchString(key):
		return base + "[" + strconv.Quote(key) + "]"
	case base == "":
		return key
	default:
		return base + "." + key
	}
}

// isExpressionRune reports characters of expressions, in which a comparison may contain a secret.
func isExpressionRune(r rune) bool { return strings.ContainsRune("\"'`={}@", r) || !unicode.IsPrint(r) }

// help explains how to fix a secret at this location. It does not propose a name if the key may be
// the secret.
func (at location) help(rule, text string) string {
	switch rule {
	case ruleReference:
		return helpReference
	case ruleUnnamed:
		return "" // another detector may know the kind of the secret, and the general advice serves both
	}
	name := secretName(at.name)
	if strings.Contains(strings.ToLower(name), strings.ToLower(text)) {
		name = "name"
	}
	return "revoke it, declare a workspace secret " + name + " and reference it as {{secret." + name + "}}"
}

// maxSecretName is the maximum length of a proposed secret name.
const maxSecretName = 40

// secretName derives the name of a workspace secret from the name of the value: X-API-Key
// becomes apiKey, and svc0Password stays unchanged.
func secretName(name string) string {
	list := nameParts(name)
	if len(list) > 1 && list[0] == "x" {
		list = list[1:]
	}
	var b strings.Builder
	for i, w := range list {
		if i > 0 && w != "" {
			w = strings.ToUpper(w[:1]) + w[1:]
		}
		b.WriteString(w)
	}
	if b.Len() == 0 || b.Len() > maxSecretName ||
		strings.ContainsFunc(b.String(), func(r rune) bool { return r >= utf8.RuneSelf }) {
		return "name"
	}
	return b.String()
}

// nameParts splits a name into words. Digits stay with the word before them.
func nameParts(name string) []string {
	var list []string
	for part := range strings.FieldsFuncSeq(name, isSeparator) {
		rest := part
		for rest != "" {
			end := strings.IndexFunc(rest, unicode.IsDigit)
			for end >= 0 && end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
				end++
			}
			if end < 0 {
				end = len(rest)
			}
			piece := rest[:end]
			bare := strings.TrimRight(piece, "0123456789")
			found := literal.Words(bare)
			if len(found) == 0 && len(list) > 0 {
				list[len(list)-1] += piece
			} else if len(found) > 0 {
				found[len(found)-1] += piece[len(bare):]
				list = append(list, found...)
			}
			rest = rest[end:]
		}
	}
	return list
}

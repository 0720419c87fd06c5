// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// spot is where a value is: its path, and what the path says about it.
type spot struct {
	// path is the YAML path, such as do[3].fetch.headers.Authorization.
	path string
	// name is the name that goes with the value; empty if none does.
	name     string
	strength strength
	// configured: credentials belong here, so that words may be passwords and any
	// random text is a key.
	configured bool
	// header: the value is that of an HTTP header.
	header bool
	// label: the text is for people to read, as translations are.
	label bool
	// schema: names are those of fields, values describe them.
	schema bool
	// example: the text is documentation, which shows what does not exist.
	example bool
	// nested counts strings within strings; outer is the extent of the outermost.
	nested int
	outer  *extent
	// keys of mappings down to here.
	keys []string
}

// part is the part of a workspace that a file is: index, imports, automations, pages.
func (s *fileScan) part() string {
	segments := strings.Split(s.file.Path, "/")
	if len(segments) < 2 {
		return ""
	}
	return strings.TrimSuffix(segments[1], path.Ext(segments[1]))
}

// key goes down to the value of a key.
func (s *fileScan) key(at spot, name string) spot {
	parent := at
	at.path = joinPath(at.path, name)
	at.keys = append(slices.Clip(at.keys), name)
	at.name, at.strength = name, nameStrength(name)
	if generic[strings.ToLower(name)] && parent.strength > unnamed {
		at.name, at.strength = parent.name, parent.strength
	}
	lower := strings.ToLower(name)
	at.schema = (at.schema || schemas[lower]) && !generic[lower]
	at.label = at.label || labels[lower] || s.part() == "pages"
	at.header = parent.header || isHeader(name) || len(parent.keys) > 0 && strings.EqualFold(parent.keys[len(parent.keys)-1], "headers")
	at.configured = at.configured || s.isConfigured(at.keys)
	at.example = at.example || examples[lower] || len(at.keys) == 1 && lower == "checksums" && s.part() == ".import"
	if at.example {
		at.name, at.strength, at.configured = "", unnamed, false
	}
	return at
}

var (
	// generic names are of the value of what is above: apiKey: {value: …}.
	generic = newVocabulary(`value default const literal content data raw plain text string primary secondary current prod production
		dev development staging preprod`)
	schemas  = newVocabulary(`schema properties arguments definitions parameters`)
	labels   = newVocabulary(`labels translations i18n locales locale messages errors title label placeholder description help hint tooltip`)
	examples = newVocabulary(`example examples enum required title description descriptions placeholder help hint tooltip label summary`)
)

// isConfigured reports places of a workspace where credentials belong.
func (s *fileScan) isConfigured(keys []string) bool {
	is := func(want ...string) bool {
		for i, w := range want {
			if i >= len(keys) || w != "*" && w != keys[i] {
				return false
			}
		}
		return true
	}
	switch s.part() {
	case "index":
		return is("config", "value") || is("repositories", "*", "config") || is("customDomains") || is("secrets", "value")
	case "imports":
		return is("config")
	case "automations":
		last := keys[len(keys)-1]
		return slices.Contains(keys, "fetch") && slices.Contains([]string{"headers", "query", "body", "auth", "headers"}, last)
	}
	return false
}

// item goes down to an item of a list, which keeps the name of the list.
func (at spot) item(i int) spot {
	at.path += "[" + strconv.Itoa(i) + "]"
	return at
}

const (
	// maxSegment is the longest key that is shown in a path, in bytes.
	maxSegment = 48
	// maxPath is the longest path that is shown.
	maxPath = 400
)

var simpleKey = regexp.MustCompile(`^[\pL_$][\pL\pN_$-]*$`)

// joinPath appends a key to a path. It hides keys that may themselves hold a secret.
func joinPath(base, key string) string {
	switch {
	case len(base) > maxPath:
		return base
	case len(key) > maxSegment || !utf8.ValidString(key) || strings.ContainsFunc(key, odd) || looksRandom(key) || strings.Contains(key, "://"):
		return base + `["…"]`
	case !simpleKey.MatchString(key):
		return base + "[" + strconv.Quote(key) + "]"
	case base == "":
		return key
	default:
		return base + "." + key
	}
}

// odd are characters of expressions, in which a comparison may show a secret.
func odd(r rune) bool { return strings.ContainsRune("\"'`={}@", r) || !unicode.IsPrint(r) }

// help says what to do about a secret here. A key may be the secret itself.
func (at spot) help(text string) string {
	name := secretName(at.name)
	if strings.Contains(strings.ToLower(name), strings.ToLower(text)) {
		name = "name"
	}
	return "revoke it, declare a workspace secret " + name + " and reference it as {{secret." + name + "}}"
}

// maxSecretName is the longest name that is proposed for a secret.
const maxSecretName = 40

// secretName makes a name for a workspace secret of the name beside the value:
// X-API-Key becomes apiKey.
func secretName(name string) string {
	list := words(name)
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
	if b.Len() == 0 || b.Len() > maxSecretName || strings.ContainsFunc(b.String(), func(r rune) bool { return r >= utf8.RuneSelf }) {
		return "name"
	}
	return b.String()
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/release"
)

// reservedSecret begins the names of secrets that only super admins may set.
const reservedSecret = "prismeai_"

// declarations are what index.yml says of the values that templates refer to.
type declarations struct {
	// secrets of secrets.schema, whether required or not.
	secrets map[string]declaredSecret
	// config holds the keys that have a value in config.value or a default in config.schema.
	config map[string]bool
}

type declaredSecret struct {
	at       Position
	required bool
}

// readDeclarations takes whatever has the form that it knows: the rest is an import's matter.
func readDeclarations(top *yaml.Node, r reader) declarations {
	d := declarations{secrets: map[string]declaredSecret{}, config: map[string]bool{}}
	for name, field := range fields(lookup(top, "secrets", "schema")) {
		d.secrets[strings.Clone(keyText(name))] = declaredSecret{r.at(name), isTrue(lookup(field, "required"))}
	}
	for name, value := range fields(lookup(top, "config", "value")) {
		d.config[strings.Clone(keyText(name))] = !isNull(resolve(value))
	}
	for name, field := range fields(lookup(top, "config", "schema")) {
		if fallback := lookup(field, "default"); fallback != nil && !isNull(fallback) {
			d.config[strings.Clone(keyText(name))] = true
		}
	}
	return d
}

func isTrue(n *yaml.Node) bool { return n != nil && n.ShortTag() == "!!bool" && keyText(n) == "true" }

// references are the names that templates refer to, each with its first place.
type references struct{ secrets, config map[string]Position }

// reference is {{secret.name}} or {{config['name']}}, within braces. A name that is
// computed is not known, and one of something else, such as event.config.x, is no matter.
var reference = lazyregexp.New(`(?:^|[^\w.$\]-])(secret|config)\s*(?:\.|\[\s*\\?['"]+)([A-Za-z0-9_-]+)`)

// add looks for templates in a file. Comments count too: in the text of a prompt
// nothing tells them from headings.
func (r *references) add(file string, data []byte) {
	at := cursor{rest: data, line: 1, column: 1}
	for at.skip(bytes.Index(at.rest, []byte("{{"))) {
		length := bytes.Index(at.rest, []byte("}}"))
		if length < 0 {
			return
		}
		template, done := at.rest[:length], 0
		for _, m := range findReferences(template) {
			at.skip(m[2] - done)
			done = m[2]
			r.note(Position{file, at.line, at.column}, string(template[m[2]:m[3]]), string(template[m[4]:m[5]]))
		}
		at.skip(length - done)
	}
}

// findReferences returns the matches of [reference]. Most templates have none, which is
// told much faster by the words that it needs.
func findReferences(template []byte) [][]int {
	if !bytes.Contains(template, []byte("secret")) && !bytes.Contains(template, []byte("config")) {
		return nil
	}
	return reference.Get().FindAllSubmatchIndex(template, -1)
}

// note remembers a name of a kind of values; what comes first is kept.
func (r *references) note(at Position, kind, name string) {
	if r.secrets == nil {
		r.secrets, r.config = map[string]Position{}, map[string]Position{}
	}
	known := r.config
	if kind == "secret" {
		known = r.secrets
	}
	if first, there := known[name]; !there || at.File < first.File {
		known[name] = at
	}
}

// cursor is a place in a file.
type cursor struct {
	rest         []byte
	line, column int
}

// skip moves over n bytes, and reports whether there are as many.
func (c *cursor) skip(n int) bool {
	if n < 0 {
		return false
	}
	over := c.rest[:n]
	c.rest = c.rest[n:]
	if end := bytes.LastIndexByte(over, '\n'); end >= 0 {
		c.line += bytes.Count(over, []byte{'\n'})
		c.column, over = 1, over[end+1:]
	}
	c.column += utf8.RuneCount(over)
	return true
}

// requirements are the values that s expects of the platform that it is imported to.
func (s *space) requirements() release.Requirements {
	var r release.Requirements
	for name := range s.references.secrets {
		r.Secrets = append(r.Secrets, name)
	}
	for name := range s.references.config {
		if s.index == nil || !s.index.config[name] {
			r.Config = append(r.Config, name)
		}
	}
	if s.index != nil {
		for name, d := range s.index.secrets {
			if _, referenced := s.references.secrets[name]; d.required && !referenced {
				r.Secrets = append(r.Secrets, name)
			}
		}
	}
	slices.Sort(r.Secrets)
	slices.Sort(r.Config)
	return r
}

// checkSecrets compares the secrets that are referred to with those that are declared.
func (c *Collector) checkSecrets(s *space) {
	if s.index == nil {
		return
	}
	places := maps.Clone(s.references.secrets)
	for _, name := range slices.Sorted(maps.Keys(places)) {
		if _, declared := s.index.secrets[name]; !declared {
			c.report(ruleSecretUndeclared, places[name], "secret %s is not declared", show(name))
		}
	}
	for name, d := range s.index.secrets {
		if _, referenced := places[name]; !referenced {
			c.report(ruleSecretUnused, d.at, "secret %s is declared, and nothing refers to it", show(name))
		}
		if places == nil {
			places = map[string]Position{}
		}
		places[name] = d.at
	}
	for name, at := range places {
		if strings.HasPrefix(name, reservedSecret) {
			c.report(ruleSecretReserved, at, "secret %s has a name that only super admins may give", show(name))
		}
	}
}

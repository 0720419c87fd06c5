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
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// reservedSecret is the prefix of secrets that only super admins may set.
const reservedSecret = "prismeai_"

// declarations are the values that index.yml declares for templates.
type declarations struct {
	// secrets of secrets.schema, required or not.
	secrets map[string]declaredSecret
	// config holds the keys with a value in config.value or a default in config.schema.
	config map[string]bool
}

type declaredSecret struct {
	at       Position
	required bool
}

// readDeclarations reads the forms that it knows and ignores everything else, which the import
// checks.
func readDeclarations(top *yaml.Node, r valueReader) declarations {
	d := declarations{secrets: map[string]declaredSecret{}, config: map[string]bool{}}
	for name, field := range yamltree.Pairs(lookupPath(top, "secrets", "schema")).All {
		d.secrets[strings.Clone(yamltree.KeyText(name))] = declaredSecret{r.positionOf(name),
			isTrue(lookupPath(field, "required"))}
	}
	for name, value := range yamltree.Pairs(lookupPath(top, "config", "value")).All {
		d.config[strings.Clone(yamltree.KeyText(name))] = !isNull(yamltree.Resolve(value))
	}
	for name, field := range yamltree.Pairs(lookupPath(top, "config", "schema")).All {
		if fallback := lookupPath(field, "default"); fallback != nil && !isNull(fallback) {
			d.config[strings.Clone(yamltree.KeyText(name))] = true
		}
	}
	return d
}

func isTrue(n *yaml.Node) bool {
	return n != nil && n.ShortTag() == "!!bool" && yamltree.KeyText(n) == "true"
}

// references are the names that templates refer to, each with its first position.
type references struct{ secrets, config map[string]Position }

// reference matches secret.name or config['name'] in a template. It does not match computed names,
// nor names in other scopes such as event.config.x.
var reference = lazyregexp.New(`(?:^|[^\w.$\]-])(secret|config)\s*(?:\.|\[\s*\\?['"]+)([A-Za-z0-9_-]+)`)

// findNames finds the names in the templates of a file, including those in comments: in a prompt, a
// comment cannot be distinguished from a heading. The positions do not name the file.
func findNames(data []byte) (r references) {
	at := cursor{rest: data, line: 1, column: 1}
	for at.skipBytes(bytes.Index(at.rest, []byte("{{"))) {
		length := bytes.Index(at.rest, []byte("}}"))
		if length < 0 {
			break
		}
		template := at.rest[:length]
		done := 0
		for _, m := range findReferences(template) {
			at.skipBytes(m[2] - done)
			done = m[2]
			r.recordName(Position{Line: at.line, Column: at.column}, string(template[m[2]:m[3]]), string(template[m[4]:m[5]]))
		}
		at.skipBytes(length - done)
	}
	return r
}

// findReferences returns the matches of [reference]. It first checks for the required words, which
// is much faster, because most templates have no match.
func findReferences(template []byte) [][]int {
	if !bytes.Contains(template, []byte("secret")) && !bytes.Contains(template, []byte("config")) {
		return nil
	}
	return reference.Get().FindAllSubmatchIndex(template, -1)
}

// recordName stores the first position of a name.
func (r *references) recordName(at Position, kind, name string) {
	if r.secrets == nil {
		r.secrets = map[string]Position{}
		r.config = map[string]Position{}
	}
	known := r.config
	if kind == "secret" {
		known = r.secrets
	}
	if first, there := known[name]; !there || at.File < first.File {
		known[name] = at
	}
}

// merge adds the names in a file.
func (r *references) merge(file string, names references) {
	for name, at := range names.secrets {
		r.recordName(Position{file, at.Line, at.Column}, "secret", name)
	}
	for name, at := range names.config {
		r.recordName(Position{file, at.Line, at.Column}, "config", name)
	}
}

// cursor is a position in a file.
type cursor struct {
	rest         []byte
	line, column int
}

// skipBytes advances by n bytes. It returns false if n is negative.
func (c *cursor) skipBytes(n int) bool {
	if n < 0 {
		return false
	}
	over := c.rest[:n]
	c.rest = c.rest[n:]
	if end := bytes.LastIndexByte(over, '\n'); end >= 0 {
		c.line += bytes.Count(over, []byte{'\n'})
		c.column = 1
		over = over[end+1:]
	}
	c.column += utf8.RuneCount(over)
	return true
}

// listRequirements returns the values that the workspace expects from the platform.
func (s *workspaceState) listRequirements() release.Requirements {
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

// checkSecrets compares referenced secrets with declared ones.
func (c *Collector) checkSecrets(s *workspaceState) {
	if s.index == nil {
		return
	}
	places := maps.Clone(s.references.secrets)
	for _, name := range slices.Sorted(maps.Keys(places)) {
		if _, declared := s.index.secrets[name]; !declared {
			c.report(ruleSecretUndeclared, places[name], "secret %s is not declared", quoteName(name))
		}
	}
	for name, d := range s.index.secrets {
		if _, referenced := places[name]; !referenced {
			c.report(ruleSecretUnused, d.at, "secret %s is declared but never referenced", quoteName(name))
		}
		if places == nil {
			places = map[string]Position{}
		}
		places[name] = d.at
	}
	for name, at := range places {
		if strings.HasPrefix(name, reservedSecret) {
			c.report(ruleSecretReserved, at, "secret %s has a name that only super admins may use", quoteName(name))
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"net/url"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (p *parser) readDocument() {
	p.version = ""
	p.handles = nil
	p.anchors = nil
	directives := p.readDirectives()
	p.skipSpace(true)
	if p.lineIndent == 0 && strings.HasPrefix(p.in[p.pos:], "---") {
		p.pos += 3
		p.skipSpace(true)
	} else if directives {
		p.syntax("a line with --- is expected after the directives")
	}
	p.compose(p.lineIndent-1, blockOut, false, true)
	p.skipSpace(true)
	p.root = p.node
	if p.root != nil && p.root.Kind == yaml.AliasNode {
		p.root = p.root.Alias
	}
	if p.atSeparator() {
		if p.in[p.pos] == '.' {
			p.pos += 3
			p.skipSpace(true)
		}
		return
	}
	if p.pos < p.end {
		p.syntax("the end of the document is expected here%s", p.hint())
	}
}

// readDirectives reads lines that start with %. It reports whether there are any.
func (p *parser) readDirectives() bool {
	found := false
	for p.pos < p.end {
		p.skipSpace(true)
		if p.lineIndent > 0 || p.in[p.pos] != '%' {
			break
		}
		found = true
		p.pos++
		name := p.word()
		if name == "" {
			p.syntax("a directive needs a name after the %%")
		}
		args := p.arguments()
		if p.pos < p.end {
			p.readBreak()
		}
		p.directive(name, args)
	}
	return found
}

// word reads up to white space.
func (p *parser) word() string {
	start := p.pos
	for p.pos < p.end && !isSpace(p.in[p.pos]) {
		p.pos++
	}
	return p.in[start:p.pos]
}

func (p *parser) arguments() []string {
	var args []string
	for p.pos < p.end {
		p.skipBlanks()
		if p.in[p.pos] == '#' {
			p.skipToBreak()
			break
		}
		if isBreak(p.in[p.pos]) {
			break
		}
		args = append(args, p.word())
	}
	return args
}

// directive handles %YAML and %TAG. Like js-yaml it ignores other directives.
func (p *parser) directive(name string, args []string) {
	switch {
	case name == "YAML" && p.version != "":
		p.syntax("the %%YAML directive is there twice")
	case name == "YAML":
		if len(args) != 1 || !yamlVersion.MatchString(args[0]) {
			p.syntax("the %%YAML directive needs one version, such as 1.2")
		}
		p.version = args[0]
	case name == "TAG":
		p.tagDirective(args)
	}
}

var (
	// yamlVersion matches versions with major number 1.
	yamlVersion = regexp.MustCompile(`^0*1\.[0-9]+$`)
	tagHandle   = regexp.MustCompile(`^(?:!|!!|![A-Za-z-]+!)$`)
	tagURI      = regexp.MustCompile(`(?i)^(?:!|[^,\[\]{}])(?:%[0-9a-f]{2}|[0-9a-z\-#;/?:@&=+$,_.!~*'()\[\]])*$`)
)

func (p *parser) tagDirective(args []string) {
	if len(args) != 2 {
		p.syntax("the %%TAG directive needs a handle and a prefix")
	}
	if _, twice := p.handles[args[0]]; twice || !tagHandle.MatchString(args[0]) {
		p.syntax("the handle of the %%TAG directive is ill-formed or there twice")
	}
	prefix, err := url.PathUnescape(args[1])
	if err != nil || !tagURI.MatchString(args[1]) {
		p.syntax("the prefix of the %%TAG directive is ill-formed")
	}
	if p.handles == nil {
		p.handles = map[string]string{}
	}
	p.handles[args[0]] = prefix
}

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
		p.failSyntax("a line with --- is expected after the directives")
	}
	p.composeNode(p.lineIndent-1, blockOut, false, true)
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
		p.failSyntax("the end of the document is expected here%s", p.suggestCause())
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
		name := p.readWord()
		if name == "" {
			p.failSyntax("a directive needs a name after the %%")
		}
		args := p.readArguments()
		if p.pos < p.end {
			p.readBreak()
		}
		p.handleDirective(name, args)
	}
	return found
}

// readWord reads up to white space.
func (p *parser) readWord() string {
	start := p.pos
	for p.pos < p.end && !isSpace(p.in[p.pos]) {
		p.pos++
	}
	return p.in[start:p.pos]
}

func (p *parser) readArguments() []string {
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
		args = append(args, p.readWord())
	}
	return args
}

// handleDirective handles %YAML and %TAG. Like js-yaml it ignores other directives.
func (p *parser) handleDirective(name string, args []string) {
	switch {
	case name == "YAML" && p.version != "":
		p.failSyntax("the %%YAML directive is there twice")
	case name == "YAML":
		if len(args) != 1 || !yamlVersion.MatchString(args[0]) {
			p.failSyntax("the %%YAML directive needs one version, such as 1.2")
		}
		p.version = args[0]
	case name == "TAG":
		p.handleTagDirective(args)
	}
}

var (
	// yamlVersion matches versions with major number 1.
	yamlVersion = regexp.MustCompile(`^0*1\.[0-9]+$`)
	tagHandle   = regexp.MustCompile(`^(?:!|!!|![A-Za-z-]+!)$`)
	tagURI      = regexp.MustCompile(`(?i)^(?:!|[^,\[\]{}])(?:%[0-9a-f]{2}|[0-9a-z\-#;/?:@&=+$,_.!~*'()\[\]])*$`)
)

func (p *parser) handleTagDirective(args []string) {
	if len(args) != 2 {
		p.failSyntax("the %%TAG directive needs a handle and a prefix")
	}
	if _, twice := p.handles[args[0]]; twice || !tagHandle.MatchString(args[0]) {
		p.failSyntax("the handle of the %%TAG directive is ill-formed or there twice")
	}
	prefix, err := url.PathUnescape(args[1])
	if err != nil || !tagURI.MatchString(args[1]) {
		p.failSyntax("the prefix of the %%TAG directive is ill-formed")
	}
	if p.handles == nil {
		p.handles = map[string]string{}
	}
	p.handles[args[0]] = prefix
}

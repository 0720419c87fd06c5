// SPDX-License-Identifier: Apache-2.0

package jsyaml

import (
	"bytes"
	"net/url"
	"regexp"
)

// readStream returns the documents of the stream.
func (p *parser) readStream() []*Value {
	if at := bytes.IndexByte(p.text[:p.length], 0); at >= 0 {
		p.pos = at
		p.fail("null byte is not allowed in input")
	}
	for p.current() == ' ' {
		p.lineIndent++
		p.pos++
	}
	var documents []*Value
	for p.pos < p.length-1 {
		documents = append(documents, p.readDocument())
	}
	return documents
}

func (p *parser) readDocument() *Value {
	p.version = false
	p.tagPrefixes = map[string]string{}
	p.anchors = map[string]*Value{}
	directives := p.readDirectives()
	p.skipSpace(true)
	switch {
	case p.lineIndent == 0 && bytes.HasPrefix(p.text[p.pos:], []byte("---")):
		p.pos += 3
		p.skipSpace(true)
	case directives:
		p.fail("directives end mark is expected")
	}
	p.compose(p.lineIndent-1, blockOut, false, true)
	root := p.result
	p.skipSpace(true)
	if p.atSeparator() {
		if p.current() == '.' {
			p.pos += 3
			p.skipSpace(true)
		}
		return root
	}
	if p.pos < p.length-1 {
		p.fail("end of the stream or a document separator is expected")
	}
	return root
}

// readDirectives reports whether there are any.
func (p *parser) readDirectives() bool {
	found := false
	for p.current() != 0 {
		p.skipSpace(true)
		if p.lineIndent > 0 || p.current() != '%' {
			break
		}
		found = true
		p.pos++
		start := p.pos
		c := p.skipWord()
		name := string(p.text[start:p.pos])
		if name == "" {
			p.fail("directive name must not be less than one character in length")
		}
		args := p.readArguments(c)
		if p.current() != 0 {
			p.readLineBreak()
		}
		switch name {
		case "YAML":
			p.takeVersion(args)
		case "TAG":
			p.takeTag(args)
		}
	}
	return found
}

func (p *parser) readArguments(c byte) []string {
	var args []string
	for c != 0 {
		for isBlank(c) {
			c = p.advance()
		}
		if c == '#' {
			p.skipLine()
			break
		}
		if isBreak(c) {
			break
		}
		start := p.pos
		c = p.skipWord()
		args = append(args, string(p.text[start:p.pos]))
	}
	return args
}

var versionPattern = regexp.MustCompile(`^([0-9]+)\.([0-9]+)$`)

func (p *parser) takeVersion(args []string) {
	if p.version {
		p.fail("duplication of %YAML directive")
	}
	if len(args) != 1 {
		p.fail("YAML directive accepts exactly one argument")
	}
	match := versionPattern.FindStringSubmatch(args[0])
	if match == nil {
		p.fail("ill-formed argument of the YAML directive")
	}
	if trimZeros(match[1]) != "1" {
		p.fail("unacceptable YAML version of the document")
	}
	p.version = true
}

func trimZeros(digits string) string {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits
}

var (
	tagHandle = regexp.MustCompile(`^(?:!|!!|![A-Za-z\-]+!)$`)
	tagURI    = regexp.MustCompile(`^(?:!|[^,\[\]{}\x{10000}-\x{10ffff}])(?:%[0-9A-Fa-f]{2}|[0-9A-Za-z\-#;/?:@&=+$,_.!~*'()\[\]])*$`)
)

func (p *parser) takeTag(args []string) {
	if len(args) != 2 {
		p.fail("TAG directive accepts exactly two arguments")
	}
	handle := args[0]
	if !tagHandle.MatchString(handle) {
		p.fail("ill-formed tag handle (first argument) of the TAG directive")
	}
	if _, twice := p.tagPrefixes[handle]; twice {
		p.fail(`there is a previously declared suffix for ` + quote(handle) + ` tag handle`)
	}
	if !tagURI.MatchString(args[1]) {
		p.fail("ill-formed tag prefix (second argument) of the TAG directive")
	}
	prefix, err := url.PathUnescape(args[1])
	if err != nil {
		p.fail("tag prefix is malformed: " + args[1])
	}
	p.tagPrefixes[handle] = prefix
}

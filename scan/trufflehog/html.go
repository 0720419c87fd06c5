// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"html"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/atom"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// mayBeHTML reports whether TruffleHog's decoder treats data as HTML: it contains a start tag,
// whose brackets may be entities.
func mayBeHTML(data []byte) bool {
	return hasTag(data, "<", "") || hasTag(data, "&lt;", "&gt;")
}

// hasTag reports whether data contains a tag after an opening bracket. The tag name ends with
// white space, a slash, a closing bracket or the string closing.
func hasTag(data []byte, open, closing string) bool {
	for rest := data; ; {
		i := bytes.Index(rest, []byte(open))
		if i < 0 {
			return false
		}
		rest = rest[i+len(open):]
		after, ok := cutTagName(rest)
		if ok && len(after) > 0 && after[0] == ':' {
			if prefixed, whole := cutTagName(after[1:]); whole {
				after = prefixed
			}
		}
		if ok && len(after) > 0 && (strings.IndexByte(" \t\n\f\r>/", after[0]) >= 0 || closing != "" && bytes.HasPrefix(after,
			[]byte(closing))) {
			return true
		}
	}
}

// cutTagName removes a letter, and the letters and digits after it, from the start of text.
func cutTagName(text []byte) (after []byte, ok bool) {
	if len(text) == 0 || !isLetter(text[0]) {
		return text, false
	}
	n := 1
	for n < len(text) && (isLetter(text[n]) || text[n] >= '0' && text[n] <= '9') {
		n++
	}
	return text[n:], true
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// maxOpen is the maximum number of open tags. The parser rejects more than 510.
const maxOpen = 400

// plainHTML collects the text of HTML whose tags have no meaning for a parser, as in prompts:
// <question>, <user_data>. For such a text the order of the tags is sufficient. Building the
// tree took a fifth of the scan time. FuzzHTML compares the result with TruffleHog's decoder.
type plainHTML struct {
	text []byte
	// node is the start of the last text node in text.
	node int
	open []string
}

// decodePlainHTML returns the output of TruffleHog's decoder for HTML that contains only text
// and tags without meaning. It returns false for any other HTML.
func decodePlainHTML(data []byte) (text []byte, ok bool) {
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, false
	}
	p := &plainHTML{text: make([]byte, 0, len(data))}
	for len(data) > 0 {
		start := nextTag(data)
		p.addText(data[:start])
		if start == len(data) {
			break
		}
		n := p.addTag(data[start:])
		if n == 0 {
			return nil, false
		}
		data = data[start+n:]
	}
	p.endNode()
	return tidyLines(withoutInvisible(p.text)), true
}

// nextTag returns the offset of the next tag, comment or declaration, or the length of the data
// if there is none.
func nextTag(data []byte) int {
	for at := 0; ; at++ {
		i := bytes.IndexByte(data[at:], '<')
		if i < 0 || at+i+1 == len(data) {
			return len(data)
		}
		if at += i; isLetter(data[at+1]) || strings.IndexByte("/!?", data[at+1]) >= 0 {
			return at
		}
	}
}

// plainTags are elements and attribute names that the parser treats like unknown names.
var plainTags = literal.NewVocabulary(`span label output mark time data name value type step scope target default start list sub sup var kbd
	samp dfn abbr cite q bdi bdo del ins`)

// addTag parses a tag and returns its length. It returns 0 if the tag has a meaning for the
// parser, or an attribute value.
func (p *plainHTML) addTag(data []byte) int {
	end := bytes.IndexByte(data, '>')
	name := data[1:max(end, 1)]
	closing := false
	if len(name) > 0 && name[0] == '/' {
		name = name[1:]
		closing = true
	}
	if len(name) == 0 || !isLetter(name[0]) || bytes.IndexByte(name, '=') >= 0 {
		return 0
	}
	if i := bytes.IndexAny(name, " \t\n\f\r/"); i >= 0 {
		name = name[:i]
	}
	lower := lowerASCII(name)
	if atom.Lookup(lower) != 0 && !plainTags[string(lower)] {
		return 0
	}
	if closing {
		p.close(string(lower))
		return end + 1
	}
	p.endNode()
	p.open = append(p.open, string(lower))
	if len(p.open) > maxOpen {
		return 0
	}
	return end + 1
}

func lowerASCII(name []byte) []byte {
	lower := bytes.Clone(name)
	for i, b := range lower {
		if b >= 'A' && b <= 'Z' {
			lower[i] |= 0x20
		}
	}
	return lower
}

// close closes a tag and all tags within it. It ignores a tag that is not open, so that the
// text before and after it forms one node.
func (p *plainHTML) close(name string) {
	for i := len(p.open) - 1; i >= 0; i-- {
		if p.open[i] == name {
			p.open = p.open[:i]
			p.endNode()
			return
		}
	}
}

// addText adds text with its entities decoded.
func (p *plainHTML) addText(text []byte) {
	if bytes.IndexByte(text, '\r') >= 0 {
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	}
	if bytes.IndexByte(text, '&') >= 0 {
		p.text = append(p.text, html.UnescapeString(string(text))...)
		return
	}
	p.text = append(p.text, text...)
}

// residual are the entities that TruffleHog decodes a second time.
var residual = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&apos;", "'")

func (p *plainHTML) endNode() {
	if bytes.IndexByte(p.text[p.node:], '&') >= 0 {
		p.text = append(p.text[:p.node], residual.Replace(string(p.text[p.node:]))...)
	}
	p.node = len(p.text)
}

// invisible are the characters that TruffleHog removes: zero-width spaces and similar ones.
var invisible = strings.Fields("\u200B \u200C \u200D \uFEFF \u00AD \u2060 \u200E \u200F")

var invisibleRemover = func() *strings.Replacer {
	var pairs []string
	for _, character := range invisible {
		pairs = append(pairs, character, "")
	}
	return strings.NewReplacer(pairs...)
}()

func withoutInvisible(text []byte) []byte {
	for _, character := range invisible {
		if bytes.Contains(text, []byte(character)) {
			return []byte(invisibleRemover.Replace(string(text)))
		}
	}
	return text
}

// tidyLines trims lines and reduces several empty lines to one. It works in place.
func tidyLines(text []byte) []byte {
	tidy := text[:0]
	blank := false
	for rest := text; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line = rest[:i]
			rest = rest[i+1:]
		} else {
			rest = nil
		}
		line = trimSpace(line)
		if len(line) == 0 {
			blank = true
			continue
		}
		if len(tidy) > 0 {
			tidy = append(tidy, '\n')
		}
		if blank && len(tidy) > 0 {
			tidy = append(tidy, '\n')
		}
		tidy = append(tidy, line...)
		blank = false
	}
	return tidy
}

// trimSpace is [bytes.TrimSpace] with a fast path for lines that start and end with graphic
// characters.
func trimSpace(line []byte) []byte {
	if len(line) == 0 || isGraphic(line[0]) && isGraphic(line[len(line)-1]) {
		return line
	}
	return bytes.TrimSpace(line)
}

func isGraphic(b byte) bool { return b > ' ' && b < utf8.RuneSelf }

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

// mayBeHTML reports what TruffleHog's decoder takes for HTML: a start tag, as it is or
// with entities for its brackets.
func mayBeHTML(data []byte) bool {
	return hasTag(data, "<", "") || hasTag(data, "&lt;", "&gt;")
}

// hasTag looks for a tag behind an opening bracket. Close may end its name, beside a
// space, a solidus and a closing bracket.
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
		if ok && len(after) > 0 && (strings.IndexByte(" \t\n\f\r>/", after[0]) >= 0 || closing != "" && bytes.HasPrefix(after, []byte(closing))) {
			return true
		}
	}
}

// cutTagName cuts a letter, and the letters and digits behind it.
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

// maxOpen is how many tags may be open at a time. The parser refuses more than 510.
const maxOpen = 400

// plainHTML collects the text of HTML whose tags mean nothing to a parser, as in prompts:
// <question>, <user_data>. The tree of such a text is its tags in their order, so that
// nobody has to build it: that took a fifth of a scan. FuzzHTML compares with TruffleHog's
// decoder.
type plainHTML struct {
	text []byte
	// node is where the last text node starts in text.
	node int
	open []string
}

// decodePlainHTML returns what TruffleHog's decoder makes of HTML with nothing in it but
// text and tags that mean nothing. It is false for any other.
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

// nextTag returns where the next tag, comment or declaration starts; the length of the text
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

// plainTags are elements, and names of attributes, that the parser treats as it treats names
// that it does not know.
var plainTags = literal.NewVocabulary(`span label output mark time data name value type step scope target default start list sub sup var kbd
	samp dfn abbr cite q bdi bdo del ins`)

// addTag reads a tag and returns its length; 0 if it has a meaning, or the value of an
// attribute.
func (p *plainHTML) addTag(data []byte) int {
	end := bytes.IndexByte(data, '>')
	name, closing := data[1:max(end, 1)], false
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

// close closes a tag, and what is open in it. A tag that was not opened is ignored: the text
// before and after it is one.
func (p *plainHTML) close(name string) {
	for i := len(p.open) - 1; i >= 0; i-- {
		if p.open[i] == name {
			p.open = p.open[:i]
			p.endNode()
			return
		}
	}
}

// addText adds text without its entities.
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

// residual are the entities that TruffleHog decodes once more.
var residual = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&apos;", "'")

func (p *plainHTML) endNode() {
	if bytes.IndexByte(p.text[p.node:], '&') >= 0 {
		p.text = append(p.text[:p.node], residual.Replace(string(p.text[p.node:]))...)
	}
	p.node = len(p.text)
}

// invisible are the characters that TruffleHog takes out: spaces of no width and their likes.
var invisible = strings.NewReplacer("\u200B", "", "\u200C", "", "\u200D", "", "\uFEFF", "", "\u00AD", "", "\u2060", "", "\u200E", "", "\u200F", "")

func withoutInvisible(text []byte) []byte {
	for _, start := range []string{"\u00ad"[:1], "\u200b"[:2], "\u2060"[:2], "\ufeff"[:2]} {
		if bytes.Contains(text, []byte(start)) {
			return []byte(invisible.Replace(string(text)))
		}
	}
	return text
}

// tidyLines takes out the spaces around lines, and all but one of several empty lines. It
// works in place.
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

// trimSpace is [bytes.TrimSpace], without a call for a line that starts and ends with
// something else.
func trimSpace(line []byte) []byte {
	if len(line) == 0 || isGraphic(line[0]) && isGraphic(line[len(line)-1]) {
		return line
	}
	return bytes.TrimSpace(line)
}

func isGraphic(b byte) bool { return b > ' ' && b < utf8.RuneSelf }

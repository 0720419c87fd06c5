// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

var (
	// signalAttributes are the attributes whose values TruffleHog scans.
	signalAttributes = literal.NewVocabulary(`href src action value content alt title`)
	// blockElements start a new line.
	blockElements = literal.NewVocabulary(
		`p div br hr h1 h2 h3 h4 h5 h6 li ol ul tr td th table thead tbody tfoot blockquote section article header
		footer pre address figcaption figure details summary main nav aside form fieldset legend dd dt dl script style`,
	)
)

// decodeHTMLTree returns the output of TruffleHog's decoder for any HTML: the text of its
// elements, its comments and the values of some attributes. It does not copy text without
// replacements.
func decodeHTMLTree(data []byte) []byte {
	doc, err := html.Parse(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	t := &treeText{text: make([]byte, 0, len(data))}
	t.node(doc, false)
	return tidyLines(withoutInvisible(t.text))
}

// treeText collects the text of a tree.
type treeText struct{ text []byte }

// node adds the text of a node and its descendants. Raw text keeps its entities.
func (t *treeText) node(n *html.Node, raw bool) {
	block := false
	switch n.Type {
	case html.TextNode:
		text := n.Data
		if !raw && strings.IndexByte(text, '&') >= 0 {
			text = residual.Replace(text)
		}
		t.text = append(t.text, text...)
	case html.CommentNode:
		if comment := strings.TrimSpace(n.Data); comment != "" {
			t.line(comment)
		}
		return
	case html.ElementNode:
		block = blockElements[n.Data]
		if block || isHighlighted(n) {
			t.endLine()
		}
		t.attributes(n)
		raw = raw || n.Data == "script" || n.Data == "style"
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		t.node(c, raw)
	}
	if block {
		t.endLine()
	}
}

// isHighlighted reports elements of highlighted code. Each of them starts a line.
func isHighlighted(n *html.Node) bool {
	for _, attr := range n.Attr {
		if attr.Key != "class" {
			continue
		}
		for class := range strings.FieldsSeq(attr.Val) {
			if strings.HasPrefix(class, "hljs-") {
				return true
			}
		}
	}
	return false
}

// attributes adds the values of signal attributes, or of all attributes if the element name has
// a prefix.
func (t *treeText) attributes(n *html.Node) {
	prefixed := strings.Contains(n.Data, ":")
	for _, attr := range n.Attr {
		if !prefixed && !signalAttributes[attr.Key] && !strings.HasPrefix(attr.Key, "data-") {
			continue
		}
		value := strings.TrimSpace(attr.Val)
		if value == "" || value == "#" {
			continue
		}
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		t.line(value)
	}
}

func (t *treeText) line(text string) {
	t.endLine()
	t.text = append(t.text, text...)
	t.endLine()
}

func (t *treeText) endLine() {
	if n := len(t.text); n > 0 && t.text[n-1] != '\n' {
		t.text = append(t.text, '\n')
	}
}

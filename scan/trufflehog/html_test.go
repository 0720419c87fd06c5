// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"strings"
	"testing"

	"github.com/trufflesecurity/trufflehog/v3/pkg/decoders"
	"github.com/trufflesecurity/trufflehog/v3/pkg/sources"
)

// htmlTexts are fragments of HTML, and of text that only looks like it.
var htmlTexts = []string{
	"text", "<question>what</question>", "<Context>\n  a\n\n\n b </Context>", "<a_b:c>x</a_b:c>", "<give an example of question>", "<don't>no</don't>", "</never>opened",
	"&am</never>p;lt;", "&amp;amp;", "&lt;p&gt;", "&#103;hp_", "a < b, b > a", "<", "<q", "<!-- comment -->", "<?xml version='1.0'?>", "<!doctype html>", "</>", "</ x>", "<1>",
	"<x y=z>", "<meta content='a%20b&amp;c'>", "<i class='a hljs-b'>", "<p data-a=' %zz ' title='#'>", "<style>&amp;</style>", "<asp:TextBox Text='secret'/>", "<x/>", "<x / >", "<p>block</p>", "<b>bold</b>", "<a href='https://a'>link</a>", "<script>a &amp; b</script>", "<span class='hljs-a'>",
	"<table><tr><x>y</x></tr></table>", "\r\n line \r end", "zero\u200bwidth", "soft\u00adhyphen", "\ufeff", "\u2060\u200e", "\x00", "\xff\xfe", "\u00a0 space \u2003", "<title>", "<TEXTAREA>",
	"<name>n</name>", "<value>", "<output>o</output>", "<span>s</span>", "<label>", "<step>1</step>", "<form>", "<image>", "<svg>", "<x\fy>", "<x\ty>z</x >", "<x>=</x>", "<é>", "<xé>",
}

// FuzzHTML compares the shortcut for HTML with TruffleHog's decoder.
func FuzzHTML(f *testing.F) {
	for i, a := range htmlTexts {
		f.Add([]byte(a))
		for _, b := range htmlTexts[:i] {
			f.Add([]byte(a + b + a))
			f.Add([]byte("<x>" + b + "\n" + a))
		}
	}
	f.Add([]byte(strings.Repeat("<x>", 600)))
	f.Add([]byte(strings.Repeat("<x>a</x>", 600)))
	enableFeatures()
	decoder := new(decoders.HTML)
	f.Fuzz(func(t *testing.T, data []byte) {
		want := decoder.FromChunk(&sources.Chunk{Data: data})
		if !mayBeHTML(data) {
			if want != nil {
				t.Fatalf("%q is decoded to %q, and does not look like HTML to us", data, want.Data)
			}
			return
		}
		got := decodeWith(decoder, data)
		switch {
		case (got == nil) != (want == nil):
			t.Fatalf("%q is decoded to %v, want %v", data, got, want)
		case got != nil && string(got.Data) != string(want.Data):
			t.Fatalf("%q is decoded to %q, want %q", data, got.Data, want.Data)
		}
	})
}

// TestPlainHTML: the shortcut handles the tags of prompts, but not those of HTML.
func TestPlainHTML(t *testing.T) {
	for text, want := range map[string]bool{
		"<question>what &amp; why</question>": true, "<give an example>": true, "<name>n</name>": true, "a < b": true,
		"<p>a</p>": false, "<x y=z>": false, "<!-- a -->": false, "<table>": false, "</>": false, "<x": false,
	} {
		if _, ok := decodePlainHTML([]byte(text)); ok != want {
			t.Errorf("%q takes the short cut: %v, want %v", text, ok, want)
		}
	}
}

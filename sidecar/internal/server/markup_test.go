// SPDX-License-Identifier: Apache-2.0

package server

import (
	"html"
	"strings"
	"testing"
)

func TestWriteHTML(t *testing.T) {
	var d document
	d.writeHTML(`<a title="%s">%s</a> 100%<br>`, `"><script>`, 7)
	d.writeHTML("%s")
	if got, want := d.String(), `<a title="&#34;&gt;&lt;script&gt;">7</a> 100%<br>%s`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// FuzzWriteHTML checks that a text is always a single text node.
func FuzzWriteHTML(f *testing.F) {
	for _, seed := range []string{"plain", `"'<>&`, "%s %d", "</title><script>", "&amp;", "\x00", "é\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d document
		d.writeHTML(`<p title="%s">%s</p>`, text, text)
		inner, ok := strings.CutPrefix(d.String(), `<p title="`)
		attribute, rest, found := strings.Cut(inner, `">`)
		element, end := strings.CutSuffix(rest, "</p>")
		if !ok || !found || !end || attribute != element || strings.ContainsAny(element, `<>"'`) ||
			html.UnescapeString(element) != text {
			t.Errorf("%q becomes %q", text, d.String())
		}
	})
}

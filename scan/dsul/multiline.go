// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"context"
	"strings"
	"sync"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// spansOfPrograms are forms that extend over several lines.
var spansOfPrograms = sync.OnceValue(func() *formSet {
	return newFormSet([]form{
		// .netrc, which documents quote
		{
			words: []string{"machine "},
			plain: true,
			check: isGiven,
			match: lazyregexp.New(
				`(?m)(?:^|\s)machine\s+\S+(?:[ \t]*\n)?(?:\s+(?:login|account)\s+\S+){1,2}\s+password\s+(\S{3,256})`,
			),
		},
		// XML
		{
			words: []string{"</"},
			named: true,
			match: lazyregexp.New(
				`<(?:[\w.-]+:)?([\w.-]{3,64})(?:\s[^<>]{0,200})?>\s*(?:<!\[CDATA\[)?\s*([^<>\s\]][^<>\n\]]{2,255}?)\s*` +
					`(?:\]\]>)?\s*</`,
			),
		},
		{
			words: []string{"</"},
			named: true,
			match: lazyregexp.New(
				`(?i)\b(?:name|key)=["']([\w.-]{3,100})["'][^<>]{0,100}>\s*<value>\s*([^<>\s][^<>\n]{2,255}?)\s*</`,
			),
		},
		{
			words: []string{"<key>"},
			named: true,
			match: lazyregexp.New(`<key>([\w.-]{3,100})</key>\s*<string>([^<>\n]{3,256})</string>`),
		},
		// Terraform
		{
			words: []string{"variable "},
			named: true,
			match: lazyregexp.New(`\bvariable\s+"([\w.-]{3,100})"\s*\{[^{}]{0,1000}?\bdefault\s*=\s*"([^"\n]{3,256})"`),
		},
		{
			words: []string{"set {", "set_sensitive {"},
			named: true,
			match: lazyregexp.New(
				`\bset(?:_sensitive)?\s*\{\s*name\s*=\s*"(?:[\w-]+\.)*([\w-]{3,100})"\s*value\s*=\s*"([^"\n]{3,256})"`,
			),
		},
		// a heading or a paragraph with the name, and the value on a line of its own
		{
			words: []string{"token", "key", "secret", "jeton", "clé", "schlüssel", "clave", "chave", "chiave", "sleutel"},
			named: true,
			long:  16,
			match: lazyregexp.New(
				"(?m)^[ \\t#>*]*(?:- )?([\\pL][\\pL '’_-]{2,40}?)[ \\t]*(?:\\*\\*)?[ \\t]*:?(?:\\*\\*)?[ \\t]*\\n(?:" +
					"[ \\t]*\\n|```\\w*[ \\t]*\\n){0,2}[ \\t]*`{0,3}([\\w.~+/=-]{16,256})`{0,3}[ \\t]*$",
			),
		},
	})
})

// findMultilineForms scans a text for secrets in forms of several lines.
func (s *fileScan) findMultilineForms(ctx context.Context, text string, at position) {
	if !strings.Contains(text, "\n") {
		return
	}
	for _, f := range spansOfPrograms().in(text) {
		if ctx.Err() != nil {
			return
		}
		for _, m := range f.match.Get().FindAllStringSubmatchIndex(text, -1) {
			here := at
			if at.length == len(s.file.Data) {
				here.extent = extent{offset: m[len(m)-2], length: m[1] - m[len(m)-2]}
			}
			s.reportForm(f, groupsOf(text, m), here)
		}
	}
}

// groupsOf returns the texts of the groups of a match.
func groupsOf(text string, m []int) []string {
	var groups []string
	for i := 0; i < len(m); i += 2 {
		group := ""
		if m[i] >= 0 {
			group = text[m[i]:m[i+1]]
		}
		groups = append(groups, group)
	}
	return groups
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	md5Sum    = "0123456789abcdef0123456789abcdef"
	otherSum  = "fedcba9876543210fedcba9876543210"
	sha256Sum = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	metadata  = "some-workspace/.import.yml"
)

// blank returns a text as scanned: without its checksums.
func blank(text string) string {
	for _, sum := range []string{sha256Sum, md5Sum, otherSum} {
		text = strings.ReplaceAll(text, sum, strings.Repeat(" ", len(sum)))
	}
	return text
}

// TestChecksumsAreBlanked: exactly the checksums of these texts are skipped.
func TestChecksumsAreBlanked(t *testing.T) {
	tests := map[string]string{
		"plain":              "workspaceId: abc1234\nchecksums:\n  automations:\n    a: MD5\n    b: OTHER\ngroups: [base1]\n",
		"single quotes":      "checksums:\n  automations:\n    a: 'MD5'\n",
		"double quotes":      "checksums:\n  automations:\n    a: \"MD5\"\n",
		"sha256":             "checksums:\n  automations:\n    a: SHA256\n    b: 'SHA256'\n",
		"directly below":     "checksums:\n  index: MD5\n",
		"multi-byte before":  "checksums:\n  pages: {\"é à 日本 👋\": MD5, \"ö\": \"OTHER\"}\n",
		"flow, on one line":  "{checksums: {a: MD5, b: {c: OTHER}}, name: x}",
		"windows line feeds": "workspaceId: abc\r\nchecksums:\r\n  a:\r\n    b: MD5\r\n    c: 'OTHER'\r\n",
		"tab":                "checksums:\n  a:\tMD5\n",
		"on the next line":   "checksums:\n  a:\n    MD5\n",
		"no line feed":       "checksums:\n  a: MD5",
		"marks of documents": "---\nchecksums:\n  a: MD5\n...\n",
		"quoted key":         "'checksums':\n  a: MD5\n",
		"same one twice":     "checksums:\n  a: MD5\n  b: MD5\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer("MD5", md5Sum, "OTHER", otherSum, "SHA256", sha256Sum).Replace(text)
			want := blank(text)
			got, blanked := blankChecksums(file(metadata, text))
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if wanted := differences([]byte(text), []byte(want)); blanked != wanted || wanted == 0 {
				t.Errorf("%d bytes are blanked, want %d", blanked, wanted)
			}
		})
	}
}

// TestNothingElseIsBlanked: these texts are scanned unchanged.
func TestNothingElseIsBlanked(t *testing.T) {
	inBlock := func(value string) string { return "checksums:\n  automations:\n    a: " + value + "\n" }
	tests := map[string]struct{ path, text string }{
		"another file":                   {"some-workspace/import.yml", inBlock(md5Sum)},
		"a name that ends so":            {"some-workspace/data.import.yml", inBlock(md5Sum)},
		"upper case name":                {"some-workspace/.IMPORT.yml", inBlock(md5Sum)},
		"other extension":                {"some-workspace/.import.yaml", inBlock(md5Sum)},
		"not in a workspace":             {".import.yml", inBlock(md5Sum)},
		"below a workspace":              {"some-workspace/automations/.import.yml", inBlock(md5Sum)},
		"workspace without a name":       {"/.import.yml", inBlock(md5Sum)},
		"another block":                  {metadata, "digests:\n  a: " + md5Sum + "\n"},
		"block of that name within":      {metadata, "version:\n  checksums:\n    a: " + md5Sum + "\n"},
		"beside the block":               {metadata, "checksums:\n  a: b\ntoken: " + md5Sum + "\n"},
		"the block is one":               {metadata, "checksums: " + md5Sum + "\n" + "x: [checksums, " + otherSum + "]\n"},
		"a key is one":                   {metadata, "checksums:\n  " + md5Sum + ": x\n"},
		"a comment is one":               {metadata, "checksums:\n  a: b # " + md5Sum + "\n"},
		"one too short":                  {metadata, inBlock(md5Sum[1:])},
		"one too long":                   {metadata, inBlock(md5Sum + "0")},
		"upper case":                     {metadata, inBlock(strings.ToUpper(md5Sum))},
		"another letter":                 {metadata, inBlock("g" + md5Sum[1:])},
		"space in the quotes":            {metadata, inBlock("' " + md5Sum + "'")},
		"two of them":                    {metadata, inBlock(md5Sum + " " + md5Sum)},
		"sha1":                           {metadata, inBlock("sha1:" + md5Sum + md5Sum[:8])},
		"md5 with a prefix":              {metadata, inBlock("md5:" + md5Sum)},
		"sha256, cut":                    {metadata, inBlock(sha256Sum[:len(sha256Sum)-1])},
		"sha256 without prefix":          {metadata, inBlock(strings.TrimPrefix(sha256Sum, "sha256:"))},
		"in a list":                      {metadata, inBlock("[" + md5Sum + "]")},
		"anchored":                       {metadata, "checksums:\n  a: &x " + md5Sum + "\n"},
		"alias to one outside":           {metadata, "token: &x " + md5Sum + "\nchecksums:\n  a: *x\n"},
		"block alias to outside":         {metadata, "other: &x {a: " + md5Sum + "}\nchecksums: *x\n"},
		"merged from outside":            {metadata, "other: &x {a: " + md5Sum + "}\nchecksums:\n  <<: *x\n"},
		"tagged":                         {metadata, inBlock("!!str " + md5Sum)},
		"literal block":                  {metadata, inBlock("|-\n      " + md5Sum)},
		"folded block":                   {metadata, inBlock(">-\n      " + md5Sum)},
		"escaped":                        {metadata, inBlock(`"\x30` + md5Sum[1:] + `"`)},
		"the second of two documents":    {metadata, "a: b\n---\n" + inBlock(md5Sum)},
		"the second block of that name":  {metadata, "checksums: {}\nchecksums:\n  a: " + md5Sum + "\n"},
		"not YAML":                       {metadata, inBlock(md5Sum) + "\t]["},
		"not UTF-8":                      {metadata, inBlock(md5Sum) + "\xff\xfe"},
		"a list of mappings":             {metadata, "- checksums:\n    a: " + md5Sum + "\n"},
		"a scalar":                       {metadata, md5Sum},
		"empty":                          {metadata, ""},
		"line feeds of old Macintoshes":  {metadata, "x: y\rchecksums:\r  a: " + md5Sum + "\r"},
		"UTF-16":                         {metadata, "\xff\xfec\x00h\x00"},
		"nested too deeply to be parsed": {metadata, inBlock(md5Sum) + "x: " + strings.Repeat("[", 20_000)},
		"larger than what is looked into": {
			metadata, inBlock(md5Sum) + strings.Repeat("#", maxMetadata),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, blanked := blankChecksums(file(test.path, test.text))
			if string(got) != test.text || blanked != 0 {
				t.Errorf("%d bytes are blanked", blanked)
			}
		})
	}
}

// TestByteOrderMark: the parser's columns do not include the mark, so that the checksum in the
// first line is not located, and is scanned. Other lines are not affected.
func TestByteOrderMark(t *testing.T) {
	for text, want := range map[string]int64{
		"\ufeffchecksums: {a: " + md5Sum + "}\n":  0,
		"\ufeffchecksums:\n  a: " + md5Sum + "\n": int64(len(md5Sum)),
	} {
		got, blanked := blankChecksums(file(metadata, text))
		checkBlanked(t, []byte(text), got, blanked)
		if blanked != want {
			t.Errorf("%d bytes of %q are blanked, want %d", blanked, text, want)
		}
	}
}

func TestHugeMetadataIsBlankedInTime(t *testing.T) {
	var text strings.Builder
	text.WriteString("checksums:\n  automations:\n")
	const automations = 5000 // the platform's limit of files in a workspace
	for range automations {
		text.WriteString("    name-of-an-automation: " + md5Sum + "\n")
	}
	_, blanked := blankChecksums(file(metadata, text.String()))
	if want := int64(automations * len(md5Sum)); blanked != want {
		t.Errorf("%d bytes are blanked, want %d", blanked, want)
	}
}

// differences counts the bytes that differ.
func differences(a, b []byte) int64 {
	n := int64(0)
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// checkBlanked checks that only complete checksums became spaces.
func checkBlanked(t *testing.T, before, after []byte, blanked int64) {
	t.Helper()
	if len(before) != len(after) {
		t.Fatalf("%d bytes became %d", len(before), len(after))
	}
	if n := differences(before, after); n != blanked {
		t.Errorf("%d bytes are blanked, %d bytes differ", blanked, n)
	}
	for at := 0; at < len(before); at++ {
		start := at
		for at < len(before) && before[at] != after[at] {
			at++
		}
		if start == at {
			continue
		}
		if !checksum.Match(before[start:at]) || len(bytes.Trim(after[start:at], " ")) > 0 {
			t.Errorf("%q at %d became %q", before[start:at], start, after[start:at])
		}
	}
}

func FuzzBlankChecksums(f *testing.F) {
	f.Add([]byte("workspaceId: abc\nchecksums:\n  automations:\n    \"é\": '" + md5Sum + "'\n    b: " + sha256Sum + "\n"))
	f.Add([]byte("\ufeff{checksums: {a: " + md5Sum + ", b: \"" + otherSum + "\"}}"))
	f.Add([]byte("a: \u2028\r\rchecksums:\u0085  a: &x " + md5Sum + "\n  <<: *x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		got, blanked := blankChecksums(File{Path: metadata, Data: data})
		if !bytes.Equal(before, data) {
			t.Fatal("the file itself was written to")
		}
		checkBlanked(t, data, got, blanked)
	})
}

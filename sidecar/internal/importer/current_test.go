// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"strings"
	"testing"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	imageA  = "registry.example.com:5000/acme/prismeai-workspaces:v1.2.3"
)

func TestNewCurrent(t *testing.T) {
	for name, k := range map[string]struct {
		content, manifest, image string
		superseded               bool
		wrong                    string // what the error says, "" for none
	}{
		"own digest":                {digestA, digestA, "", false, ""},
		"own digest, with an end":   {digestA + "\n", digestA, imageA, false, ""},
		"another digest":            {"  " + digestB + "\r\n", digestA, imageA, true, ""},
		"own image":                 {imageA + "\n", digestA, imageA, false, ""},
		"own image without a tag":   {"workspaces", "", "workspaces", false, ""},
		"image by digest":           {imageA + "@" + digestA, digestA, imageA, true, ""},
		"another image":             {imageA + "-2", "", imageA, true, ""},
		"image on an IPv6 registry": {"[::1]:5000/a:b", "", "[::1]:5000/a:b", false, ""},
		"nothing":                   {"", digestA, imageA, false, "is empty"},
		"white space":               {" \n\t\n", digestA, imageA, false, "is empty"},
		"two lines":                 {digestA + "\n" + digestB, digestA, imageA, false, "more than one line"},
		"short digest":              {digestA[:20], digestA, imageA, false, "invalid digest"},
		"capital digits":            {strings.ToUpper(digestA[:7]) + digestA[7:], digestA, imageA, true, ""}, // a name with a tag, which no pod has
		"digest in capitals":        {"sha256:" + strings.Repeat("A", 64), digestA, imageA, false, "invalid digest"},
		"digest without manifest":   {digestA, "", imageA, false, "set --manifest"},
		"image without --image":     {imageA, digestA, "", false, "set --image"},
		"two words":                 {"image: " + imageA, digestA, imageA, false, "neither a digest nor an image"},
		"control characters":        {"v1\x00", digestA, imageA, false, "neither a digest nor an image"},
		"no ASCII":                  {"wörk", digestA, imageA, false, "neither a digest nor an image"},
		"a byte order mark":         {"\ufeff" + digestA, digestA, imageA, false, "neither a digest nor an image"},
		"too long":                  {strings.Repeat("a", maxReference+1), digestA, imageA, false, "neither a digest nor an image"},
	} {
		c, err := NewCurrent([]byte(k.content), k.manifest, k.image)
		if k.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), k.wrong) {
				t.Errorf("%s: error %v, want %q", name, err, k.wrong)
			}
			continue
		}
		if err != nil || c.isSuperseded() != k.superseded {
			t.Errorf("%s: %+v, %v; want superseded %t", name, c, err, k.superseded)
		}
	}
	if (*Current)(nil).isSuperseded() {
		t.Error("a pod without a file is superseded")
	}
}

// FuzzParseCurrent checks that accepted content is one printable word that parses to itself.
func FuzzParseCurrent(f *testing.F) {
	for _, s := range []string{digestA, imageA + "\n", "", "a\nb", "sha256:", "\ufeffx", imageA + "@" + digestB} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		named, err := ParseCurrent(content)
		if err != nil {
			if named != "" || strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("%q, %v", named, err)
			}
			return
		}
		if again, err := ParseCurrent([]byte(named)); err != nil || again != named || len(named) > maxReference {
			t.Errorf("%q is %q, %v", named, again, err)
		}
		if strings.ContainsFunc(named, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q is accepted", named)
		}
	})
}

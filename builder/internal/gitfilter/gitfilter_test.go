// SPDX-License-Identifier: AGPL-3.0-or-later

package gitfilter

import (
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	oid := "oid sha256:" + strings.Repeat("4d", 32) + "\nsize 12345\n"
	sha1 := strings.Repeat("4d", 20) + "\n"
	for _, c := range []struct {
		name, file, data string
		want             Kind
	}{
		{"Git LFS", "a.yml", "version https://git-lfs.github.com/spec/v1\n" + oid, LFS},
		{"CRLF", "a.yml", strings.ReplaceAll("version https://git-lfs.github.com/spec/v1\n"+oid, "\n", "\r\n"), LFS},
		{"an extension", "a.png", "version https://git-lfs.github.com/spec/v1\next-0-foo sha256:00\n" + oid, LFS},
		{"hawser", "a.png", "version https://hawser.github.com/spec/v1\n" + oid, LFS},
		{"git-media 2", "a.yml", "version http://git-media.io/v/2\n" + oid, LFS},
		{"git-media preview", "a.yml", "# git-media\n" + strings.Repeat("4d", 32) + "\n", LFS},
		{"git-media", "a.PNG", sha1, LFS},
		{"a commit", "REVISION", sha1, None},
		{"the first line alone", "a.yml", "version https://git-lfs.github.com/spec/v1\n", LFS},
		{"a quoted pointer", "a.yml", "text: |\n  version https://git-lfs.github.com/spec/v1\n", None},
		{"a document about it", "a.md", "version https://git-lfs.github.com/spec/v1\n" +
			strings.Repeat("text ", 300), None},
		{"git-crypt", "key.pem", "\x00GITCRYPT\x00" + strings.Repeat("\xff", 2000), Crypt},
		{"nothing", "a.yml", "", None},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Detect(c.file, []byte(c.data)); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

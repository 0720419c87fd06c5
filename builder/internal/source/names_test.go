// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
)

// Names are judged the same from every kind of source.
func TestNamesInAllSources(t *testing.T) {
	composed, decomposed := norm.NFC.String("shop/envoyé.yml"), norm.NFD.String("shop/envoyé.yml")
	contents := map[string]string{
		"shop/index.yml": "shop", composed: "1", decomposed: "2", "shop/a:b.yml": "3", "shop/index\u200b.yml": "4", "shop/Kelvin.yml": "5",
		"shop/\u212aelvin.yml": "6",
	}
	want := []string{
		composed + " unicode-collision", "shop/\u212aelvin.yml unicode-collision", "shop/index\u200b.yml name-invisible",
	}
	var packed []archived
	for _, name := range []string{"shop/index.yml", composed, decomposed, "shop/a:b.yml", "shop/index\u200b.yml",
		"shop/Kelvin.yml", "shop/\u212aelvin.yml"} {
		packed = append(packed, archived{name: name, data: contents[name]})
	}
	zipFile := filepath.Join(t.TempDir(), "shop.zip")
	if err := os.WriteFile(zipFile, archive(t, packed...), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, spec := range map[string]string{"directory": gittest.WriteFiles(t, contents), "archive": zipFile} {
		files, report := walk(t, open(t, spec, Options{}))
		equal(t, name+": files", files, contents)
		equal(t, name+": diagnostics", rules(t, report), want)
	}
}

func TestHardLinksNameEachOther(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"shop/index.yml": "shop", "shop/a.yml": "a", "shop/b.yml": "b"})
	outside := filepath.Join(t.TempDir(), "elsewhere")
	for _, link := range [][2]string{{filepath.Join(dir, "shop/a.yml"), filepath.Join(dir, "shop/a2.yml")},
		{filepath.Join(dir, "shop/b.yml"), outside}} {
		if err := os.Link(link[0], link[1]); err != nil {
			t.Fatal(err)
		}
	}
	_, report := walk(t, open(t, dir, Options{}))
	messages := map[string]string{}
	for _, d := range report.Diagnostics {
		messages[d.File] = regexp.MustCompile(`[^ ]+$`).FindString(strings.TrimSuffix(d.Message, " of the source"))
	}
	equal(t, "other names", messages, map[string]string{"shop/a.yml": "shop/a2.yml", "shop/a2.yml": "shop/a.yml",
		"shop/b.yml": "outside"})
}

func TestContentThatGitKeepsElsewhere(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{
		"shop/index.yml": "version https://hawser.github.com/spec/v1\r\noid sha256:1\r\n", "shop/key.pem": "\x00GITCRYPT\x00\x01\x02", "shop/a.yml": "a",
	})
	_, report := walk(t, open(t, dir, Options{}))
	equal(t, "diagnostics", rules(t, report), []string{"shop/index.yml lfs-pointer", "shop/key.pem git-crypt"})
}

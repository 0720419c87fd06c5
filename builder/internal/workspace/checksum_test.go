// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"crypto/md5"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/source"
)

func TestMD5OfListedFilesOnly(t *testing.T) {
	const content = "a: 1\r\n"
	listed := func(entries string) string { return "checksums:\n  pages:\n" + entries }
	const sum = "0cc175b9c0f1b6a831c399e269772661"
	for _, c := range []struct {
		what, metadata string
		mode           ChecksumMode
		last           bool
		want           bool
	}{
		{"listed", listed("    x: " + sum + "\n"), ChecksumsWarn, false, true},
		{"listed by its path", listed("    x.yml: " + sum + "\n"), ChecksumsWarn, false, true},
		{"another file is listed", listed("    y: " + sum + "\n"), ChecksumsWarn, false, false},
		{"another file is listed, in a file that is added later", listed("    y: " + sum + "\n"), ChecksumsWarn, true, true},
		{"listed with SHA-256", listed("    x: sha256:" + hex256(content) + "\n"), ChecksumsVerify, false, false},
		{"no checksums", "groups: [base1]\n", ChecksumsVerify, false, false},
		{"checksums are ignored", listed("    x: " + sum + "\n"), ChecksumsIgnore, false, false},
	} {
		collector := NewCollector(Options{Checksums: c.mode})
		add := func() { collector.Add(source.NewFile("w/"+metadataFile, []byte(c.metadata))) }
		if !c.last {
			add()
		}
		collector.Add(source.NewFile("w/pages/x.yml", []byte(content)))
		if c.last {
			add()
		}
		f := collector.spaces["w"].covered[0]
		if got := f.md5 == md5.Sum([]byte(content)); got != c.want {
			t.Errorf("%s: the file has an MD5: %t, want %t", c.what, got, c.want)
		}
		if got := f.lineFeeds != nil; got != c.want {
			t.Errorf("%s: the file has an MD5 with line feeds: %t, want %t", c.what, got, c.want)
		}
	}
}

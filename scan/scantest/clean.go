// SPDX-License-Identifier: AGPL-3.0-or-later

package scantest

import (
	"embed"
	"io/fs"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// data contains workspaces without leaks: workspaces published by the platform's vendor under the
// included MIT licence, and our own.
//
//go:embed all:testdata
var data embed.FS

// Clean returns the files of workspaces without leaks by path.
func Clean() map[string][]byte {
	files := map[string][]byte{}
	archive, err := data.ReadFile("testdata/clean.txtar")
	if err != nil {
		panic(err)
	}
	for _, f := range txtar.Parse(archive).Files {
		files[f.Name] = f.Data
	}
	samples, err := fs.Sub(data, "testdata/samples")
	if err != nil {
		panic(err)
	}
	AddTree(files, samples)
	return files
}

// AddTree adds the files in a directory of workspaces.
func AddTree(files map[string][]byte, root fs.FS) {
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "LICENSE") {
			return err
		}
		files[path], err = fs.ReadFile(root, path)
		return err
	})
	if err != nil {
		panic(err)
	}
}

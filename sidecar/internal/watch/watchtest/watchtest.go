// SPDX-License-Identifier: Apache-2.0

// Package watchtest puts files in place as Kubernetes does.
package watchtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Mount is a directory as of a mounted Secret or ConfigMap: its files are links
// into ..data, which is a link to a directory of its own for each version.
type Mount struct {
	// Dir is the directory.
	Dir     string
	version int
}

// NewMount mounts files, by name, at dir, which exists and is empty.
func NewMount(dir string, files map[string]string) (*Mount, error) {
	m := &Mount{Dir: dir}
	errs := []error{m.Swap(files)}
	for name := range files {
		errs = append(errs, os.Symlink("..data/"+name, m.Path(name)))
	}
	return m, errors.Join(errs...)
}

// Path is that of a file.
func (m *Mount) Path(name string) string { return filepath.Join(m.Dir, name) }

// Swap puts another version of all files in place at once, and removes the one before.
func (m *Mount) Swap(files map[string]string) error {
	m.version++
	dir, data := fmt.Sprintf("..v%d", m.version), m.Path("..data")
	if err := os.Mkdir(m.Path(dir), 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(m.Dir, dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	old, _ := os.Readlink(data) // there is none at first
	err := os.Symlink(dir, data+"_tmp")
	if err == nil {
		err = os.Rename(data+"_tmp", data)
	}
	if err == nil && old != "" {
		err = os.RemoveAll(m.Path(old))
	}
	return err
}

// SPDX-License-Identifier: Apache-2.0

// Package watchtest replaces files the way Kubernetes does.
package watchtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Mount is a directory like a mounted Secret or ConfigMap: its files are links into ..data, which
// links to a separate directory for each version.
type Mount struct {
	// Dir is the path of the mount.
	Dir     string
	version int
}

// NewMount mounts files, keyed by name, at dir, which must exist and be empty.
func NewMount(dir string, files map[string]string) (*Mount, error) {
	m := &Mount{Dir: dir}
	errs := []error{m.Swap(files)}
	for name := range files {
		errs = append(errs, os.Symlink("..data/"+name, m.Path(name)))
	}
	return m, errors.Join(errs...)
}

// Path returns the path of a file.
func (m *Mount) Path(name string) string { return filepath.Join(m.Dir, name) }

// Swap atomically replaces all files and removes the previous version.
func (m *Mount) Swap(files map[string]string) error {
	m.version++
	dir := fmt.Sprintf("..v%d", m.version)
	data := m.Path("..data")
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

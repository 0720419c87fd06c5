// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// What every file system and every unpacker takes, in bytes.
const (
	maxName = 255
	maxPath = 1024
)

// errChanged is a file that is not what was listed.
var errChanged = errors.New("file has changed")

// kind is what an entry is.
type kind string

const (
	regular     kind = "file"
	folder      kind = "directory"
	symlink     kind = "symbolic link"
	hardLink    kind = "hard link"
	submodule   kind = "Git submodule"
	device      kind = "device"
	pipe        kind = "named pipe"
	socket      kind = "socket"
	unsupported kind = "special file"
)

// directory is a directory of a source, wherever it is stored.
type directory interface {
	// entries returns what is in it, in any order.
	entries() ([]entry, error)
}

// entry is something in a directory.
type entry struct {
	name string
	kind kind
	// size of a regular file in bytes.
	size int64
	// open opens a directory, read reads a regular file of the listed size.
	open func() (directory, error)
	read func() ([]byte, error)

	// path is set by the walker.
	path string
	// hash of the blob, for entries of a Git tree.
	hash string
}

// walker lists what ships, by rules that are the same for all sources.
type walker struct {
	limits Limits
	files  []entry
	total  int64
	report Report
}

// list finds all files below root, in the byte order of their paths. Directories at
// the top are workspaces; nothing else at the top ships.
func (w *walker) list(ctx context.Context, root directory) error {
	top, err := sorted(root)
	if err != nil {
		return err
	}
	w.collisions("", top)
	for _, e := range top {
		e.path = e.name
		switch {
		case e.kind == folder && e.name == "node_modules":
			w.drop(e, "packages are installed, not shipped")
		case strings.HasPrefix(e.name, ".") && e.kind != symlink:
			w.drop(e, "hidden entries at the top are not workspaces")
		case e.kind == regular:
			w.drop(e, "files at the top belong to no workspace")
		default:
			if err := w.visit(ctx, e); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(w.files, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	slices.SortFunc(w.report.Dropped, func(a, b Drop) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

func sorted(d directory) ([]entry, error) {
	list, err := d.entries()
	if err != nil {
		return nil, fmt.Errorf("list directory: %w", err)
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// visit handles an entry of a workspace, or a workspace.
func (w *walker) visit(ctx context.Context, e entry) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !w.acceptName(e) {
		return nil
	}
	switch e.kind {
	case folder:
		return w.visitFolder(ctx, e)
	case regular:
		return w.visitFile(e)
	case symlink:
		w.refuse(e.path, "symlink", "symbolic links do not ship", "replace the link by the file that it points to")
	case hardLink:
		w.refuse(e.path, "hard-link", "the file has more than one name, so that somebody may write to it elsewhere", "copy the file")
	case submodule:
		w.refuse(e.path, "submodule", "Git submodules do not ship", "commit the files themselves")
	default:
		w.refuse(e.path, "special-file", "a "+string(e.kind)+" cannot ship", "remove it")
	}
	return nil
}

func (w *walker) visitFolder(ctx context.Context, e entry) error {
	switch e.name {
	case "node_modules":
		w.drop(e, "packages are installed, not shipped")
		return nil
	case ".git":
		w.refuse(e.path, "nested-repository", "there is a Git repository inside of a workspace", "remove its .git, or commit its files")
		return nil
	}
	d, err := e.open()
	if err != nil {
		return fmt.Errorf("open directory %s: %w", e.path, err)
	}
	list, err := sorted(d)
	if err != nil {
		return fmt.Errorf("%s: %w", e.path, err)
	}
	w.collisions(e.path, list)
	for _, child := range list {
		child.path = path.Join(e.path, child.name)
		if err := w.visit(ctx, child); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) visitFile(e entry) error {
	switch {
	case e.name == ".DS_Store":
		w.drop(e, "metadata of a file manager")
		return nil
	case e.name == ".git":
		w.refuse(e.path, "nested-repository", "there is a Git submodule inside of a workspace", "commit the files themselves")
		return nil
	case e.size > w.limits.FileSize:
		w.refuse(e.path, "file-too-large", fmt.Sprintf("the file has %d bytes, more than %d", e.size, w.limits.FileSize),
			"remove the file, or raise --max-file-size")
		return nil
	}
	w.files = append(w.files, e)
	w.total += e.size
	if len(w.files) > w.limits.Files {
		return &LimitError{What: "files", Max: int64(w.limits.Files)}
	}
	if w.total > w.limits.TotalSize {
		return &LimitError{What: "bytes", Max: w.limits.TotalSize}
	}
	return nil
}

// acceptName refuses names that an image, a manifest or another system cannot hold.
func (w *walker) acceptName(e entry) bool {
	const help = "rename it"
	switch {
	case !utf8.ValidString(e.name):
		w.refuse(e.path, "name-not-utf8", "the name is not valid UTF-8", help)
	case strings.ContainsFunc(e.name, unicode.IsControl) || strings.ContainsAny(e.name, `\`):
		w.refuse(e.path, "name-invalid", "the name has a control character or a backslash", help)
	case strings.HasPrefix(e.name, ".wh."):
		w.refuse(e.path, "name-whiteout", "in an image, a name that starts with .wh. deletes other files", help)
	case e.name == "" || e.name == "." || e.name == ".." || strings.Contains(e.name, "/"):
		w.refuse(e.path, "name-invalid", "the name leads out of its directory", "remove the entry from the Git tree")
	case len(e.name) > maxName || len(e.path) > maxPath:
		w.refuse(e.path, "name-too-long", fmt.Sprintf("a name has more than %d or a path more than %d bytes", maxName, maxPath), help)
	default:
		return true
	}
	return false
}

// collisions refuses names that are the same where case does not count.
func (w *walker) collisions(dir string, list []entry) {
	fold := cases.Fold()
	first := map[string]string{}
	for _, e := range list {
		folded := fold.String(e.name)
		if other, taken := first[folded]; taken {
			w.refuse(path.Join(dir, e.name), "case-collision", fmt.Sprintf("the name differs from %q by case only", printable(other)), "rename one of the two")
			continue
		}
		first[folded] = e.name
	}
}

func (w *walker) drop(e entry, reason string) {
	w.report.Dropped = append(w.report.Dropped, Drop{Path: printable(e.path), Reason: reason})
}

func (w *walker) refuse(p, rule, message, help string) {
	w.report.Diagnostics = append(w.report.Diagnostics, diagnostic.Diagnostic{
		Severity: diagnostic.Error, Rule: rule, File: printable(p), Message: message, Help: help,
	})
}

// printable makes a name safe for terminals and for JSON.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(name, string(unicode.ReplacementChar)))
}

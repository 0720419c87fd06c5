// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
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

var (
	// errChanged is a file or a directory that is not what was listed.
	errChanged = errors.New("it has changed")
	// errTooMany is a directory with more entries than were asked for.
	errTooMany = errors.New("it has too many entries")
)

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
	// entries returns what is in it, in any order, up to a number of entries.
	entries(limit int) ([]entry, error)
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
	// room is how many more entries may be listed. Without it, a small Git repository
	// whose trees hold each other many times would be listed for ever.
	room   int
	files  []entry
	total  int64
	report Report
}

func newWalker(limits Limits) *walker {
	return &walker{limits: limits, room: 2 * min(limits.Files, math.MaxInt/2)}
}

// list finds all files below root, in the byte order of their paths. Directories at
// the top are workspaces; nothing else at the top ships.
func (w *walker) list(ctx context.Context, root directory) error {
	top, err := w.sorted(root)
	if err != nil {
		return fmt.Errorf("list directory: %w", err)
	}
	top = slices.DeleteFunc(top, w.dropTop)
	if err := w.visitAll(ctx, "", top); err != nil {
		return err
	}
	slices.SortFunc(w.files, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	slices.SortFunc(w.report.Dropped, func(a, b Drop) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

// dropTop drops what can be no workspace. A symbolic link could have been meant as one.
func (w *walker) dropTop(e entry) bool {
	e.path = e.name
	switch {
	case e.name == "." || e.name == "..":
		return false
	case e.kind == folder && e.name == "node_modules":
		w.drop(e, "packages are installed, not shipped")
	case strings.HasPrefix(e.name, "."):
		w.drop(e, "hidden entries at the top are not workspaces")
	case e.kind == regular:
		w.drop(e, "files at the top belong to no workspace")
	default:
		return false
	}
	return true
}

func (w *walker) sorted(d directory) ([]entry, error) {
	list, err := d.entries(w.room)
	if errors.Is(err, errTooMany) {
		return nil, &LimitError{What: "files, directories and other entries", Max: int64(2 * w.limits.Files)}
	} else if err != nil {
		return nil, err
	}
	w.room -= len(list)
	slices.SortStableFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// visitAll visits the entries of a directory.
func (w *walker) visitAll(ctx context.Context, dir string, list []entry) error {
	for _, e := range w.collisions(dir, list) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e.path = join(dir, e.name)
		if err := w.visit(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// join does not clean, so that a name like .. stays what it is.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// visit handles an entry of a workspace, or a workspace.
func (w *walker) visit(ctx context.Context, e entry) error {
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
	if w.dropInside(e) {
		return nil
	}
	var list []entry
	d, err := e.open()
	if err == nil {
		list, err = w.sorted(d)
	}
	if err != nil && !w.tolerate(e, err) {
		return fmt.Errorf("list directory %s: %w", e.path, err)
	}
	return w.visitAll(ctx, e.path, list)
}

func (w *walker) visitFile(e entry) error {
	switch {
	case w.dropInside(e):
		return nil
	case e.size > w.limits.FileSize:
		w.refuse(e.path, "file-too-large", fmt.Sprintf("the file has %d bytes, more than %d", e.size, w.limits.FileSize),
			"remove the file, or raise --max-file-size")
		return nil
	case len(w.files) == w.limits.Files:
		return &LimitError{What: "files", Max: int64(w.limits.Files)}
	case e.size > w.limits.TotalSize-w.total:
		return &LimitError{What: "bytes", Max: w.limits.TotalSize}
	}
	w.files = append(w.files, e)
	w.total += e.size
	return nil
}

// dropInside drops what no workspace needs.
func (w *walker) dropInside(e entry) bool {
	switch {
	case e.name == ".git":
		w.drop(e, "Git's own data is not content")
	case e.name == "node_modules" && e.kind == folder:
		w.drop(e, "packages are installed, not shipped")
	case e.name == ".DS_Store" && e.kind == regular:
		w.drop(e, "metadata of a file manager")
	default:
		return false
	}
	return true
}

// tolerate turns an error about one entry into a diagnostic, so that a walk finds all of them.
func (w *walker) tolerate(e entry, err error) bool {
	switch {
	case errors.Is(err, errChanged):
		w.refuse(e.path, "source-changed", "the "+string(e.kind)+" has changed since the walk began", "let nothing write to the source during a build")
	case errors.Is(err, fs.ErrPermission):
		w.refuse(e.path, "unreadable", "the "+string(e.kind)+" cannot be read: "+err.Error(), "let the user of the builder read it")
	default:
		return false
	}
	return true
}

// lfsPointer starts what Git keeps in the place of a file in Git LFS.
const lfsPointer = "version https://git-lfs.github.com/spec/v1\n"

// inspect counts a file that is handed out.
func (w *walker) inspect(e entry, data []byte) {
	w.report.Files++
	w.report.Bytes += int64(len(data))
	if bytes.HasPrefix(data, []byte(lfsPointer)) {
		w.refuse(e.path, "lfs-pointer", "the file itself is in Git LFS, and this is a pointer to it",
			"commit the file, or build from a directory after git lfs pull")
	}
}

// conclude ends a walk.
func (w *walker) conclude() (Report, error) {
	if w.report.Files == 0 && len(w.report.Diagnostics) == 0 {
		return Report{}, errNoWorkspaces
	}
	return w.report, nil
}

// acceptName refuses names that an image, a manifest or another system cannot hold.
func (w *walker) acceptName(e entry) bool {
	const help = "rename it"
	switch {
	case !utf8.ValidString(e.name):
		w.refuse(e.path, "name-not-utf8", "the name is not valid UTF-8", help)
	case strings.ContainsFunc(e.name, unprintable) || strings.Contains(e.name, `\`):
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

// collisions refuses names that are the same where case does not count. It takes a
// sorted list, and returns it without names that are there twice, as in a Git tree they
// may be.
func (w *walker) collisions(dir string, list []entry) []entry {
	fold := cases.Fold()
	first := make(map[string]string, len(list))
	var last *string // equal names are neighbours
	return slices.DeleteFunc(list, func(e entry) bool {
		if last != nil && *last == e.name {
			w.refuse(join(dir, e.name), "name-duplicate", "the directory has the name more than once", "make the Git tree anew")
			return true
		}
		last = &e.name
		folded := fold.String(e.name)
		if other, taken := first[folded]; taken {
			w.refuse(join(dir, e.name), "case-collision", fmt.Sprintf("the name differs from %q by case only", printable(other)), "rename one of the two")
			return false
		}
		first[folded] = e.name
		return false
	})
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
		if unprintable(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(name, string(unicode.ReplacementChar)))
}

// unprintable are the characters that command a terminal, or that turn text around.
func unprintable(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

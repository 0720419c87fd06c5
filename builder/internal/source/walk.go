// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"cmp"
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
	"golang.org/x/text/unicode/norm"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/gitfilter"
)

// Limits in bytes that every file system and unpacker supports.
const (
	maxName = 255
	maxPath = 1024
)

var (
	// errChanged reports a file or directory that changed after it was listed.
	errChanged = errors.New("it has changed")
	// errTooMany reports a directory with more entries than allowed.
	errTooMany = errors.New("it has too many entries")
)

// kind is the kind of an entry.
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

// directory is a directory of a source of any kind.
type directory interface {
	// entries returns its entries in any order, up to a limit.
	entries(limit int) ([]entry, error)
}

// entry is an entry of a directory.
type entry struct {
	name string
	kind kind
	// size of a regular file in bytes.
	size int64
	// open opens a directory, read reads a regular file of the listed size.
	open func() (directory, error)
	read func() ([]byte, error)

	// link identifies the file of a hard link.
	link *identity
	// path is set by the walker.
	path string
	// hash is the blob of an entry in a Git tree.
	hash string
}

// walker lists what ships, with the same rules for all sources.
type walker struct {
	limits Limits
	// room is the remaining number of entries. Without it, a small Git repository with trees that
	// share subtrees could be listed forever.
	room   int
	files  []entry
	total  int64
	links  []entry
	report Report
	// ignored is what the user excludes.
	ignored ignored
	// aside are top-level directories that are skipped because they are not workspaces.
	aside []string
	// submodules are Git submodules, unfinished the files left by a killed run of builder fmt.
	submodules, unfinished []string
}

func newWalker(limits Limits) *walker {
	return &walker{limits: limits, room: 2 * min(limits.Files, math.MaxInt/2)}
}

// listFiles returns all files below root, in the byte order of their paths. Top-level directories are
// workspaces; nothing else at the top ships. If some look like workspaces, those that do not are
// skipped.
func (w *walker) listFiles(ctx context.Context, root directory) error {
	top, err := w.listSorted(root)
	if err != nil {
		return fmt.Errorf("list directory: %w", err)
	}
	top = slices.DeleteFunc(top, w.dropTop)
	top = w.dropAside(top)
	if err := w.visitAll(ctx, "", top); err != nil {
		return err
	}
	w.refuseLinks()
	slices.SortFunc(w.files, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	slices.SortFunc(w.report.Dropped, func(a, b Drop) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

// dropTop drops entries that cannot be workspaces. A symbolic link could be meant as one.
func (w *walker) dropTop(e entry) bool {
	e.path = e.name
	switch {
	case e.name == "." || e.name == "..":
		return false
	case e.kind == folder && e.name == "node_modules":
		w.dropEntry(e, "packages are installed, not shipped")
	case w.dropIgnored(e):
	case strings.HasPrefix(e.name, "."):
		w.dropEntry(e, "hidden entries at the top are not workspaces")
	case e.kind == regular:
		w.dropEntry(e, "files at the top belong to no workspace")
	default:
		return false
	}
	return true
}

func (w *walker) listSorted(d directory) ([]entry, error) {
	list, err := d.entries(w.room)
	if errors.Is(err, errTooMany) {
		return nil, exceedsLimit("files, directories and other entries", int64(2*w.limits.Files))
	} else if err != nil {
		return nil, err
	}
	w.room -= len(list)
	slices.SortStableFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// visitAll visits the entries of a directory.
func (w *walker) visitAll(ctx context.Context, dir string, list []entry) error {
	for _, e := range w.reportCollisions(dir, list) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e.path = joinPath(dir, e.name)
		if err := w.visitEntry(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// joinPath does not clean the path, so that a name such as .. is preserved.
func joinPath(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// visitEntry visits a workspace, or an entry of one.
func (w *walker) visitEntry(ctx context.Context, e entry) error {
	if w.dropIgnored(e) || !w.acceptName(e) {
		return nil
	}
	switch e.kind {
	case folder:
		return w.visitFolder(ctx, e)
	case regular:
		return w.visitFile(e)
	case symlink:
		w.refuseEntry(e.path, ruleSymlink, "symbolic links do not ship")
	case hardLink:
		w.links = append(w.links, e)
	case submodule:
		w.submodules = append(w.submodules, e.path)
		w.refuseEntry(e.path, ruleSubmodule, "Git submodules do not ship")
	default:
		w.refuseEntry(e.path, ruleSpecialFile, "a %s cannot ship", e.kind)
	}
	return nil
}

// refuseLinks refuses hard links in the order of their paths, naming their other names.
func (w *walker) refuseLinks() {
	slices.SortFunc(w.links, compareLinks)
	type refusal struct{ path, other string }
	list := make([]refusal, len(w.links))
	for i, e := range w.links {
		list[i] = refusal{e.path, w.otherName(i)}
	}
	slices.SortFunc(list, func(a, b refusal) int { return strings.Compare(a.path, b.path) })
	for _, r := range list {
		w.refuseEntry(r.path, ruleHardLink, "the file has another name, by which somebody may write to it: %s", r.other)
	}
}

// otherName returns another name of the file of a link. The links of one file are neighbours.
func (w *walker) otherName(i int) string {
	same := func(a, b entry) bool { return a.link != nil && b.link != nil && a.link.isSameFile(*b.link) }
	for _, n := range []int{i - 1, i + 1} {
		if n >= 0 && n < len(w.links) && same(w.links[i], w.links[n]) {
			return printableName(w.links[n].path)
		}
	}
	return "outside of the source"
}

// compareLinks sorts the names of one file together.
func compareLinks(a, b entry) int {
	if a.link == nil || b.link == nil {
		return strings.Compare(a.path, b.path)
	}
	return cmp.Or(a.link.id.compare(b.link.id), strings.Compare(a.path, b.path))
}

func (w *walker) visitFolder(ctx context.Context, e entry) error {
	if w.dropInside(e) {
		return nil
	}
	var list []entry
	d, err := e.open()
	if err == nil {
		list, err = w.listSorted(d)
	}
	if err != nil && !w.tolerateError(e, err) {
		return fmt.Errorf("list directory %s: %w", e.path, err)
	}
	return w.visitAll(ctx, e.path, list)
}

func (w *walker) visitFile(e entry) error {
	switch {
	case w.dropInside(e):
		return nil
	case e.size > w.limits.FileSize:
		w.refuseEntry(e.path, ruleTooLarge, "the file has %d bytes, more than %d", e.size, w.limits.FileSize)
		return nil
	case len(w.files) == w.limits.Files:
		return exceedsLimit("files", int64(w.limits.Files))
	case e.size > w.limits.TotalSize-w.total:
		return exceedsLimit("bytes", w.limits.TotalSize)
	}
	w.files = append(w.files, e)
	w.total += e.size
	return nil
}

// dropIgnored drops what the user excludes.
func (w *walker) dropIgnored(e entry) bool {
	if !w.ignored.isIgnored(e) {
		return false
	}
	w.dropEntry(e, "it is excluded, by the release file or "+IgnoreFile)
	return true
}

// dropInside drops entries that no workspace needs.
func (w *walker) dropInside(e entry) bool {
	switch {
	case e.name == ".git":
		w.dropEntry(e, "Git's own data is not content")
	case e.name == "node_modules" && e.kind == folder:
		w.dropEntry(e, "packages are installed, not shipped")
	case e.name == IgnoreFile && e.kind == regular:
		w.dropEntry(e, "it says what does not ship")
	case e.name == TemporaryMetadata && e.kind == regular:
		w.dropEntry(e, "an unfinished write of builder fmt")
		w.unfinished = append(w.unfinished, printableName(e.path))
	case e.name == ".DS_Store" && e.kind == regular:
		w.dropEntry(e, "metadata of a file manager")
	default:
		return false
	}
	return true
}

// tolerateError turns an error about one entry into a diagnostic, so that a walk finds all of them.
func (w *walker) tolerateError(e entry, err error) bool {
	switch {
	case errors.Is(err, errChanged):
		w.refuseEntry(e.path, ruleChanged, "the %s has changed since the walk began", e.kind)
	case errors.Is(err, fs.ErrPermission):
		w.refuseEntry(e.path, ruleUnreadable, "the %s cannot be read: %v", e.kind, err)
	default:
		return false
	}
	return true
}

// countFile counts a shipped file.
func (w *walker) countFile(e entry, data []byte) {
	w.report.Files++
	w.report.Bytes += int64(len(data))
	switch gitfilter.Detect(e.path, data) {
	case gitfilter.LFS:
		w.refuseEntry(e.path, ruleLFS, "the file itself is in Git LFS, and this is a pointer to it")
	case gitfilter.Crypt:
		w.refuseEntry(e.path, ruleCrypt, "the file is encrypted by git-crypt")
	}
}

// finishWalk returns the report of a walk.
func (w *walker) finishWalk() (Report, error) {
	if w.report.Files == 0 && diagnostic.Count(w.report.Diagnostics, diagnostic.Error) == 0 {
		return Report{}, errNoWorkspaces
	}
	return w.report, nil
}

// acceptName reports whether an image, a manifest and other systems can represent a name.
func (w *walker) acceptName(e entry) bool {
	switch {
	case !utf8.ValidString(e.name):
		w.refuseEntry(e.path, ruleNotUTF8, "the name is not valid UTF-8")
	case strings.ContainsFunc(e.name, isUnprintable) || strings.Contains(e.name, `\`):
		w.refuseEntry(e.path, ruleNameInvalid, "the name has a control character or a backslash")
	case strings.HasPrefix(e.name, ".wh."):
		w.refuseEntry(e.path, ruleWhiteout, "in an image, a name that starts with .wh. deletes other files")
	case e.name == "" || e.name == "." || e.name == ".." || strings.Contains(e.name, "/"):
		w.refuseEntry(e.path, ruleNameInvalid, "the name leads out of its directory: remove the entry from the Git tree")
	case len(e.name) > maxName || len(e.path) > maxPath:
		w.refuseEntry(e.path, ruleNameTooLong, "a name has more than %d or a path more than %d bytes", maxName, maxPath)
	default:
		if i := strings.IndexFunc(e.name, isInvisible); i >= 0 {
			r, _ := utf8.DecodeRuneInString(e.name[i:])
			w.refuseEntry(e.path, ruleInvisible, "the name has a character that cannot be seen (U+%04X)", r)
		}
		return true
	}
	return false
}

// reportCollisions reports names that differ only in case or Unicode form. It takes a sorted list, and
// returns it without duplicates, which a Git tree may contain.
func (w *walker) reportCollisions(dir string, list []entry) []entry {
	fold := cases.Fold()
	first := make(map[string]string, len(list))
	var last *string // equal names are adjacent
	return slices.DeleteFunc(list, func(e entry) bool {
		if last != nil && *last == e.name {
			w.refuseEntry(joinPath(dir, e.name), ruleNameDuplicate, "the directory has the name more than once")
			return true
		}
		last = &e.name
		folded := norm.NFC.String(fold.String(norm.NFC.String(e.name)))
		other, taken := first[folded]
		switch {
		case !taken:
			first[folded] = e.name
		case norm.NFC.String(other) == norm.NFC.String(e.name):
			w.refuseEntry(joinPath(dir, e.name), ruleUnicode,
				"the name differs from %q by its Unicode form only", printableName(other))
		default:
			w.refuseEntry(joinPath(dir, e.name), ruleCollision, "the name differs from %q by case only", printableName(other))
		}
		return false
	})
}

func (w *walker) dropEntry(e entry, reason string) {
	w.report.Dropped = append(w.report.Dropped, Drop{Path: printableName(e.path), Reason: reason})
}

// refuseEntry reports an entry under a rule.
func (w *walker) refuseEntry(p, id, format string, args ...any) {
	w.report.Diagnostics = append(w.report.Diagnostics, ruleByID(id).Report(printableName(p), 0, 0, format, args...))
}

// printableName makes a name safe for terminals and JSON.
func printableName(name string) string {
	return strings.Map(func(r rune) rune {
		if isUnprintable(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(name, string(unicode.ReplacementChar)))
}

// isUnprintable reports whether a character controls a terminal or changes the direction of text.
func isUnprintable(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// isInvisible reports whether a character has no glyph. Such characters make different names look the
// same.
func isInvisible(r rune) bool {
	switch r {
	case 0x115f, 0x1160, 0x3164, 0xffa0, 0x2800, 0x034f:
		return true
	}
	return r >= utf8.RuneSelf && !unicode.IsPrint(r) && !isUnprintable(r)
}

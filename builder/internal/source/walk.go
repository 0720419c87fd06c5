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

	// link identifies the file of a hard link.
	link *identity

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
	links  []entry
	report Report
	// ignored is what the user leaves out.
	ignored ignored
	// aside are the directories at the top that were left out because they hold no workspace.
	aside []string
	// unfinished are the files that were left by a run of builder fmt that was killed.
	unfinished []string
}

func newWalker(limits Limits) *walker {
	return &walker{limits: limits, room: 2 * min(limits.Files, math.MaxInt/2)}
}

// list finds all files below root, in the byte order of their paths. Directories at
// the top are workspaces; nothing else at the top ships. Where some of them look like
// workspaces, those that do not are left out.
func (w *walker) list(ctx context.Context, root directory) error {
	top, err := w.sorted(root)
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

// dropTop drops what can be no workspace. A symbolic link could have been meant as one.
func (w *walker) dropTop(e entry) bool {
	e.path = e.name
	switch {
	case e.name == "." || e.name == "..":
		return false
	case e.kind == folder && e.name == "node_modules":
		w.drop(e, "packages are installed, not shipped")
	case w.dropIgnored(e):
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
		return nil, exceeds("files, directories and other entries", int64(2*w.limits.Files))
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
	if w.dropIgnored(e) || !w.acceptName(e) {
		return nil
	}
	switch e.kind {
	case folder:
		return w.visitFolder(ctx, e)
	case regular:
		return w.visitFile(e)
	case symlink:
		w.refuse(e.path, ruleSymlink, "symbolic links do not ship")
	case hardLink:
		w.links = append(w.links, e)
	case submodule:
		w.refuse(e.path, ruleSubmodule, "Git submodules do not ship")
	default:
		w.refuse(e.path, ruleSpecialFile, "a %s cannot ship", e.kind)
	}
	return nil
}

// refuseLinks refuses hard links, each with its other names.
func (w *walker) refuseLinks() {
	same := func(a, b entry) bool { return a.link != nil && b.link != nil && a.link.sameFile(*b.link) }
	slices.SortFunc(w.links, func(a, b entry) int { return compareLinks(a, b) })
	for start := 0; start < len(w.links); {
		end := start + 1
		for end < len(w.links) && same(w.links[start], w.links[end]) {
			end++
		}
		for _, e := range w.links[start:end] {
			other := "outside of the source"
			for _, o := range w.links[start:end] {
				if o.path != e.path {
					other = printable(o.path)
					break
				}
			}
			w.refuse(e.path, ruleHardLink, "the file has another name, by which somebody may write to it: %s", other)
		}
		start = end
	}
}

// compareLinks brings the names of one file together.
func compareLinks(a, b entry) int {
	if a.link == nil || b.link == nil {
		return strings.Compare(a.path, b.path)
	}
	return cmp.Or(cmp.Compare(a.link.device, b.link.device), cmp.Compare(a.link.inode, b.link.inode), strings.Compare(a.path, b.path))
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
		w.refuse(e.path, ruleTooLarge, "the file has %d bytes, more than %d", e.size, w.limits.FileSize)
		return nil
	case len(w.files) == w.limits.Files:
		return exceeds("files", int64(w.limits.Files))
	case e.size > w.limits.TotalSize-w.total:
		return exceeds("bytes", w.limits.TotalSize)
	}
	w.files = append(w.files, e)
	w.total += e.size
	return nil
}

// dropIgnored drops what the user leaves out.
func (w *walker) dropIgnored(e entry) bool {
	if !w.ignored.matches(e) {
		return false
	}
	w.drop(e, "it is excluded, by the release file or "+IgnoreFile)
	return true
}

// dropInside drops what no workspace needs.
func (w *walker) dropInside(e entry) bool {
	switch {
	case e.name == ".git":
		w.drop(e, "Git's own data is not content")
	case e.name == "node_modules" && e.kind == folder:
		w.drop(e, "packages are installed, not shipped")
	case e.name == IgnoreFile && e.kind == regular:
		w.drop(e, "it says what does not ship")
	case e.name == TemporaryMetadata && e.kind == regular:
		w.drop(e, "an unfinished write of builder fmt")
		w.unfinished = append(w.unfinished, printable(e.path))
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
		w.refuse(e.path, ruleChanged, "the %s has changed since the walk began", e.kind)
	case errors.Is(err, fs.ErrPermission):
		w.refuse(e.path, ruleUnreadable, "the %s cannot be read: %v", e.kind, err)
	default:
		return false
	}
	return true
}

// inspect counts a file that is handed out.
func (w *walker) inspect(e entry, data []byte) {
	w.report.Files++
	w.report.Bytes += int64(len(data))
	switch gitfilter.Detect(e.path, data) {
	case gitfilter.LFS:
		w.refuse(e.path, ruleLFS, "the file itself is in Git LFS, and this is a pointer to it")
	case gitfilter.Crypt:
		w.refuse(e.path, ruleCrypt, "the file is encrypted by git-crypt")
	}
}

// conclude ends a walk.
func (w *walker) conclude() (Report, error) {
	if w.report.Files == 0 && diagnostic.Count(w.report.Diagnostics, diagnostic.Error) == 0 {
		return Report{}, errNoWorkspaces
	}
	return w.report, nil
}

// acceptName refuses names that an image, a manifest or another system cannot hold.
func (w *walker) acceptName(e entry) bool {
	switch {
	case !utf8.ValidString(e.name):
		w.refuse(e.path, ruleNotUTF8, "the name is not valid UTF-8")
	case strings.ContainsFunc(e.name, unprintable) || strings.Contains(e.name, `\`):
		w.refuse(e.path, ruleNameInvalid, "the name has a control character or a backslash")
	case strings.HasPrefix(e.name, ".wh."):
		w.refuse(e.path, ruleWhiteout, "in an image, a name that starts with .wh. deletes other files")
	case e.name == "" || e.name == "." || e.name == ".." || strings.Contains(e.name, "/"):
		w.refuse(e.path, ruleNameInvalid, "the name leads out of its directory: remove the entry from the Git tree")
	case len(e.name) > maxName || len(e.path) > maxPath:
		w.refuse(e.path, ruleNameTooLong, "a name has more than %d or a path more than %d bytes", maxName, maxPath)
	default:
		if i := strings.IndexFunc(e.name, invisible); i >= 0 {
			r, _ := utf8.DecodeRuneInString(e.name[i:])
			w.refuse(e.path, ruleInvisible, "the name has a character that cannot be seen (U+%04X)", r)
		}
		return true
	}
	return false
}

// collisions reports names that are the same where case or the Unicode form do not
// count. It takes a sorted list, and returns it without names that are there twice, as
// in a Git tree they may be.
func (w *walker) collisions(dir string, list []entry) []entry {
	fold := cases.Fold()
	first := make(map[string]string, len(list))
	var last *string // equal names are neighbours
	return slices.DeleteFunc(list, func(e entry) bool {
		if last != nil && *last == e.name {
			w.refuse(join(dir, e.name), ruleNameDuplicate, "the directory has the name more than once")
			return true
		}
		last = &e.name
		folded := norm.NFC.String(fold.String(norm.NFC.String(e.name)))
		other, taken := first[folded]
		switch {
		case !taken:
			first[folded] = e.name
		case norm.NFC.String(other) == norm.NFC.String(e.name):
			w.refuse(join(dir, e.name), ruleUnicode, "the name differs from %q by its Unicode form only", printable(other))
		default:
			w.refuse(join(dir, e.name), ruleCollision, "the name differs from %q by case only", printable(other))
		}
		return false
	})
}

func (w *walker) drop(e entry, reason string) {
	w.report.Dropped = append(w.report.Dropped, Drop{Path: printable(e.path), Reason: reason})
}

// refuse reports an entry by the rule with an id.
func (w *walker) refuse(p, id, format string, args ...any) {
	w.report.Diagnostics = append(w.report.Diagnostics, rule(id).Report(printable(p), 0, 0, format, args...))
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

// invisible are characters without a glyph, by which two names look the same.
func invisible(r rune) bool {
	switch r {
	case 0x115f, 0x1160, 0x3164, 0xffa0, 0x2800, 0x034f:
		return true
	}
	return r >= utf8.RuneSelf && !unicode.IsPrint(r) && !unprintable(r)
}

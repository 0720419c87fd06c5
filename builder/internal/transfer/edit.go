// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

const (
	indexFile  = "index.yml"
	importFile = ".import.yml"
)

var (
	// topSlug matches the slug of index.yml.
	topSlug = lazyregexp.New(`(?m)^slug:.*$`)
	// appLabel matches the list item that makes the platform publish the workspace as an app.
	appLabel = lazyregexp.New(`(?m)^[ \t]*-[ \t]*['"]?production:app['"]?[ \t]*\r?\n`)
)

// editArchive rewrites the archive for another slug, or without the excluded parts.
func (b *batch) editArchive(p *packed) error {
	data, err := os.ReadFile(p.path) // written by this process, within the source limits
	if err != nil {
		return err
	}
	from, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	e := editor{from: p.slug, to: p.slug, exclude: b.job.Exclude}
	if b.job.As != "" {
		e.to = b.job.As
	}
	file, err := os.Create(p.path)
	if err != nil {
		return err
	}
	to := zip.NewWriter(file)
	for _, f := range from.File {
		if err = e.copyFile(from, to, f); err != nil {
			break
		}
	}
	p.slug = e.to
	p.notes = append(p.notes, e.collectNotes(p)...)
	return errors.Join(err, to.Close(), file.Close())
}

// editor copies the files of a workspace under another slug.
type editor struct {
	from, to string
	exclude  []string
	dropped  []string // excluded files
	mention  []string // files that still contain the old slug
}

func (e *editor) copyFile(from *zip.Reader, to *zip.Writer, f *zip.File) error {
	name := strings.TrimPrefix(f.Name, e.from+"/")
	if e.isExcluded(name) || e.to != e.from && name == importFile {
		e.dropped = append(e.dropped, name)
		return nil
	}
	text, err := fs.ReadFile(from, f.Name)
	if err != nil {
		return err
	}
	header := zip.FileHeader{Name: e.to + "/" + name, Method: zip.Deflate, Modified: f.Modified}
	w, err := to.CreateHeader(&header)
	if err != nil {
		return err
	}
	if e.to != e.from {
		text = e.rewriteSlug(name, text)
	}
	_, err = w.Write(text)
	return err
}

// isExcluded matches parts as pull.exclude of a platform repository does: index, security,
// pages/custom, automations/v1/status.
func (e *editor) isExcluded(name string) bool {
	return slices.Contains(e.exclude, strings.TrimSuffix(name, path.Ext(name)))
}

// rewriteSlug replaces the slug, and references to the workspace by slug.
func (e *editor) rewriteSlug(name string, text []byte) []byte {
	if name == indexFile {
		text = e.rewriteIndex(text)
	}
	if ext := path.Ext(name); ext != ".yml" && ext != ".yaml" && ext != ".json" {
		return text
	}
	old := regexp.QuoteMeta(e.from)
	// slug:shop in paths of the API, https://shop.pages…, and workspaceSlug: shop
	reference := regexp.MustCompile(`(\bslug:|//|\bworkspaceSlug['"]?:[ \t]*['"]?)` + old +
		`(\.|/|\?|['"]|[ \t]*\r?$|[ \t]*\r?\n)`)
	text = reference.ReplaceAll(text, []byte("${1}"+e.to+"${2}"))
	if regexp.MustCompile(`(^|[^a-zA-Z0-9_-])` + old + `($|[^a-zA-Z0-9_-])`).Match(text) {
		e.mention = append(e.mention, name)
	}
	return text
}

func (e *editor) rewriteIndex(text []byte) []byte {
	text = appLabel.Get().ReplaceAll(text, nil)
	if topSlug.Match(text) {
		return topSlug.Get().ReplaceAll(text, []byte("slug: "+e.to))
	}
	return append(bytes.TrimRight(text, "\n"), "\nslug: "+e.to+"\n"...)
}

func (e *editor) collectNotes(p *packed) (notes []outcome.Problem) {
	if app := p.reading.Repository.Workspaces[0].App.Value; app != "" && e.to != e.from {
		notes = append(notes, outcome.Problem{
			Code:    "app-not-published",
			Message: fmt.Sprintf("%s does not publish the app %s, which belongs to %s", e.to, app, e.from),
			Help:    "publish it under another slug on the platform, if the copy should be an app",
		})
	}
	if len(e.mention) > 0 {
		notes = append(notes, outcome.Problem{
			Code:    "mentions-slug",
			Message: fmt.Sprintf("%s is still in %s", e.from, strings.Join(e.mention[:min(5, len(e.mention))], ", ")),
			Help: "check whether these places refer to the workspace; references in URLs of the API and of pages, " +
				"and workspaceSlug, were replaced",
		})
	}
	for _, part := range e.exclude {
		isPart := func(name string) bool { return strings.TrimSuffix(name, path.Ext(name)) == part }
		if !slices.ContainsFunc(e.dropped, isPart) {
			notes = append(notes, outcome.Problem{
				Code:    "nothing-excluded",
				Message: fmt.Sprintf("--exclude %s leaves nothing out", part),
				Help:    "name a part without its extension, such as index, security or pages/home",
			})
		}
	}
	return notes
}

// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	codeBlock    = regexp.MustCompile("(?s)```.*?```")
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading      = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInAnchor  = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// Every relative link in the documentation leads to a file, and to a heading of it.
func TestLinksOfTheDocumentationLeadSomewhere(t *testing.T) {
	pages := markdownPages(t)
	if len(pages) < 40 {
		t.Fatalf("%d pages are found", len(pages))
	}
	for name, text := range pages {
		for _, match := range markdownLink.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			link := match[1]
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(link, "#")
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: the link %s leads to no file", name, link)
			} else if anchor != "" && strings.HasSuffix(target, ".md") && !hasAnchor(pages[target], anchor) {
				t.Errorf("%s: the link %s leads to no heading", name, link)
			}
		}
	}
}

// markdownPages returns the text of each page by its path below the root.
func markdownPages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", ".tools", "bin", "node_modules", "testdata"}, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".md":
			return nil
		}
		data, err := os.ReadFile(filepath.Join(root, name))
		pages[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// hasAnchor reports whether a page has a heading with the anchor that forges give it, or an
// anchor of its own.
func hasAnchor(page, anchor string) bool {
	if strings.Contains(page, `id="`+anchor+`"`) || strings.Contains(page, `name="`+anchor+`"`) {
		return true
	}
	for _, match := range heading.FindAllStringSubmatch(page, -1) {
		slug := notInAnchor.ReplaceAllString(strings.ToLower(match[1]), "")
		if strings.ReplaceAll(strings.TrimSpace(slug), " ", "-") == anchor {
			return true
		}
	}
	return false
}

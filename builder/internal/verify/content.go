// SPDX-License-Identifier: AGPL-3.0-or-later

package verify

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/spdx"
)

// content collects the content of the layers with workspaces.
type content struct {
	*verifier
	prefix, opaque string
	// seen contains the names of the files and directories in all layers.
	seen      map[string]bool
	collector *workspace.Collector
	inventory attest.Inventory
	current   currentLayer
}

// currentLayer is the state of the layer being read.
type currentLayer struct {
	// number is 1 for the lowest layer.
	number int
	hidden bool
	// above contains the directory of the workspaces and its parents, as far as they were read.
	// Every layer has entries for them.
	above map[string]bool
	// workspaces are the slugs that the manifest lists for this layer. misplaced are those that it
	// lists for another layer, although this layer has files of them.
	workspaces, misplaced map[string]bool
}

// checkContent reads the layers with the workspaces and compares them with the manifest.
func (v *verifier) checkContent(ctx context.Context) error {
	v.beginChecks(Layer, Whiteout, Files, Workspaces, Order, Scan)
	directory := v.manifest.Repository.Directory
	c := &content{
		verifier: v, prefix: strings.TrimPrefix(directory, "/") + "/", opaque: layer.OpaqueWhiteout(directory),
		seen: map[string]bool{}, collector: workspace.NewCollector(v.groupOptions()),
	}
	left := v.opts.MaxLayer
	for i, described := range v.manifest.ContentLayers() {
		c.enterLayer(i+1, described)
		read, ok, err := v.walkLayer(ctx, v.countOwnLayers()-1-i, left, c.checkEntry)
		if err != nil {
			return err
		}
		if !ok {
			for _, check := range []Check{Layer, Whiteout, Files, Workspaces, Order, Scan, Attestations} {
				v.skipCheck(check, "a layer with workspaces cannot be read")
			}
			return nil
		}
		left -= read.Unpacked
		c.checkLayer(read, described)
	}
	c.compareManifest()
	files := c.inventory.Files()
	slices.SortFunc(files, func(a, b spdx.File) int { return strings.Compare(a.Path, b.Path) })
	v.checkAttestations(files)
	return nil
}

// enterLayer starts the next layer.
func (c *content) enterLayer(number int, described release.ContentLayer) {
	c.current = currentLayer{
		number:     number,
		above:      map[string]bool{},
		workspaces: map[string]bool{},
		misplaced:  map[string]bool{},
	}
	for _, slug := range described.Workspaces {
		c.current.workspaces[slug] = true
	}
}

// checkLayer compares a layer with its description in the manifest.
func (c *content) checkLayer(read layer.Layer, described release.ContentLayer) {
	want := described.Layer
	if got := (release.Layer{Digest: read.Digest, DiffID: read.DiffID, Size: read.Size}); got != want {
		c.addProblem(Layer, "layer %d is %s (unpacked %s, %d bytes), and the manifest says %s (unpacked %s, %d bytes)",
			c.current.number, got.Digest, got.DiffID, got.Size, want.Digest, want.DiffID, want.Size)
	}
	for _, slug := range slices.Sorted(maps.Keys(c.current.misplaced)) {
		c.addProblem(Layer, "layer %d has files of workspace %q, which the manifest lists for another layer",
			c.current.number, slug)
	}
	directory := c.manifest.Repository.Directory
	switch first := c.current.number == 1; {
	case first && !c.current.hidden && !c.keepsBase():
		c.addProblem(Whiteout, "the layer has no opaque whiteout of %s", directory)
	case first && c.current.hidden && c.keepsBase():
		c.addProblem(Whiteout, "the layer hides the workspaces of the base, which the manifest lists")
	case !first && c.current.hidden:
		c.addProblem(Whiteout, "layer %d hides the workspaces in the layers below it, which the manifest lists",
			c.current.number)
	}
}

// groupOptions returns the groups of the manifest, in order.
func (v *verifier) groupOptions() workspace.Options {
	var options workspace.Options
	for _, g := range v.manifest.Groups {
		options.Groups = append(options.Groups, workspace.Group{Name: g.Name, Labels: g.Labels})
	}
	return options
}

// checkEntry checks a tar entry against the rules of package layer, and reads it.
func (c *content) checkEntry(h *tar.Header, r io.Reader) error {
	seen := c.seen
	if h.Name == c.opaque || isParent(h.Name, c.prefix) {
		seen = c.current.above
	}
	if seen[h.Name] {
		c.addProblem(Files, "%q is in the layers twice", h.Name)
	}
	seen[h.Name] = true
	if problem := c.describeForm(h); problem != "" {
		c.addProblem(Files, "%q %s", h.Name, problem)
	}
	rel, below := strings.CutPrefix(h.Name, c.prefix)
	switch {
	case h.Name == c.opaque:
		c.current.hidden = true
		return nil
	case h.Typeflag == tar.TypeDir && (h.Name == c.prefix || isParent(h.Name, c.prefix) && c.manifest.Base == nil):
		return nil
	case !below:
		c.addProblem(Files, "%q is not below %s", h.Name, c.manifest.Repository.Directory)
		return nil
	case layer.IsWhiteout(h.Name):
		c.addProblem(Files, "%q deletes a file of the base", h.Name)
		return nil
	case h.Typeflag == tar.TypeDir:
		return nil
	case !fs.ValidPath(rel) || !strings.Contains(rel, "/"):
		c.addProblem(Files, "%q is in no workspace", h.Name)
		return nil
	}
	c.recordMisplaced(rel)
	if h.Size > c.opts.MaxFile {
		c.addProblem(Files, "%q has %d bytes, more than --max-file-size, and was not read", h.Name, h.Size)
		return nil
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read %s: %w", h.Name, err)
	}
	c.files++
	c.bytes += int64(len(data))
	file := source.NewFile(rel, data)
	c.collector.Add(file)
	c.inventory.Add(file)
	return nil
}

// recordMisplaced records a file of a workspace that the manifest lists for another layer.
func (c *content) recordMisplaced(rel string) {
	slug, _, _ := strings.Cut(rel, "/")
	if c.current.workspaces[slug] {
		return
	}
	if w, known := c.manifest.Workspace(slug); known && !w.FromBase {
		c.current.misplaced[slug] = true
	}
}

// isParent reports whether name is a parent directory of prefix.
func isParent(name, prefix string) bool { return strings.HasPrefix(prefix, name) }

// describeForm describes how an entry differs from the entries of the builder, or returns "".
func (c *content) describeForm(h *tar.Header) string {
	mode := int64(0o644)
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir:
		mode = 0o755
	default:
		return fmt.Sprintf("is of type %q, and neither a file nor a directory", h.Typeflag)
	}
	switch {
	case h.Mode != mode:
		return fmt.Sprintf("has mode %#o instead of %#o", h.Mode, mode)
	case h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "":
		return fmt.Sprintf("has the owner %d:%d (%q:%q) instead of 0:0 without names", h.Uid, h.Gid, h.Uname, h.Gname)
	case h.ModTime.Unix() != layer.ModTime:
		return fmt.Sprintf("has the time %s instead of 1970-01-01T00:00:00Z", h.ModTime.UTC().Format(time.RFC3339))
	}
	for key := range h.PAXRecords {
		if key != "path" {
			return fmt.Sprintf("has the attribute %q", key)
		}
	}
	return ""
}

// compareManifest derives the manifest from the files and compares it with the manifest in the image.
func (c *content) compareManifest() {
	repository, _ := c.collector.Finish()
	plan, _ := repository.Plan()
	c.compareWorkspaces(repository.Manifest())
	c.compareGroups(plan.Manifest())
	scanned := c.manifest.Scan
	if scanned.Files != c.files || scanned.Bytes != c.bytes {
		c.addProblem(Scan, "it covered %d files and %d bytes, and %d files and %d bytes ship", scanned.Files, scanned.Bytes,
			c.files, c.bytes)
	}
	if len(scanned.Scanners) == 0 || scanned.Policy == "" {
		c.addProblem(Scan, "the manifest does not say who scanned, and by which policy")
	}
}

func (c *content) compareWorkspaces(shipped []release.Workspace) {
	for _, w := range shipped {
		said, ok := c.manifest.Workspace(w.Slug)
		switch {
		case !ok:
			c.addProblem(Workspaces, "workspace %q is in a layer, and not in the manifest", w.Slug)
		case said.FromBase:
			c.addProblem(Workspaces, "workspace %q is in a layer, and the manifest says that it is in the base", w.Slug)
		case said.SourceVersion != "" && !strings.HasPrefix(w.Version, said.SourceVersion+"-"):
			c.addProblem(Workspaces, "workspace %q has version name %q, which is not %q with a stamp",
				w.Slug, w.Version, said.SourceVersion)
		case w.Digest != said.Digest:
			c.addProblem(
				Workspaces,
				"the files of workspace %q have digest %s, and the manifest says %s (files: %d instead of %d)",
				w.Slug,
				w.Digest,
				said.Digest,
				w.Files,
				said.Files,
			)
		case !reflect.DeepEqual(normalizeWorkspace(w), normalizeWorkspace(said)):
			c.addProblem(Workspaces, "the manifest describes workspace %q as %+v, and its files as %+v", w.Slug, said, w)
		}
	}
	for _, w := range c.manifest.Workspaces {
		if !w.FromBase && !slices.ContainsFunc(shipped, func(s release.Workspace) bool { return s.Slug == w.Slug }) {
			c.addProblem(Workspaces, "workspace %q is in the manifest, and not in a layer", w.Slug)
		}
	}
}

// normalizeWorkspace clears empty lists, which are equivalent to nil, and the version name in the source, which
// does not ship.
func normalizeWorkspace(w release.Workspace) release.Workspace {
	w.SourceVersion = ""
	for _, list := range []*[]string{&w.DependsOn, &w.Requires.Secrets, &w.Requires.Config} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	return w
}

func (c *content) compareGroups(planned []release.Group) {
	if c.keepsBase() {
		c.skipCheck(Workspaces, "%d workspaces are in the base, which is not read", c.manifest.FromBase())
		c.skipCheck(Order, "it depends on workspaces of the base, which are not read")
		return
	}
	for i, g := range c.manifest.Groups {
		if i >= len(planned) || !slices.Equal(planned[i].Workspaces, g.Workspaces) {
			var want []string
			if i < len(planned) {
				want = planned[i].Workspaces
			}
			c.addProblem(Order, "group %q has %q in the manifest, but %q according to the workspaces",
				g.Name, g.Workspaces, want)
		}
	}
}

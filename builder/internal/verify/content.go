// SPDX-License-Identifier: AGPL-3.0-or-later

package verify

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
)

// content is what is read of the layer with the workspaces.
type content struct {
	*verifier
	prefix, opaque string
	hidden         bool
	seen           map[string]bool
	collector      *workspace.Collector
	inventory      attest.Inventory
}

// checkContent reads the layer with the workspaces and compares it with the manifest.
func (v *verifier) checkContent() error {
	v.begin(Layer, Whiteout, Files, Workspaces, Order, Scan)
	directory := v.manifest.Repository.Directory
	c := &content{
		verifier: v, prefix: strings.TrimPrefix(directory, "/") + "/", opaque: layer.OpaqueWhiteout(directory),
		seen: map[string]bool{}, collector: workspace.NewCollector(v.groups()),
	}
	read, ok, err := v.walk(0, v.opts.MaxLayer, c.entry)
	if err != nil {
		return err
	}
	if !ok {
		for _, check := range []Check{Layer, Whiteout, Files, Workspaces, Order, Scan, Attestations} {
			v.skip(check, "the layer with the workspaces cannot be read")
		}
		return nil
	}
	want := v.manifest.Layer
	if got := (release.Layer{Digest: read.Digest, DiffID: read.DiffID, Size: read.Size}); got != want {
		v.add(Layer, "it is %s (unpacked %s, %d bytes), and the manifest says %s (unpacked %s, %d bytes)", got.Digest, got.DiffID, got.Size, want.Digest, want.DiffID, want.Size)
	}
	switch {
	case !c.hidden && !v.keeps():
		v.add(Whiteout, "the layer has no opaque whiteout of %s", directory)
	case c.hidden && v.keeps():
		v.add(Whiteout, "the layer hides the workspaces of the base, which the manifest lists")
	}
	c.compare()
	v.checkAttestations(c.inventory.Files())
	return nil
}

// groups are those of the manifest, in their order.
func (v *verifier) groups() workspace.Options {
	var options workspace.Options
	for _, g := range v.manifest.Groups {
		options.Groups = append(options.Groups, workspace.Group{Name: g.Name, Labels: g.Labels})
	}
	return options
}

// entry checks an entry by the rules of package layer, and reads it.
func (c *content) entry(h *tar.Header, r io.Reader) error {
	if c.seen[h.Name] {
		c.add(Files, "%q is in the layer twice", h.Name)
	}
	c.seen[h.Name] = true
	if problem := c.form(h); problem != "" {
		c.add(Files, "%q %s", h.Name, problem)
	}
	rel, below := strings.CutPrefix(h.Name, c.prefix)
	switch {
	case h.Name == c.opaque:
		c.hidden = true
		return nil
	case h.Typeflag == tar.TypeDir && (h.Name == c.prefix || above(h.Name, c.prefix) && c.manifest.Base == nil):
		return nil
	case !below:
		c.add(Files, "%q is not below %s", h.Name, c.manifest.Repository.Directory)
		return nil
	case layer.IsWhiteout(h.Name):
		c.add(Files, "%q deletes a file of the base", h.Name)
		return nil
	case h.Typeflag == tar.TypeDir:
		return nil
	case !fs.ValidPath(rel) || !strings.Contains(rel, "/"):
		c.add(Files, "%q is in no workspace", h.Name)
		return nil
	}
	if h.Size > c.opts.MaxFile {
		c.add(Files, "%q has %d bytes, and is not read: more than --max-file-size", h.Name, h.Size)
		return nil
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read %s: %w", h.Name, err)
	}
	c.files++
	c.bytes += int64(len(data))
	c.collector.Add(rel, data)
	c.inventory.Add(rel, data)
	return nil
}

// above reports whether a directory is one above ours.
func above(name, prefix string) bool { return strings.HasPrefix(prefix, name) }

// form says what the builder would have written otherwise.
func (c *content) form(h *tar.Header) string {
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
		return fmt.Sprintf("belongs to %d:%d (%q:%q), and not to root by number", h.Uid, h.Gid, h.Uname, h.Gname)
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

// compare derives the manifest anew from the files.
func (c *content) compare() {
	repository, _ := c.collector.Finish()
	plan, _ := repository.Plan()
	c.compareWorkspaces(repository.Manifest())
	c.compareGroups(plan.Manifest())
	scanned := c.manifest.Scan
	if scanned.Files != c.files || scanned.Bytes != c.bytes {
		c.add(Scan, "it covered %d files and %d bytes, and %d files and %d bytes ship", scanned.Files, scanned.Bytes, c.files, c.bytes)
	}
	if len(scanned.Scanners) == 0 || scanned.Policy == "" {
		c.add(Scan, "the manifest does not say who scanned, and by which policy")
	}
}

func (c *content) compareWorkspaces(shipped []release.Workspace) {
	for _, w := range shipped {
		said, ok := c.manifest.Workspace(w.Slug)
		switch {
		case !ok:
			c.add(Workspaces, "workspace %q is in the layer, and not in the manifest", w.Slug)
		case said.FromBase:
			c.add(Workspaces, "workspace %q is in the layer, and the manifest says that it is in the base", w.Slug)
		case said.SourceVersion != "" && !strings.HasPrefix(w.Version, said.SourceVersion+"-"):
			c.add(Workspaces, "workspace %q has version name %q, which is no stamped %q", w.Slug, w.Version, said.SourceVersion)
		case w.Digest != said.Digest:
			c.add(Workspaces, "the files of workspace %q have digest %s, and the manifest says %s (files: %d instead of %d)", w.Slug, w.Digest, said.Digest, w.Files, said.Files)
		case !reflect.DeepEqual(normal(w), normal(said)):
			c.add(Workspaces, "the manifest describes workspace %q as %+v, and its files as %+v", w.Slug, said, w)
		}
	}
	for _, w := range c.manifest.Workspaces {
		if !w.FromBase && !slices.ContainsFunc(shipped, func(s release.Workspace) bool { return s.Slug == w.Slug }) {
			c.add(Workspaces, "workspace %q is in the manifest, and not in the layer", w.Slug)
		}
	}
}

// normal has no empty lists, which mean the same as none, and not the version name in
// the source, which does not ship.
func normal(w release.Workspace) release.Workspace {
	w.SourceVersion = ""
	for _, list := range []*[]string{&w.DependsOn, &w.Requires.Secrets, &w.Requires.Config} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	return w
}

func (c *content) compareGroups(planned []release.Group) {
	if c.keeps() {
		c.skip(Workspaces, "%d workspaces are in the base: that is not read for them", c.manifest.FromBase())
		c.skip(Order, "it depends on workspaces of the base, which are not read")
		return
	}
	for i, g := range c.manifest.Groups {
		if i >= len(planned) || !slices.Equal(planned[i].Workspaces, g.Workspaces) {
			var want []string
			if i < len(planned) {
				want = planned[i].Workspaces
			}
			c.add(Order, "group %q holds %q in the manifest, and %q by the workspaces", g.Name, g.Workspaces, want)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package platformtest_test

import (
	"archive/zip"
	"bytes"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

func zipOf(t *testing.T, files map[string]string) *bytes.Reader {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, data := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(out.Bytes())
}

func importArchive(t *testing.T, c *platform.Client, workspace string, prune bool,
	archive *bytes.Reader) (platform.ArchiveResult, error) {
	t.Helper()
	return c.ImportArchive(t.Context(), platform.ArchiveRequest{Workspace: workspace, Prune: prune, Archive: archive,
		Size: archive.Size()})
}

func install(t *testing.T, c *cluster) {
	t.Helper()
	err := c.Install(platformtest.Installed{ID: "ids", Slug: "shop", Name: "Shop"}, fstest.MapFS{
		"index.yml": {Data: []byte("slug: shop\n")}, "automations/old.yml": {Data: []byte("x: 1\n")}})
	if err != nil {
		t.Fatal(err)
	}
}

// An export can be imported. Files that it lacks are kept unless pruned. The recorded service does
// not support ?prune, and does not report deleted files.
func TestArchives(t *testing.T) {
	for _, refused := range []int{0, 404, 405} {
		inBubble(t, platformtest.Options{ExportByGet: refused, V27: refused != 404}, func(t *testing.T, c *cluster) {
			install(t, c)
			var out bytes.Buffer
			if _, err := c.local.ExportArchive(t.Context(), platform.ExportRequest{Workspace: "ids", Limit: 1 << 20},
				&out); err != nil {
				t.Fatal(err)
			}
			got, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
			if err != nil || len(got.File) != 3 || got.File[0].Name != "current/.import.yml" ||
				got.File[2].Name != "current/index.yml" {
				t.Fatalf("%v, %v", got, err)
			}
			next := map[string]string{"shop/index.yml": "slug: other\nname: Shop\n", "shop/automations/new.yml": "x: 2\n"}
			r, err := importArchive(t, c.local, "ids", false, zipOf(t, next))
			if err != nil || r.Report.ID != "ids" || r.Report.Slug != "shop" || len(r.Report.Deleted) != 0 {
				t.Fatalf("%+v, %v", r.Report, err)
			}
			want := map[string]string{"automations/old.yml": "x: 1\n", "automations/new.yml": "x: 2\nslug: new\n",
				"index.yml": "slug: shop\nname: Shop\ndescription: ' (IMPORT)'\nlabels: []\nid: ids\ncustomDomains: []\n"}
			if diff := cmp.Diff(want, c.Content("shop")); diff != "" {
				t.Error(diff)
			}
			var deleted []string
			if refused != 404 {
				deleted = []string{"automations/old.yml"}
			}
			if r, err = importArchive(t, c.local, "ids", true, zipOf(t, next)); err != nil ||
				!cmp.Equal(r.Report.Deleted, deleted) {
				t.Errorf("%+v, %v", r.Report, err)
			}
		})
	}
}

// An import without a target creates a workspace with a new slug.
func TestArchiveOfANewWorkspace(t *testing.T) {
	inBubble(t, platformtest.Options{V27: true}, func(t *testing.T, c *cluster) {
		r, err := importArchive(t, c.local, "", false, zipOf(t, map[string]string{"x/index.yml": "slug: shop\nname: Shop\n"}))
		if err != nil || len(r.Report.Created) != 1 || r.Report.Slug == "shop" ||
			c.Content(r.Report.Slug)["index.yml"] == "" {
			t.Errorf("%+v, %v", r.Report, err)
		}
		_, err = importArchive(t, c.local, "", false, zipOf(t, map[string]string{"index.yml": "slug: shop\n"}))
		wantClass(t, err, platform.ClassRejected)
		_, err = importArchive(t, c.local, "gone", false, zipOf(t, map[string]string{"x/index.yml": ""}))
		wantClass(t, err, platform.ClassNotFound)
	})
}

// An import that fails at index.yml imports nothing and emits no event.
func TestArchiveWithABrokenIndex(t *testing.T) {
	inBubble(t, platformtest.Options{PodEvents: true}, func(t *testing.T, c *cluster) {
		install(t, c)
		files := map[string]string{"x/index.yml": "name: [", "x/automations/a.yml": "do: []\n"}
		r, err := importArchive(t, c.local, "ids", false, zipOf(t, files))
		if err != nil || len(r.Report.Imported) != 0 || len(r.Report.Errors) != 1 || r.Report.Errors[0].File != "index" {
			t.Errorf("%+v, %v", r.Report, err)
		}
		page, err := c.local.Events(t.Context(), platform.EventQuery{Workspace: "ids",
			Types: []string{platform.EventArchiveImported}})
		if err != nil || len(page.Events) != 0 {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

// The end of a continuing import is reported by an event of the workspace and by its status.
func TestArchiveThatGoesOn(t *testing.T) {
	inBubble(t, platformtest.Options{ArchiveProcessing: true, PodEvents: true,
		ImportTime: each(time.Minute)}, func(t *testing.T, c *cluster) {
		install(t, c)
		c.Fail("shop", "no good")
		began := time.Now()
		files := map[string]string{"x/index.yml": "name: Shop\n", "x/automations/a.yml": "do: []\n"}
		r, err := importArchive(t, c.local, "ids", false, zipOf(t, files))
		if err != nil || r.Report != nil || r.Message == "" {
			t.Fatalf("%+v, %v", r, err)
		}
		time.Sleep(2 * time.Minute)
		imported := platform.EventQuery{Workspace: "ids", Types: []string{platform.EventArchiveImported}}
		page, err := c.local.Events(t.Context(), imported)
		if err != nil || len(page.Events) != 1 || page.Events[0].CorrelationID != r.CorrelationID ||
			page.Events[0].Archive.Errors[0].File != "x/automations/a.yml" {
			t.Errorf("%+v, %v", page, err)
		}
		s, err := c.local.WorkspaceStatus(t.Context(), "ids")
		if err != nil || s.ImportedAt.Sub(began) != time.Minute {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/transfer"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// setArchive replaces the archive to import.
func (w *world) setArchive(t *testing.T, files map[string]string) {
	t.Helper()
	archive := archiveOf(t, files)
	w.options.Archive = archive
	w.options.Size = archive.Size()
}

// installWorkspace replaces the workspace on the target.
func (w *world) installWorkspace(t *testing.T, index string) {
	t.Helper()
	err := w.Install(platformtest.Installed{ID: "ids", Slug: "shop", Name: "Shop"}, fstest.MapFS{
		"index.yml": {Data: []byte(index)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func problemCodes(problems []outcome.Problem) (list []string) {
	for _, p := range problems {
		list = append(list, p.Code)
	}
	return list
}

// A new workspace is created with its slug and then imported into by ID: an import alone would
// generate the slug.
func TestCreateKeepsTheSlug(t *testing.T) {
	for _, o := range []platformtest.Options{{}, {V27: true}, {ArchiveProcessing: true, ImportTime: slow}} {
		withWorld(t, o, func(t *testing.T, w *world) {
			w.Remove("shop")
			w.options.Create = true
			r := w.runTransfer(t, outcome.Done, "")
			installed := w.Installed()
			if !r.Created || len(installed) != 1 || installed[0].Slug != "shop" || installed[0].ID != r.Workspace.ID ||
				installed[0].Name != "Shop" {
				t.Errorf("%+v, %+v", r, installed)
			}
			for _, request := range w.Ledger().Requests[2:] {
				if request.Op == "workspaces" {
					t.Error("the workspace was searched for after it was made")
				}
			}
		})
	}
}

func TestCreateWithAnotherSlugImportsNothing(t *testing.T) {
	withWorld(t, platformtest.Options{LoseSlugs: true}, func(t *testing.T, w *world) {
		w.Remove("shop")
		w.options.Create = true
		r := w.runTransfer(t, outcome.Failed, "other-slug")
		if w.countImports() != 0 || !strings.Contains(r.Problems[0].Message, w.Installed()[0].Slug) {
			t.Errorf("%d imports, %+v", w.countImports(), r.Problems)
		}
	})
}

// A failed import leaves an empty workspace. It is reported, and found by the next run.
func TestCreateFindsEmptyWorkspace(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.Remove("shop")
		w.options.Create = true
		good, size := w.options.Archive, w.options.Size
		w.setArchive(t, map[string]string{"shop/index.yml": "name: [\n"})
		r := w.runTransfer(t, outcome.Failed, "YAMLException")
		if diff := cmp.Diff([]string{"empty-workspace"}, problemCodes(r.Warnings)); diff != "" ||
			!strings.Contains(r.Warnings[0].Message, r.Workspace.ID) {
			t.Errorf("%+v", r.Warnings)
		}
		w.options.Archive = good
		w.options.Size = size
		if again := w.runTransfer(t, outcome.Done, ""); again.Created || again.Workspace.ID != r.Workspace.ID ||
			len(w.Installed()) != 1 {
			t.Errorf("%+v, %+v", again, w.Installed())
		}
	})
}

// The platform allows three new workspaces per minute. The display shows the remaining wait.
func TestCreateWaitsForTheNextMinute(t *testing.T) {
	withWorld(t, platformtest.Options{PullsPerMinute: -1}, func(t *testing.T, w *world) {
		for _, slug := range []string{"a", "b", "c"} {
			if _, err := w.client.CreateWorkspace(t.Context(), "N", slug); err != nil {
				t.Fatal(err)
			}
		}
		w.Remove("shop")
		w.options.Create = true
		began := time.Now()
		w.runTransfer(t, outcome.Done, "")
		if took := time.Since(began); took < 59*time.Second || took > 65*time.Second {
			t.Errorf("took %s", took)
		}
		for _, left := range []string{"trying again in 1m0s", "trying again in 45s", "trying again in 15s"} {
			if !strings.Contains(w.display.String(), left) {
				t.Errorf("no %q in %s", left, w.display.String())
			}
		}
	})
}

// An import removes the custom domains. The transfer warns before, or restores them.
func TestCustomDomains(t *testing.T) {
	const index = "name: Shop\nslug: shop\ncustomDomains: [a.example.com, b.example.com]\n"
	for name, tt := range map[string]struct {
		keep     bool
		fault    platformtest.Fault
		outcome  outcome.Outcome
		code     string
		warnings []string
		kept     bool
	}{
		"warned":   {false, platformtest.Fault{}, outcome.Done, "", []string{"custom-domains"}, false},
		"put back": {true, platformtest.Fault{}, outcome.Done, "", nil, true},
		"refused": {true, platformtest.Fault{
			Op:     "patch",
			Kind:   platformtest.Answer,
			Status: 403,
			Body:   `{"error":"ForbiddenError"}`,
		}, outcome.Failed, "custom-domains", nil, false},
		"not known": {false, platformtest.Fault{
			Op:     "detail",
			Kind:   platformtest.Answer,
			Status: 403,
			Body:   `{"error":"ForbiddenError"}`,
		}, outcome.Done, "", []string{"unknown-domains"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
				w.installWorkspace(t, index)
				w.options.KeepDomains = tt.keep
				w.gateway.Faults.Add(tt.fault)
				r := w.runTransfer(t, tt.outcome, tt.code)
				if diff := cmp.Diff(tt.warnings, problemCodes(r.Warnings)); diff != "" {
					t.Error(diff)
				}
				if kept := strings.Contains(w.Content("shop")["index.yml"], "b.example.com"); kept != tt.kept {
					t.Errorf("kept: %v", kept)
				}
			})
		})
	}
}

// Older platforms ignore ?prune and do not report deleted files.
func TestPrune(t *testing.T) {
	for _, v27 := range []bool{false, true} {
		withWorld(t, platformtest.Options{V27: v27}, func(t *testing.T, w *world) {
			w.options.Prune = true
			if v27 {
				w.runTransfer(t, outcome.Done, "")
				return
			}
			if r := w.runTransfer(t, outcome.Failed, "not-pruned"); len(r.Imported) != 2 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestWarnsOfOneProduct(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.installWorkspace(t, "name: Shop\nslug: shop\nlabels: [one-product]\n")
		w.options.Labels = []string{"base1"}
		if r := w.runTransfer(t, outcome.Done, ""); !slices.Equal(problemCodes(r.Warnings), []string{"one-product"}) {
			t.Errorf("%+v", r.Warnings)
		}
		w.options.Labels = []string{"one-product"}
		if r := w.runTransfer(t, outcome.Done, ""); len(r.Warnings) != 1 {
			t.Errorf("%+v", r.Warnings)
		}
	})
}

// The error about a too large archive names the limit and the largest files, whichever server
// refuses it.
func TestUploadTooLarge(t *testing.T) {
	big := make([]byte, 64<<10)
	source := rand.NewPCG(1, 2)
	for i := range big {
		big[i] = byte(source.Uint64())
	}
	for name, tt := range map[string]struct {
		options platformtest.Options
		limit   string
	}{
		"gateway": {platformtest.Options{GatewayLimit: 32 << 10}, "its limit is 32KiB"},
		"service": {platformtest.Options{UploadLimit: 32 << 10}, "more than the platform takes;"},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, tt.options, func(t *testing.T, w *world) {
				w.setArchive(t, map[string]string{"shop/index.yml": "name: Shop\n", "shop/pages/big.json": string(big)})
				r := w.runTransfer(t, outcome.Failed, "upload-too-large")
				if text := r.Problems[0].Message; !strings.Contains(text, tt.limit) ||
					!strings.Contains(text, "compressed: shop/pages/big.json (64.") {
					t.Error(text)
				}
			})
		})
	}
}

// Each kind of error has its own advice, and no file content is in any output.
func TestErrorsOfTheRecordedService(t *testing.T) {
	const secret = "hunter2-canary"
	for name, tt := range map[string]struct {
		files      map[string]string
		code, help string
	}{
		"YAML": {
			map[string]string{"automations/a.yml": "key: " + secret + "\nx: !env y\n"},
			"YAMLException",
			"cannot read the file",
		},
		"exception": {map[string]string{"automations/a.yml": "do:\n  -\n"}, "Exception", "gives no reason"},
		"slug": {
			map[string]string{"automations/a.b.yml": "do: []\n"},
			"InvalidSlugError",
			"letters without accents",
		},
		"schedule": {
			map[string]string{"automations/a.yml": "when: {schedules: [never]}\n"},
			"InvalidScheduleError",
			"cron",
		},
		"security": {
			map[string]string{
				"security.yml": "authorizations: {rules: [{role: ghost, action: read, subject: pages}]}\n",
			},
			"InvalidSecurity",
			"authorizations.roles",
		},
		"empty": {map[string]string{"automations/a.yml": ""}, "ObjectNotFoundError", "empty file deletes"},
		"photo": {map[string]string{".import.yml": "app: {slug: Shop}\n"}, "MissingFieldError", "apps need a photo"},
		"page": {
			map[string]string{"pages/a.yml": "slug: x\nblocks: []\n", "pages/b.yml": "slug: x\nblocks: []\n"},
			"AlreadyUsedError",
			"rename one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
				files := map[string]string{"shop/index.yml": "name: Shop\n"}
				for name, text := range tt.files {
					files["shop/"+name] = text
				}
				w.setArchive(t, files)
				r := w.runTransfer(t, outcome.Failed, tt.code)
				if !strings.Contains(r.Problems[0].Help, tt.help) {
					t.Errorf("%+v", r.Problems)
				}
				var out bytes.Buffer
				if err := errors.Join(r.WriteProblems(&out), r.WriteSummary(&out),
					transfer.Results{r}.WriteJUnit(&out)); err != nil {
					t.Fatal(err)
				}
				if all := out.String() + w.display.String(); strings.Contains(all, secret) {
					t.Errorf("a text of the file is shown:\n%s", all)
				}
			})
		})
	}
}

// A temporary failure to read events is reported once.
func TestEventsThatFail(t *testing.T) {
	withWorld(t, platformtest.Options{ArchiveProcessing: true, ImportTime: slow}, func(t *testing.T, w *world) {
		w.gateway.Faults.Add(platformtest.Fault{
			Op:     "events",
			Times:  3,
			Kind:   platformtest.Answer,
			Status: 500,
			Body:   `{"error":"Internal"}`,
		})
		w.runTransfer(t, outcome.Done, "")
		if n := strings.Count(w.display.String(), "events cannot be read at the moment"); n != 1 {
			t.Errorf("said %d times: %s", n, w.display.String())
		}
	})
}

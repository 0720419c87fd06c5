// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/outcome/outcometest"
	"github.com/prismeai/workspaces-release/builder/internal/transfer"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/requirements"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// world is a platform with the workspace shop behind a gateway, on a fake clock.
type world struct {
	*platformtest.Platform
	gateway *platformtest.Gateway
	client  *platform.Client
	display outcometest.Recorder
	options transfer.Options
}

// archiveOf returns an archive of the files.
func archiveOf(t *testing.T, files map[string]string) *bytes.Reader {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, data := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, data)
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

func withWorld(t *testing.T, o platformtest.Options, f func(*testing.T, *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o.Token, o.ProxyTimeout = "at:test-token", cmp.Or(o.ProxyTimeout, 24*time.Hour)
		archive := archiveOf(t, map[string]string{
			"shop/index.yml":         "name: Shop\nslug: shop\n",
			"shop/automations/a.yml": "x: 1\n",
		})
		w := &world{Platform: platformtest.New(o),
			options: transfer.Options{
				Slug:    "shop",
				Name:    "Shop",
				Archive: archive,
				Size:    archive.Size(),
				TempDir: dir,
				Timeout: 30 * time.Minute,
			}}
		defer w.Close()
		err := w.Install(platformtest.Installed{ID: "ids", Slug: "shop", Name: "Shop"}, fstest.MapFS{
			"index.yml": {Data: []byte("slug: shop\n")},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.NewPod("pod-0", &platformtest.Release{ID: "release"}).SetReady(true)
		w.gateway = w.NewGateway()
		w.gateway.Faults = new(platformtest.Script)
		w.client, err = platform.New(platform.Options{
			BaseURL:   "http://platform",
			Identity:  platform.Bearer(platform.Fixed(secret.New(o.Token))),
			Transport: platformtest.Transport(w.gateway),
		})
		if err != nil {
			t.Fatal(err)
		}
		f(t, w)
	})
}

// runTransfer transfers, and checks the outcome and the code of the problem, if any.
func (w *world) runTransfer(t *testing.T, want outcome.Outcome, code string) *transfer.Result {
	t.Helper()
	r, err := transfer.Import(t.Context(), w.client, &w.display, w.options)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	if len(r.Problems) > 0 {
		got = r.Problems[0].Code
	}
	if r.Outcome != want || got != code {
		t.Errorf("%s with %q instead of %s with %q: %+v\n%s", r.Outcome, got, want, code, r.Problems,
			w.display.String())
	}
	for _, p := range append(r.Problems, r.Warnings...) {
		if p.Message == "" || p.Help == "" {
			t.Errorf("%+v says too little", p)
		}
	}
	return r
}

// countImports counts the import requests that reached the platform.
func (w *world) countImports() (n int) {
	for _, r := range w.Ledger().Requests {
		if r.Server == "gateway" && r.Op == "import" {
			n++
		}
	}
	return n
}

var slow = func(string) time.Duration { return 10 * time.Minute }

// The result is found however the response gets lost, and nothing is posted twice.
func TestResultIsFound(t *testing.T) {
	for name, tt := range map[string]struct {
		options platformtest.Options
		faults  []platformtest.Fault
		files   bool // whether the result lists files
		longest time.Duration
	}{
		"answered": {platformtest.Options{ImportTime: slow}, nil, true, 10 * time.Minute},
		"processing": {
			platformtest.Options{ImportTime: slow, ArchiveProcessing: true},
			nil,
			true,
			11 * time.Minute,
		},
		"processing, events late": {
			platformtest.Options{ImportTime: slow, ArchiveProcessing: true, EventLag: 10 * time.Second},
			nil,
			true,
			11 * time.Minute,
		},
		"proxy gives up": {
			platformtest.Options{ImportTime: slow, ProxyTimeout: time.Minute},
			nil,
			true,
			11 * time.Minute,
		},
		"connection breaks": {
			platformtest.Options{},
			[]platformtest.Fault{{Op: "import", Kind: platformtest.ResetAfter}},
			true,
			time.Minute,
		},
		"answer is cut": {
			platformtest.Options{},
			[]platformtest.Fault{{Op: "import", Kind: platformtest.Truncate, Bytes: 5}},
			true,
			time.Minute,
		},
		"no event": {
			platformtest.Options{ImportTime: slow, ArchiveProcessing: true, DropImported: true},
			nil,
			false,
			11 * time.Minute,
		},
		"no event, answers are lost": {
			platformtest.Options{DropImported: true},
			[]platformtest.Fault{{Op: "import", Kind: platformtest.ResetAfter}},
			false,
			time.Minute,
		},
		"events limited": {
			platformtest.Options{ImportTime: slow, ArchiveProcessing: true, EventReadsPerMinute: 2},
			nil,
			true,
			13 * time.Minute,
		},
		"no status": {
			platformtest.Options{ImportTime: slow, ArchiveProcessing: true, NoStatus: true},
			nil,
			true,
			11 * time.Minute,
		},
		"lists fail": {platformtest.Options{ImportTime: slow, ArchiveProcessing: true}, []platformtest.Fault{
			{Op: "events", Nth: 2, Times: 3, Kind: platformtest.Answer, Status: 500}, {
				Op:    "status",
				Nth:   2,
				Times: 3,
				Kind:  platformtest.ResetBefore,
			}}, true, 11 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, tt.options, func(t *testing.T, w *world) {
				w.gateway.Faults.Add(tt.faults...)
				began := time.Now()
				r := w.runTransfer(t, outcome.Done, "")
				if took := time.Since(began); took > tt.longest {
					t.Errorf("took %s", took)
				}
				if (len(r.Imported) == 2) != tt.files || r.FilesUnknown == tt.files || w.countImports() != 1 ||
					w.Content("shop")["automations/a.yml"] == "" {
					t.Errorf("%+v after %d imports", r, w.countImports())
				}
			})
		})
	}
}

// A new workspace has no events before it exists.
func TestResultOfNewWorkspaceIsFound(t *testing.T) {
	withWorld(t, platformtest.Options{ImportTime: slow, ArchiveProcessing: true}, func(t *testing.T, w *world) {
		w.Remove("shop")
		w.options.Create = true
		if r := w.runTransfer(t, outcome.Done, ""); !r.Created || r.Workspace.ID == "" || len(r.Imported) != 2 {
			t.Errorf("%+v", r)
		}
	})
}

// Errors are reported wherever they are found.
func TestErrorsOfFiles(t *testing.T) {
	for _, o := range []platformtest.Options{{}, {ArchiveProcessing: true}} {
		withWorld(t, o, func(t *testing.T, w *world) {
			w.Fail("shop", "duplicated mapping key")
			r := w.runTransfer(t, outcome.Failed, "RequestValidationError")
			if p := r.Problems[0]; p.File != "automations/a.yml" || !strings.Contains(p.Help, "cannot read the file") {
				t.Errorf("%+v", p)
			}
		})
	}
}

// An unknown outcome is not success, and an import by another client does not count, whether before
// or meanwhile.
func TestUnknownOutcomes(t *testing.T) {
	forbidden := func(op string) platformtest.Fault {
		return platformtest.Fault{
			Op:     op,
			Times:  -1,
			Kind:   platformtest.Answer,
			Status: 403,
			Body:   `{"error":"ForbiddenError"}`,
		}
	}
	for name, tt := range map[string]struct {
		options platformtest.Options
		faults  []platformtest.Fault
		create  bool
		soon    bool // waiting cannot help
	}{
		"out of time": {
			platformtest.Options{ImportTime: func(string) time.Duration { return time.Hour }, ArchiveProcessing: true},
			nil,
			false,
			false,
		},
		"nobody may tell": {
			platformtest.Options{ArchiveProcessing: true},
			[]platformtest.Fault{forbidden("events"), forbidden("status")},
			false,
			true,
		},
		"never began": {
			platformtest.Options{},
			[]platformtest.Fault{{Op: "import", Kind: platformtest.ResetBefore}},
			false,
			false,
		},
		"never made": {
			platformtest.Options{},
			[]platformtest.Fault{{Op: "import", Kind: platformtest.ResetBefore}},
			true,
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, tt.options, func(t *testing.T, w *world) {
				if tt.create {
					w.Remove("shop")
					w.options.Create = true
				} else {
					w.importByAnother(t)
					time.Sleep(2 * time.Hour)
					w.importByAnother(t)
					time.Sleep(59*time.Minute + 500*time.Millisecond) // where imports take an hour, it ends meanwhile
					w.importByAnother(t)
					time.Sleep(500 * time.Millisecond)
				}
				began := time.Now()
				w.gateway.Faults.Add(tt.faults...)
				r := w.runTransfer(t, outcome.Unknown, "unknown-outcome")
				if soon := time.Since(began) < time.Minute; len(r.Imported) > 0 || soon != tt.soon {
					t.Errorf("%+v after %s", r, time.Since(began))
				}
			})
		})
	}
}

// importByAnother imports without waiting.
func (w *world) importByAnother(t *testing.T) {
	t.Helper()
	if _, err := w.client.ImportArchive(t.Context(), platform.ArchiveRequest{
		Workspace: "ids",
		Archive:   w.options.Archive,
		Size:      w.options.Size,
	}); err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	answer := func(op string, status int) platformtest.Fault {
		return platformtest.Fault{
			Op:     op,
			Times:  -1,
			Kind:   platformtest.Answer,
			Status: status,
			Body:   `{"error":"E","message":"m"}`,
		}
	}
	for name, tt := range map[string]struct {
		fault   platformtest.Fault
		code    string
		imports int
	}{
		"list forbidden":   {answer("workspaces", 403), "forbidden", 0},
		"import forbidden": {answer("import", 403), "forbidden", 1},
		"too many":         {answer("import", 429), "rate_limited", 4},
		"too large":        {answer("import", 413), "upload-too-large", 1},
		"locked":           {answer("import", 423), "locked", 1},
		"gone":             {answer("import", 404), "not_found", 1},
		"another one": {
			platformtest.Fault{
				Op:   "import",
				Kind: platformtest.Answer,
				Body: `{"imported":["index.yml"],"workspace":{"id":"other"}}`,
			},
			"other-workspace",
			1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
				w.gateway.Faults.Add(tt.fault)
				w.runTransfer(t, outcome.Failed, tt.code)
				if n := w.countImports(); n != tt.imports {
					t.Errorf("%d imports", n)
				}
			})
		})
	}
}

// The platform allows a few imports per minute. The client waits for the next minute.
func TestWaitsForRateLimit(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		for range 3 {
			w.importByAnother(t)
		}
		began := time.Now()
		w.runTransfer(t, outcome.Done, "")
		if took := time.Since(began); took < time.Minute || took > 65*time.Second || w.countImports() != 5 {
			t.Errorf("%d imports, took %s", w.countImports(), took)
		}
	})
}

// Missing values are warnings, printed before the import.
func TestWarnsOfMissingValues(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.SetSecret("shop", "stored", "v")
		for _, name := range []string{"stored", "lacking", "given"} {
			w.options.Requirements = append(w.options.Requirements, requirements.Requirement{
				Workspace: "shop",
				Kind:      requirements.Secret,
				Name:      name,
				Variable:  "V_" + name,
			})
		}
		w.options.Variables = []string{"V_given"}
		r := w.runTransfer(t, outcome.Done, "")
		if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0].Message, "secret lacking") ||
			!strings.Contains(r.Warnings[0].Help, "V_lacking") {
			t.Errorf("%+v", r.Warnings)
		}
		if text := w.display.String(); strings.Index(text, "warning: ") > strings.Index(text, "> import shop") {
			t.Error(text)
		}
	})
}

// The existing workspace is passed to Present before anything changes. An error of Present ends the
// transfer.
func TestPresent(t *testing.T) {
	for _, failure := range []error{nil, errors.New("disk full")} {
		withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
			called := 0
			w.options.Present = func(_ context.Context, f *os.File) error {
				called++
				info, err := f.Stat()
				if err != nil {
					t.Fatal(err)
				}
				if r, err := zip.NewReader(f, info.Size()); err != nil || len(r.File) != 2 || w.countImports() != 0 {
					t.Errorf("%v, %d imports", err, w.countImports())
				}
				return failure
			}
			_, err := transfer.Import(t.Context(), w.client, &w.display, w.options)
			if !errors.Is(err, failure) || called != 1 || (failure == nil) != (w.countImports() == 1) {
				t.Errorf("%v, called %d times, %d imports", err, called, w.countImports())
			}
			if left, _ := os.ReadDir(w.options.TempDir); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

func TestDryRunImportsNothing(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.options.DryRun = true
		w.runTransfer(t, outcome.Done, "")
		if w.countImports() != 0 {
			t.Error("something was imported")
		}
		w.Remove("shop")
		w.runTransfer(t, outcome.Failed, "no-workspace")
	})
}

// An interruption reports whether the platform continues.
func TestInterruptions(t *testing.T) {
	for name, tt := range map[string]struct {
		stopAt  string
		nth     int
		kind    platformtest.Kind
		options platformtest.Options
		outcome outcome.Outcome
	}{
		"before":            {"workspaces", 1, platformtest.Hang, platformtest.Options{}, outcome.Failed},
		"before, by values": {"workspaces", 3, platformtest.Hang, platformtest.Options{}, outcome.Failed},
		"during":            {"import", 1, platformtest.Pass, platformtest.Options{ImportTime: slow}, outcome.Unknown},
		"while searching": {"events", 1, platformtest.Hang, platformtest.Options{
			ArchiveProcessing: true,
			ImportTime:        slow,
		}, outcome.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, tt.options, func(t *testing.T, w *world) {
				ctx, cancel := context.WithCancel(t.Context())
				w.gateway.Faults.Add(platformtest.Fault{
					Op:     tt.stopAt,
					Nth:    tt.nth,
					Kind:   tt.kind,
					Before: func() { time.AfterFunc(time.Second, cancel) },
				})
				w.options.Requirements = []requirements.Requirement{{
					Workspace: "shop",
					Kind:      requirements.Secret,
					Name:      "key",
					Variable:  "V",
				}}
				w.SetSecret("shop", "key", "v")
				r, err := transfer.Import(ctx, w.client, &w.display, w.options)
				if !errors.Is(err, context.Canceled) || len(r.Warnings) > 0 || r.Outcome != tt.outcome ||
					r.Problems[0].Code != "interrupted" {
					t.Errorf("%v, %+v", err, r)
				}
			})
		})
	}
}

// A retried export overwrites the partial file of the previous attempt.
func TestExportIsRetried(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.gateway.Faults.Add(platformtest.Fault{Op: "export", Kind: platformtest.Truncate, Bytes: -1, After: func() {
			if err := w.Install(platformtest.Installed{ID: "ids", Slug: "shop"}, fstest.MapFS{
				"index.yml": {},
			}); err != nil {
				t.Error(err)
			}
		}})
		file, err := os.Create(w.options.TempDir + "/x.zip")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		slug, err := transfer.Export(t.Context(), w.client, &w.display, "ids", file)
		info, _ := file.Stat()
		whole, zerr := zip.NewReader(file, info.Size())
		if err != nil || slug != "shop" || zerr != nil || whole.File[1].UncompressedSize64 != 0 || info.Size() > 320 {
			t.Errorf("%s of %d bytes, %v, %v", slug, info.Size(), err, zerr)
		}
	})
}

func TestReportsAreComplete(t *testing.T) {
	r := &transfer.Result{Outcome: outcome.Failed, Target: "http://t", Workspace: transfer.Workspace{Slug: "shop"},
		Warnings: []outcome.Problem{{Code: "missing-value", Message: "w", Help: "hw"}},
		Problems: []outcome.Problem{
			{File: "a.yml", Code: "E", Message: "m", Help: "h"},
			{Code: "nothing", Message: "n", Help: "hn"},
			{Code: "X", Message: "o", Help: "ho"},
		}}
	var text, junit bytes.Buffer
	if err := errors.Join(r.WriteProblems(&text), transfer.Results{r}.WriteJUnit(&junit)); err != nil {
		t.Fatal(err)
	}
	want := "warning: w\n  help: hw\nerror: a.yml: E: m\n  help: h\nerror: n\n  help: hn\nerror: X: o\n  help: ho\n"
	if text.String() != want {
		t.Errorf("%s", text.String())
	}
	for _, part := range []string{`tests="2" failures="2"`, `name="a.yml"`, `type="nothing"`, "help: hn", "X: o",
		"help: ho", "warning: w"} {
		if !strings.Contains(junit.String(), part) {
			t.Errorf("no %s in %s", part, junit.String())
		}
	}
	data, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(data), `"durationMilliseconds":0`) {
		t.Errorf("%s, %v", data, err)
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// fakePlatform is the platform of a story.
type fakePlatform struct {
	*platformtest.Platform
	token  string
	opts   platformtest.Options
	faults []platformtest.Fault
	// prepare is called when the platform is there.
	prepare []func()
}

// platformVariants are what may be unusual about the platform of a story.
var platformVariants = map[string]func(*fakePlatform){
	"document":      func(f *fakePlatform) { f.opts.PushAsDocument = true },
	"crlf":          func(f *fakePlatform) { f.opts.PushFrame = crlf },
	"lost-events":   func(f *fakePlatform) { f.opts.DropCompleted = true },
	"short-dry-run": func(f *fakePlatform) { f.opts.DryRunWithoutSummary = true },
	"slow":          func(f *fakePlatform) { f.opts.ImportTime = func(string) time.Duration { return time.Hour } },
	"nested-errors": func(f *fakePlatform) { f.opts.NestedErrors = true },
	"locked-as-423": func(f *fakePlatform) { f.opts.LockedStatus, f.opts.LockedMessage = 423, "resource_locked" },
	"locked-in-words": func(f *fakePlatform) {
		f.opts.LockedCode, f.opts.LockedMessage = "BadParameters", "somebody else is at it"
	},
	"conflict":    func(f *fakePlatform) { f.do(func() { f.SetAside("mail-sender", "mergeConflict") }) },
	"in-progress": func(f *fakePlatform) { f.do(func() { f.SetAside("mail-sender", "inProgress") }) },
	"failing": func(f *fakePlatform) {
		f.do(func() { f.Fail("mail-sender", "remote: HTTP Basic: Access denied for token "+f.token) })
	},
	"behind": func(f *fakePlatform) {
		f.do(func() { f.Fail("mail-sender", "There are remote commits, please pull first") })
	},
	"locked":         func(f *fakePlatform) { f.do(func() { f.Lock("ada@example.com", "manual") }) },
	"locked-forever": func(f *fakePlatform) { f.do(func() { f.Lock("ada@example.com", "merge_conflict") }) },
	"freed-later": func(f *fakePlatform) {
		f.do(func() { f.Lock("ada@example.com", "manual") })
		f.fault(platformtest.Fault{Op: "workspace", Nth: 3, Kind: platformtest.Pass, After: func() { f.Unlock() }})
	},
	"locked-between": func(f *fakePlatform) {
		f.fault(platformtest.Fault{Op: "push", Kind: platformtest.Pass,
			Before: func() { f.Lock("ada@example.com", "manual") }})
	},
	"processing": func(f *fakePlatform) {
		f.fault(platformtest.Fault{Op: "push", Kind: platformtest.AnswerAfter, Body: `{"processing":true,"message":"m"}`})
	},
	"reset-middle": func(f *fakePlatform) {
		f.fault(platformtest.Fault{Op: "push", Kind: platformtest.Truncate, Bytes: -700})
	},
	"reset-after":  func(f *fakePlatform) { f.fault(platformtest.Fault{Op: "push", Kind: platformtest.ResetAfter}) },
	"reset-before": func(f *fakePlatform) { f.fault(platformtest.Fault{Op: "push", Kind: platformtest.ResetBefore}) },
	"gateway-500": func(f *fakePlatform) {
		f.fault(platformtest.Fault{Op: "push", Kind: platformtest.AnswerAfter, Status: 500,
			Body: `{"error":"Internal","message":"Internal server error"}`})
	},
	"error-in-stream": func(f *fakePlatform) {
		f.opts.DropCompleted = true
		f.fault(platformtest.Fault{Op: "push", Kind: platformtest.AnswerAfter,
			Body: "event: error\ndata: {\"error\":\"PushError\",\"message\":\"disk is full\"}\n\n"})
	},
	"no-events": func(f *fakePlatform) {
		f.fault(platformtest.Fault{Op: "events", Times: -1, Kind: platformtest.Answer, Status: 403,
			Body: `{"error":"ForbiddenError"}`})
	},
	"busy": func(f *fakePlatform) {
		f.fault(platformtest.Fault{Op: "push", Kind: platformtest.Answer, Status: 429,
			Body: `{"error":"TooManyRequests","details":{"retryAfter":0.2}}`})
	},
	"other-repository": func(f *fakePlatform) {
		f.fault(platformtest.Fault{Op: "push", Kind: platformtest.Alter, Edit: func(body []byte) []byte {
			return []byte(strings.ReplaceAll(string(body), `"repositoryId":"git"`, `"repositoryId":"other"`))
		}})
	},
	"html": func(f *fakePlatform) {
		f.fault(platformtest.Fault{Times: -1, Kind: platformtest.Answer, Body: platformtest.HTML})
	},
}

func (f *fakePlatform) do(prepare func())          { f.prepare = append(f.prepare, prepare) }
func (f *fakePlatform) fault(x platformtest.Fault) { f.faults = append(f.faults, x) }

func crlf(kind, payload string) string {
	return ": still here\r\n\r\nevent: " + kind + "\r\ndata: " + strings.ReplaceAll(payload, `,"`, ",\r\ndata: \"") +
		"\r\n\r\n"
}

// startPlatform sets API, REMOTE (the repository that it pushes to) and TOKEN, which file
// token holds, too. No output of the story may: see nosecret.
func startPlatform(ts *testscript.TestScript, _ bool, args []string) {
	f := &fakePlatform{token: "at:" + rand.Text()}
	f.opts.Token, f.opts.OnPush = f.token, gitServer(ts)
	for _, arg := range args {
		variant, ok := platformVariants[arg]
		if !ok {
			ts.Fatalf("unknown variant %s", arg)
		}
		variant(f)
	}
	f.Platform = platformtest.New(f.opts)
	ts.Defer(f.Close)
	release, err := platformtest.ReadRelease(exampleWorkspaces, "git", "Git")
	ts.Check(err)
	f.NewPod("pod-0", release).SetReady(true)
	gateway := f.NewGateway()
	gateway.Faults = new(platformtest.Script).Add(f.faults...)
	for _, prepare := range f.prepare {
		prepare()
	}
	server, err := platformtest.Listen(gateway, "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(server.Close)
	ts.Setenv("API", server.URL+"/v2")
	ts.Setenv("TOKEN", f.token)
	ts.Check(os.WriteFile(ts.MkAbs("token"), []byte(f.token+"\n"), 0o600))
	p := ts.Value(plantedKey).(*planted)
	p.tokens, p.platform = append(p.tokens, f.token), f
}

// store imports a workspace's group into the platform, which then has a secret for it:
// the token, which no output may have.
func store(ts *testscript.TestScript, _ bool, args []string) {
	f := ts.Value(plantedKey).(*planted).platform
	client, err := platform.New(platform.Options{BaseURL: ts.Getenv("API"),
		Identity: platform.Bearer(platform.Fixed(secret.New(f.token)))})
	ts.Check(err)
	_, err = client.Pull(context.Background(), platform.PullRequest{Repository: "git", Groups: args[:1],
		Wait: time.Minute})
	ts.Check(err)
	f.SetSecret(args[1], args[2], f.token)
}

// gitServer is a Git server that gets a commit for each workspace that is pushed.
func gitServer(ts *testscript.TestScript) func(platformtest.Push) error {
	t := ts.Value(testKey).(testing.TB)
	repository := gittest.NewRepository(t)
	ts.Setenv("REMOTE", gittest.ServeHTTP(t, repository, gittest.HTTPOptions{}).URL()+gittest.Path)
	var files []gittest.File
	return func(p platformtest.Push) error {
		if p.Description == "refuse" {
			return errors.New("hook declined")
		}
		from := os.DirFS(exampleWorkspaces)
		err := fs.WalkDir(from, p.Workspace.Slug, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(from, path)
			files = append(files, gittest.File{Path: path, Data: string(data)})
			return err
		})
		if err == nil {
			repository.Commit(t, "main", files...)
		}
		return err
	}
}

// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/syncbuffer"
	"github.com/prismeai/workspaces-release/sidecar/internal/cli"
)

// exampleWorkspaces is a repository of workspaces in groups base1, base2 and extended.
const exampleWorkspaces = "../../../examples/workspaces"

// canary is a token that must not appear in any output.
const canary = "at:canary-9f1c77b2"

// TestStories runs the scripts of testdata/story. They have these commands in addition to
// testscript's:
//
//	exits CODE ARG…     runs the sidecar with the arguments and checks the exit code
//	start ARG…          starts the sidecar in the background, at $URL and $ADDRESS
//	end                 stops it like SIGTERM and checks that the exit code is 0
//	platform VARIANT…   starts a fake platform: $POD, $GATEWAY; with the variant slow, an import
//	                    takes a second for each group; with stuck, it never ends
//	fail SLUG TEXT      makes imports of a workspace fail, until heal SLUG
//	await PATH TEXT     waits until the page of the sidecar contains the text
//	fetch PATH FILE     writes the page of the sidecar to a file
//	manifest FILE [SLUG SECRET…]  writes both files of the manifest of the example workspaces; one of them may
//	                    require secrets
//	store SLUG SECRET   stores the canary as a secret in the platform
//	awaitlog TEXT       waits until the log of the sidecar contains the text
//	awaitcount N METRIC waits until the metric, with its labels, is at least N
//	post STATUS PATH [TOKEN]  checks the status of a POST to the sidecar; with a token, from another host
//	replace FROM TO     replaces a file by renaming another one
//	installed N         checks the number of workspaces in the platform
//	answers STATUS PATH TEXT  checks the status and the text of a page of the sidecar
//	lock                takes the write lock
//	native GROUP…       starts the service's own import
//	overwrite VERSION GROUP  imports a group of another release from another pod, and waits for it
//	digest FILE OUT     writes the digest of a file, as the chart names the current release
//	nocanary FILE…      fails if the token is in a file
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/story",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			s := new(story)
			env.Values[storyKey{}] = s
			env.Defer(s.end)
			env.Setenv("CANARY", canary)
			return os.WriteFile(filepath.Join(env.WorkDir, "token"), []byte(canary+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"start":    start,
			"end":      end,
			"platform": startPlatform,
			"fail":     func(ts *testscript.TestScript, _ bool, args []string) { of(ts).platform.Fail(args[0], args[1]) },
			"store": func(ts *testscript.TestScript, _ bool, args []string) {
				of(ts).platform.SetSecret(args[0], args[1], canary)
			},
			"heal":      func(ts *testscript.TestScript, _ bool, args []string) { of(ts).platform.Heal(args[0]) },
			"await":     await,
			"manifest":  writeManifest,
			"installed": installed,
			"nocanary":  noCanary,
			"fetch": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), get(ts, args[0]), 0o600))
			},
			"answers":    answers,
			"lock":       func(ts *testscript.TestScript, _ bool, _ []string) { of(ts).platform.Lock("someone", "manual") },
			"native":     func(ts *testscript.TestScript, _ bool, args []string) { of(ts).pod.StartNative(args...) },
			"replace":    replaceFile,
			"overwrite":  overwrite,
			"digest":     writeDigest,
			"post":       post,
			"awaitcount": awaitCount,
			"awaitlog": func(ts *testscript.TestScript, _ bool, args []string) {
				eventually(ts, func() bool { return strings.Contains(of(ts).log.String(), args[0]) })
			},
		},
	})
}

// importTime returns the time of each import. Imports of a stuck platform end with the platform.
func importTime(slow, stuck bool) func(string) time.Duration {
	return func(string) time.Duration {
		switch {
		case stuck:
			return 24 * time.Hour
		case slow:
			return time.Second / 2
		}
		return 0
	}
}

func answers(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Get(ts.Getenv("URL") + args[1])
	ts.Check(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if got := strconv.Itoa(resp.StatusCode); got != args[0] || !strings.Contains(string(data), args[2]) {
		ts.Fatalf("%s: HTTP %s with %q", args[1], got, data)
	}
}

type storyKey struct{}

// story holds the processes of one script.
type story struct {
	platform *platformtest.Platform
	pod      *platformtest.Pod
	servers  []*platformtest.Server
	cancel   context.CancelFunc
	code     chan int
	log      syncbuffer.Buffer
}

func of(ts *testscript.TestScript) *story { return ts.Value(storyKey{}).(*story) }

func (s *story) end() {
	if s.cancel != nil {
		s.cancel()
		<-s.code
	}
	for _, server := range s.servers {
		server.Close()
	}
	if s.platform != nil {
		s.platform.Close()
	}
}

func startPlatform(ts *testscript.TestScript, _ bool, args []string) {
	r, err := platformtest.ReadRelease(exampleWorkspaces, "release", "Release v1.0.0")
	ts.Check(err)
	has := func(name string) bool { return slices.Contains(args, name) }
	s := of(ts)
	s.platform = platformtest.New(platformtest.Options{Token: canary, RefuseHeaders: has("refuse-headers"),
		PodToken: has("pod-token"), ImportTime: importTime(has("slow"), has("stuck"))})
	pod := s.platform.NewPod("pod-0", r)
	pod.SetReady(true)
	s.pod = pod
	for name, h := range map[string]http.Handler{"POD": pod, "GATEWAY": s.platform.NewGateway()} {
		server, err := platformtest.Listen(h, "127.0.0.1:0")
		ts.Check(err)
		s.servers = append(s.servers, server)
		ts.Setenv(name, server.URL)
	}
}

// environ returns the environment of the sidecar in a script.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"SIDECAR_GROUPS", "SIDECAR_REPOSITORY", "SIDECAR_MODE", "SIDECAR_MOED",
		"SIDECAR_PORT_9400_TCP_ADDR",
		"SIDECAR_POLL", "SIDECAR_CONFIG", "STARTUP_IMPORT_GROUPS", "STARTUP_IMPORT_REPOSITORY"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if got := cli.Run(ctx, args[1:], cli.IO{Out: ts.Stdout(), Err: ts.Stderr(), Env: environ(ts)}); got != want {
		ts.Fatalf("sidecar %s: exit code %d instead of %d", args[1], got, want)
	}
}

func start(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.code, s.log = cancel, make(chan int, 1), syncbuffer.Buffer{}
	args = append(args, "--listen", "127.0.0.1:0", "--termination-log", ts.MkAbs("termination"))
	env := environ(ts)
	go func() { s.code <- cli.Run(ctx, args, cli.IO{Out: io.Discard, Err: &s.log, Env: env}) }()
	eventually(ts, func() bool {
		_, rest, _ := strings.Cut(s.log.String(), `"listen":"`)
		address, _, ok := strings.Cut(rest, `"`)
		ts.Setenv("URL", "http://"+address)
		ts.Setenv("ADDRESS", address)
		return ok
	})
}

func end(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	s.cancel()
	code := <-s.code
	s.cancel = nil
	_, err := io.WriteString(ts.Stderr(), s.log.String())
	ts.Check(err)
	if code != 0 {
		ts.Fatalf("sidecar run: exit code %d", code)
	}
}

// patience ends a wait for an event that does not come. It measures nothing.
const patience = 2 * time.Minute

func eventually(ts *testscript.TestScript, ok func() bool) {
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			ts.Fatalf("it does not come; the log is:\n%s", &of(ts).log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	eventually(ts, func() bool { return strings.Contains(string(get(ts, args[0])), args[1]) })
}

func awaitCount(ts *testscript.TestScript, _ bool, args []string) {
	least, err := strconv.ParseFloat(args[0], 64)
	ts.Check(err)
	eventually(ts, func() bool {
		_, rest, _ := strings.Cut(string(get(ts, "/metrics")), "\n"+args[1]+" ")
		value, _, _ := strings.Cut(rest, "\n")
		n, err := strconv.ParseFloat(value, 64)
		return err == nil && n >= least
	})
}

// get returns a response of the sidecar, or nil.
func get(ts *testscript.TestScript, path string) []byte {
	resp, err := http.Get(ts.Getenv("URL") + path)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return data
}

// writeManifest writes the manifest of the example workspaces like the builder.
func writeManifest(ts *testscript.TestScript, _ bool, args []string) {
	r, err := platformtest.ReadRelease(exampleWorkspaces, "release", "Release v1.0.0")
	ts.Check(err)
	m := r.Manifest("v1.0.0")
	if len(args) > 1 {
		at := slices.IndexFunc(m.Workspaces, func(w release.Workspace) bool { return w.Slug == args[1] })
		m.Workspaces[at].Requires.Secrets = args[2:]
	}
	files, err := release.Split(m)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(release.WorkspacesPath(path), files.Workspaces, 0o644))
	ts.Check(os.WriteFile(path, files.Manifest, 0o644))
}

func installed(ts *testscript.TestScript, _ bool, args []string) {
	if got := strconv.Itoa(len(of(ts).platform.Installed())); got != args[0] {
		ts.Fatalf("%s workspaces are installed, not %s", got, args[0])
	}
}

func noCanary(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		if strings.Contains(ts.ReadFile(name), canary) {
			ts.Fatalf("%s holds the token", name)
		}
	}
}

func replaceFile(ts *testscript.TestScript, _ bool, args []string) {
	from, to := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	data, err := os.ReadFile(from)
	ts.Check(err)
	ts.Check(os.WriteFile(to+".new", data, 0o600))
	ts.Check(os.Rename(to+".new", to))
}

// overwrite imports a group at another version from a pod of another release.
func overwrite(ts *testscript.TestScript, _ bool, args []string) {
	r, err := platformtest.ReadRelease(exampleWorkspaces, "release", "Release "+args[0])
	ts.Check(err)
	for n := range r.Workspaces {
		r.Workspaces[n].Version = args[0]
	}
	p := of(ts).platform
	p.NewPod("pod-of-another-release", r).StartNative(args[1])
	eventually(ts, func() bool {
		at := func(w platformtest.Workspace) bool {
			return slices.ContainsFunc(p.Installed(),
				func(i platformtest.Installed) bool { return i.Slug == w.Slug && i.Version == args[0] })
		}
		return !slices.ContainsFunc(r.Select(args[1:]), func(w platformtest.Workspace) bool { return !at(w) })
	})
}

func writeDigest(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(digest.FromString(ts.ReadFile(args[0])).String()+"\n"), 0o600))
}

func post(ts *testscript.TestScript, _ bool, args []string) {
	req, err := http.NewRequest(http.MethodPost, ts.Getenv("URL")+args[1], http.NoBody)
	ts.Check(err)
	if len(args) > 2 {
		req.Header.Set("X-Forwarded-For", "192.0.2.1")
		req.Header.Set("Authorization", "Bearer "+args[2])
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("POST %s: HTTP %s instead of %s", args[1], got, args[0])
	}
}

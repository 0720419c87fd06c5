// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
	"github.com/prismeai/workspaces-release/builder/internal/engine/buildkittest"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
)

// exampleWorkspaces is a repository of workspaces without a mistake.
const exampleWorkspaces = "../../../examples/workspaces"

// privatePassword is that of user ci in the registry called PRIVATE.
const privatePassword = "correct horse"

// environmentOfStories are the variables that a story may set for the builder.
var environmentOfStories = []string{
	"HOME", "TMPDIR", "NO_COLOR", "SOURCE_DATE_EPOCH", "DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "NETRC",
	"BUILDER_BASE", "BUILDER_BUILD_RELEASE", "BUILDER_SCAN_FORMAT", "BUILDER_PLAN_BASE", "BUILDER_CACHE_DIR", "BUILDER_TAG", "BUILDER_RELEASE", "BUILDER_PUSH", "BUILDER_CONFIG", "BUILDER_BSAE", "BUILDER_STRICT", "BUILDER_CHECKSUMS", "BUILDER_SBOM",
	"BUILDER_BUILDKIT_ADDR", "BUILDKIT_HOST", "BUILDER_TOKEN", "BUILDER_FROM_TOKEN", "BUILDER_TO_TOKEN", "BUILDER_API_URL", "BUILDER_REPOSITORY", "BUILDER_GIT_TOKEN", "BUILDER_GIT_USERNAME", "CI_JOB_TOKEN", "CI_SERVER_HOST",
}

// TestStories runs the scripts of testdata/story. They have these commands in addition to testscript's:
//
//	exits CODE ARG…     runs the builder with the arguments and checks the exit code
//	workspaces DIR [N]  copies the example workspaces, and adds N others
//	plant FILE          appends a random token to a YAML file
//	nosecret FILE…      fails if a planted token is in the files
//	absent REFERENCE    fails if the registry has the image
//	jsonpath FILE KEY=VALUE…  checks values in a JSON file; the last key may be len
//	samejson FILE KEY FILE KEY  checks that two JSON files have the same value
//	jsonlines FILE…     checks that every line of the files is JSON
//	image FILE REFERENCE  writes configuration and manifest of an image as JSON
//	login TO HOST PASSWORD  writes a Docker configuration with a login of ci to a file or a variable
//	fill FILE KEY=VALUE…  sets keys in all entries of a baseline
//	crlf DIR            converts the YAML files in a directory to CRLF
//	hostile KIND FILE   creates a file of a kind that no workspace should have
//	platform VARIANT…   starts a platform with the example workspaces: see platformVariants
//	forge TO REFERENCE  pushes a copy of the image with another directory in its variables
//	tamper DIR          changes a byte of the largest layer of a layout
//	instance NAME VARIANT…  starts a platform without workspaces: see instanceVariants
//	install NAME DIR    installs the workspace in a directory on an instance
//	content NAME SLUG FILE  writes the content of an instance's workspace as JSON, by path
//	zip FILE DIR [NAME]  archives a directory, optionally below a directory NAME
//	store GROUP SLUG SECRET  imports a group into the platform, and stores a secret for one of its workspaces
//	commit DIR          creates a Git repository from a directory, or adds a commit to it
func TestStories(t *testing.T) { runStories(t, "testdata/story") }

// TestDaemonStories runs the scripts of testdata/daemon, with a BuildKit daemon at DAEMON.
func TestDaemonStories(t *testing.T) {
	runStories(t, "testdata/daemon", "DAEMON="+buildkittest.Start(t, nil).Address)
}

func runStories(t *testing.T, dir string, more ...string) {
	reg := registrytest.New(t, registrytest.Options{})
	private := registrytest.New(t, registrytest.Options{Username: "ci", Password: privatePassword})
	secure := registrytest.New(t, registrytest.Options{TLS: true})
	mirror := registrytest.New(t, registrytest.Options{})
	ca := secure.CAFile(t)
	examples, err := filepath.Abs("../../../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			story := filepath.Base(env.WorkDir)
			base := registrytest.Base{Platforms: []string{"linux/amd64", "linux/arm64"}, Env: []string{"NODE_ENV=production"}}
			for name, server := range map[string]*registrytest.Server{"REGISTRY": reg, "PRIVATE": private, "SECURE": secure,
				"MIRROR": mirror} {
				server.PushBase(t, story+"/prismeai-workspaces:v1", base)
				env.Setenv(name+"_HOST", server.Host())
				env.Setenv(name, server.Host()+"/"+story)
			}
			base.Env = append(base.Env, "WORKSPACES_STORAGE_GIT_PLATFORM_release_TYPE=filesystem",
				"WORKSPACES_STORAGE_GIT_PLATFORM_release_DIRPATH=/srv/shipped")
			env.Setenv("CLASH", reg.PushBase(t, story+"/clash:v1", base).Ref)
			for name, variables := range map[string][]string{
				"LEAKY": {"DB_PASSWORD=sunrise9"},
				"USUAL": {"PATH=/usr/local/sbin:/usr/local/bin:/usr/bin", "NODE_VERSION=22.11.0", "YARN_VERSION=1.22.22", "LANG=C.UTF-8"},
			} {
				other := registrytest.Base{Platforms: base.Platforms, Env: variables}
				env.Setenv(name, reg.PushBase(t, story+"/"+strings.ToLower(name)+"-base:v1", other).Ref)
			}
			env.Setenv("MIRRORED", reg.Host()+"/"+mirror.PushBase(t, story+"/mirrored:v1", base).Ref[len(mirror.Host())+1:])
			env.Setenv("BASE", reg.Ref(story+"/prismeai-workspaces:v1"))
			env.Setenv("PASSWORD", privatePassword)
			env.Setenv("CA", ca)
			env.Setenv("EXAMPLES", examples)
			env.Setenv("TMPDIR", filepath.Join(env.WorkDir, "tmp"))
			env.Vars = append(env.Vars, more...)
			env.Values[plantedKey], env.Values[testKey] = &planted{instances: map[string]*instance{}}, t
			return os.MkdirAll(filepath.Join(env.WorkDir, "tmp"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"workspaces": copyWorkspaces,
			"plant":      plant,
			"nosecret":   noSecret,
			"absent":     absent,
			"jsonpath":   jsonPath,
			"samejson":   sameJSON,
			"jsonlines":  jsonLines,
			"image":      readImage,
			"login":      login,
			"fill":       fill,
			"hostile":    hostile,
			"forge":      forge,
			"tamper":     tamper,
			"commit":     commit,
			"crlf":       convertLineEnds,
			"platform":   startPlatform,
			"instance":   startInstance,
			"install":    install,
			"content":    content,
			"zip":        zipDirectory,
			"store":      store,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var env []string
	for _, key := range environmentOfStories {
		if value := ts.Getenv(key); value != "" {
			env = append(env, key+"="+value)
		}
	}
	streams := cli.IO{In: strings.NewReader(""), Out: ts.Stdout(), Err: ts.Stderr(), Env: env}
	if got := cli.Run(context.Background(), args[1:], streams); got != want {
		ts.Fatalf("builder %s: exit code %d instead of %d", args[1], got, want)
	}
	// Whatever happens, no temporary file is left behind.
	left, err := os.ReadDir(ts.Getenv("TMPDIR"))
	ts.Check(err)
	if len(left) > 0 {
		ts.Fatalf("builder %s left %v behind", args[1], left)
	}
}

func copyWorkspaces(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.CopyFS(dir, os.DirFS(exampleWorkspaces)))
	if len(args) == 1 {
		return
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for i := range n {
		sample := workspacetest.Sample{Slug: fmt.Sprintf("extra-%03d", i), Groups: []string{"extended"}}
		for name, text := range sample.Files() {
			file := filepath.Join(dir, sample.Slug, filepath.FromSlash(name))
			ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
			ts.Check(os.WriteFile(file, []byte(text), 0o644))
		}
	}
}

// planted holds the tokens of one story.
type planted struct {
	tokens    []string
	platform  *fakePlatform // nil without one
	instances map[string]*instance
}

type plantedKeyType struct{}
type testKeyType struct{}

var (
	plantedKey plantedKeyType
	testKey    testKeyType // of the test that the stories are part of
)

func plant(ts *testscript.TestScript, _ bool, args []string) {
	// The shape of a personal access token of a forge, in two parts so that this file has none.
	token := "gh" + "p_" + rand.Text() + rand.Text()[:10]
	p := ts.Value(plantedKey).(*planted)
	p.tokens = append(p.tokens, token)
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	ts.Check(err)
	defer file.Close()
	_, err = fmt.Fprintf(file, "\n# %s\n", token)
	ts.Check(err)
}

func noSecret(ts *testscript.TestScript, _ bool, args []string) {
	p := ts.Value(plantedKey).(*planted)
	if len(p.tokens) == 0 {
		ts.Fatalf("nothing was planted")
	}
	for _, file := range args {
		text := ts.ReadFile(file)
		for _, token := range p.tokens {
			if strings.Contains(text, token) {
				ts.Fatalf("%s holds a planted token", file)
			}
		}
	}
}

func absent(ts *testscript.TestScript, _ bool, args []string) {
	ref, err := name.ParseReference(args[0])
	ts.Check(err)
	if _, err := remote.Head(ref); err == nil {
		ts.Fatalf("%s exists", args[0])
	}
}

func jsonPath(ts *testscript.TestScript, _ bool, args []string) {
	for _, check := range args[1:] {
		path, want, _ := strings.Cut(check, "=")
		if got := jsonValue(ts, args[0], path); got != want {
			ts.Fatalf("%s: %s is %s instead of %s", args[0], path, got, want)
		}
	}
}

func sameJSON(ts *testscript.TestScript, neg bool, args []string) {
	a, b := jsonValue(ts, args[0], args[1]), jsonValue(ts, args[2], args[3])
	if a == "<nil>" || b == "<nil>" || (a == b) == neg {
		ts.Fatalf("%s: %s is %s; %s: %s is %s", args[0], args[1], a, args[2], args[3], b)
	}
}

// jsonValue returns a value of a JSON file as text.
func jsonValue(ts *testscript.TestScript, file, path string) string {
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &value))
	for key := range strings.SplitSeq(path, "/") {
		switch node := value.(type) {
		case map[string]any:
			value = node[key]
		case []any:
			i, err := strconv.Atoi(key)
			if key == "len" {
				value = float64(len(node))
			} else if err == nil && i < len(node) {
				value = node[i]
			} else {
				value = nil
			}
		default:
			value = nil
		}
	}
	return fmt.Sprint(value)
}

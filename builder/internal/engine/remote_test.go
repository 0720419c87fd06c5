// SPDX-License-Identifier: AGPL-3.0-or-later

package engine_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc"

	"github.com/prismeai/workspaces-release/builder/internal/egress/tlstest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/engine/buildkittest"
	"github.com/prismeai/workspaces-release/internal/needs"
	"github.com/prismeai/workspaces-release/internal/secret"
)

var amd64 = ocispec.Platform{OS: "linux", Architecture: "amd64"}

func newRemote(t *testing.T, opts engine.RemoteOptions) *engine.Remote {
	t.Helper()
	r, err := engine.NewRemote(opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func at(t *testing.T, address string) engine.Options {
	t.Helper()
	return engine.Options{
		Root:   t.TempDir(),
		Hosts:  docker.ConfigureDefaultRegistries(docker.WithPlainHTTP(docker.MatchLocalhost)),
		Remote: newRemote(t, engine.RemoteOptions{Address: address}),
	}
}

func check(t *testing.T, opts engine.RemoteOptions) error {
	t.Helper()
	return engine.Check(t.Context(), engine.Options{Remote: newRemote(t, opts)}, "", amd64)
}

// From the same definition, the daemon builds the same image, index and files.
func TestDaemonBuildsTheSameAsTheEmbeddedEngine(t *testing.T) {
	d := buildkittest.Start(t, nil)
	reg, other := newRegistry(t), newRegistry(t)
	b := reg.pushBase(t, "base:1", "amd64", "arm64")
	dir := t.TempDir()
	plain := func(out ...engine.Output) engine.Spec { return spec(t, b, out...) }
	with := func(out ...engine.Output) engine.Spec { return attested(t, b, out...) }
	one := base{ref: b.ref, architectures: []string{"amd64"}, layers: b.layers}
	for name, spec := range map[string]engine.Spec{
		"computed":      plain(),
		"scratch":       spec(t, base{architectures: []string{"amd64"}}, engine.Output{Kind: engine.Push, Names: []string{reg.host + "/scratch:1"}}),
		"two platforms": plain(engine.Output{Kind: engine.Push, Names: []string{reg.host + "/plain:1"}}),
		"attested":      with(engine.Output{Kind: engine.Push, Names: []string{reg.host + "/attested:1", reg.host + "/attested:2"}}),
		"to two places": with(engine.Output{Kind: engine.Push, Names: []string{reg.host + "/two:1", other.host + "/two:1"}}),
		"written":       with(engine.Output{Kind: engine.OCI, Dest: filepath.Join(dir, "a.tar")}),
		"and for docker": attested(t, one,
			engine.Output{Kind: engine.Docker, Names: []string{"example.test/x:1"}, Dest: filepath.Join(dir, "b.tar")},
			engine.Output{Kind: engine.OCI, Dest: filepath.Join(dir, "c.tar")},
			engine.Output{Kind: engine.Push, Names: []string{reg.host + "/docker:1"}}),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := buildAt(t, t.Context(), at(t, d.Address), spec)
			if err != nil {
				t.Fatal(err)
			}
			for _, out := range spec.Outputs {
				checkOutput(t, out, got.Digest)
			}
			if want := mustBuild(t, spec); got.Digest != want.Digest {
				t.Errorf("digest %s instead of %s", got.Digest, want.Digest)
			}
		})
	}
}

// recorder records the requests of this process that carry blob content.
type recorder struct {
	mu    sync.Mutex
	bytes int64
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	if strings.Contains(req.URL.Path, "/blobs/") {
		r.bytes += max(0, req.ContentLength)
	}
	r.mu.Unlock()
	return http.DefaultTransport.RoundTrip(req)
}

// The daemon sends the layers to the registry, even if this process adds attestations.
func TestDaemonMovesTheLayers(t *testing.T) {
	d := buildkittest.Start(t, nil)
	reg := newRegistry(t)
	const layerSize = 1 << 20
	store, err := engine.NewLayerStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, layerSize)
	rand.Read(body) // incompressible
	if _, err := store.Add(func(w io.Writer) (digest.Digest, error) {
		return writeLayer(w, "x",
			string(body))
	}); err != nil {
		t.Fatal(err)
	}
	s := attested(t, reg.pushBase(t, "base:1", "amd64"),
		engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}})
	if s.Layers, err = store.Seal(); err != nil {
		t.Fatal(err)
	}
	opts, sent := at(t, d.Address), new(recorder)
	opts.Hosts = docker.ConfigureDefaultRegistries(docker.WithPlainHTTP(docker.MatchLocalhost),
		docker.WithClient(&http.Client{Transport: sent}))
	if _, err := buildAt(t, t.Context(), opts, s); err != nil {
		t.Fatal(err)
	}
	if sent.bytes == 0 || sent.bytes > layerSize/10 {
		t.Errorf("this process sent %d bytes of blobs; its layer has %d", sent.bytes, layerSize)
	}
	image, err := remote.Image(reference(t, reg.host+"/out:1"),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
}

// checkOutput requires an image with the digest under all names, or in the file.
func checkOutput(t *testing.T, out engine.Output, want digest.Digest) {
	t.Helper()
	for _, name := range out.Names {
		if out.Kind != engine.Push {
			continue
		}
		if desc, err := remote.Head(reference(t, name)); err != nil || desc.Digest.String() != want.String() {
			t.Errorf("%s is %v instead of %s: %v", name, desc, want, err)
		}
	}
	if out.Kind == engine.OCI {
		if got := layoutDigest(t, out.Dest); got != want.String() {
			t.Errorf("%s holds %s instead of %s", out.Dest, got, want)
		}
	}
	if out.Kind == engine.Docker {
		if data, err := os.ReadFile(out.Dest); err != nil || !bytes.Contains(data, []byte("manifest.json")) {
			t.Errorf("docker archive of %d bytes: %v", len(data), err)
		}
	}
}

func TestDaemonIsReachedThroughPrograms(t *testing.T) {
	d := buildkittest.Start(t, nil)
	calls := d.Proxy(t, "docker", "podman", "kubectl", "ssh")
	reg := newRegistry(t)
	s := spec(t, reg.pushBase(t, "base:1", "amd64"), engine.Output{Kind: engine.Push,
		Names: []string{reg.host + "/out:1"}})
	want := mustBuild(t, s).Digest
	for address, call := range map[string]string{
		"docker-container://builder0":                             "docker exec -i builder0 buildctl dial-stdio",
		"podman-container://builder0":                             "podman exec -i builder0 buildctl dial-stdio",
		"kube-pod://builder-0?namespace=ci&container=b&context=c": "kubectl --context=c --namespace=ci exec --container=b -i builder-0 -- buildctl dial-stdio",
		"ssh://ci@builds.example.com:2222":                        "ssh -l ci -p 2222 -- builds.example.com buildctl dial-stdio",
	} {
		got, err := buildAt(t, t.Context(), at(t, address), s)
		if err != nil || got.Digest != want {
			t.Errorf("%s: %v instead of %s: %v", address, got, want, err)
		}
		if called, err := os.ReadFile(calls); err != nil || string(called) != call+"\n" {
			t.Errorf("%s: called %q instead of %q: %v", address, called, call, err)
		}
		if err := os.Truncate(calls, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDaemonWithMutualTLS(t *testing.T) {
	files := tlstest.New(t, buildkittest.ServerName)
	others := tlstest.New(t)
	d := buildkittest.Start(t, files)
	right := engine.RemoteOptions{
		Address: d.TCP, CAFile: files.CA, CertFile: files.ClientCert, KeyFile: files.ClientKey,
		ServerName: buildkittest.ServerName,
	}
	if err := check(t, right); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct {
		change func(*engine.RemoteOptions)
		want   string
	}{
		"other authority":      {func(o *engine.RemoteOptions) { o.CAFile = others.CA }, "give the authority of the daemon's certificate with --buildkit-tlscacert"},
		"system's authorities": {func(o *engine.RemoteOptions) { o.CAFile = "" }, "give the authority of the daemon's certificate with --buildkit-tlscacert"},
		"other name":           {func(o *engine.RemoteOptions) { o.ServerName = "else.test" }, "give the name in the daemon's certificate with --buildkit-tlsservername"},
		"no name":              {func(o *engine.RemoteOptions) { o.ServerName = "" }, "give the name in the daemon's certificate with --buildkit-tlsservername"},
		"no certificate":       {func(o *engine.RemoteOptions) { o.CertFile, o.KeyFile = "", "" }, "the daemon asks for a client certificate"},
		"other certificate": {func(o *engine.RemoteOptions) { o.CertFile, o.KeyFile = others.ClientCert, others.ClientKey },
			"the daemon does not know the authority of --buildkit-tlscert"},
		"no TLS": {func(o *engine.RemoteOptions) { *o = engine.RemoteOptions{Address: d.TCP} }, "no connection to BuildKit"},
	} {
		opts := right
		test.change(&opts)
		if err := check(t, opts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v does not say %q", name, err, test.want)
		}
	}
}

func TestDaemonThatIsNotThere(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	address := "tcp://" + needs.FreeAddress(t)
	for name, test := range map[string]struct{ address, want string }{
		"no socket":  {"unix://" + t.TempDir() + "/none", "check the address, and that the daemon runs"},
		"closed":     {address, "check the address, and that the daemon runs"},
		"no program": {"docker-container://builder0", "install the program that the address needs"},
	} {
		err := check(t, engine.RemoteOptions{Address: test.address})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.address) {
			t.Errorf("%s: error %v does not say %q", name, err, test.want)
		}
		if isRegistry(err) {
			t.Errorf("%s: %v is taken for a registry's", name, err)
		}
	}
}

// A daemon older than v0.11 does not implement the first call.
func TestDaemonThatIsTooOld(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	if err := check(t, engine.RemoteOptions{Address: "tcp://" + listener.Addr().String()}); err == nil ||
		!strings.Contains(err.Error(), "use v0.13 or later") {
		t.Errorf("error %v does not say what is needed", err)
	}
}

func TestCheckHasTheDaemonLookForTheBase(t *testing.T) {
	d := buildkittest.Start(t, nil)
	reg := newRegistry(t)
	b := reg.pushBase(t, "base:1", "arm64")
	arm64 := ocispec.Platform{OS: "linux", Architecture: "arm64"}
	if err := engine.Check(t.Context(), at(t, d.Address), b.ref, arm64); err != nil {
		t.Error(err)
	}
	missing := reg.host + "/nothere:1@" + digest.FromString("x").String()
	err := engine.Check(t.Context(), at(t, d.Address), missing, arm64)
	var refused *engine.RegistryError
	if !errors.As(err, &refused) || refused.Ref != missing {
		t.Errorf("error %v is not one of the registry about %s", err, missing)
	}
}

// The daemon receives credentials only while it needs them and does not store them.
func TestDaemonStoresNoCredentials(t *testing.T) {
	d := buildkittest.Start(t, nil)
	reg := newRegistry(t)
	b := reg.pushBase(t, "base:1", "amd64")
	password := rand.Text()
	reg.require("ci", password)
	opts := at(t, d.Address)
	s := attested(t, b, engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}})
	if _, err := buildAt(t, t.Context(), opts, s); !isRegistry(err) {
		t.Errorf("without credentials: %v", err)
	}
	opts = at(t, d.Address)
	opts.Credentials = func(context.Context, string) (string, secret.Value, error) {
		return "ci", secret.New(password), nil
	}
	if err := engine.Check(t.Context(), opts, b.ref, amd64); err != nil {
		t.Error(err)
	}
	if _, err := buildAt(t, t.Context(), opts, s); err != nil {
		t.Error(err)
	}
	if history := d.Control(t, "debug", "histories"); bytes.Contains(history, []byte("COMPLETE\t")) {
		t.Errorf("the daemon remembers builds: %s", history)
	}
	if bytes.Contains(d.Log(t), []byte(password)) {
		t.Error("the daemon's log holds the password")
	}
	files := 0
	err := filepath.WalkDir(d.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(password)) {
			t.Errorf("%s holds the password", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files of the daemon were read: %v", files, err)
	}
}

// An interruption also ends the build in the daemon.
func TestInterruptionEndsTheBuildOfTheDaemon(t *testing.T) {
	d := buildkittest.Start(t, nil)
	reg := newRegistry(t)
	s := attested(t, reg.pushBase(t, "base:1", "amd64"),
		engine.Output{Kind: engine.OCI, Dest: filepath.Join(t.TempDir(), "image.tar")},
		engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted by the test")
	ended := make(chan struct{}, 100)
	reg.fail(func(r *http.Request) bool {
		if r.Method == http.MethodPost {
			cancel(cause)
			<-r.Context().Done() // the daemon's request, which only the daemon ends
			ended <- struct{}{}
		}
		return false
	})
	if _, err := buildAt(t, ctx, at(t, d.Address), s); !errors.Is(err, cause) {
		t.Errorf("error %v does not tell the cause", err)
	}
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		t.Error("the daemon goes on")
	}
	if _, err := remote.Head(reference(t, reg.host+"/out:1")); err == nil {
		t.Error("the tag exists")
	}
	if entries, _ := os.ReadDir(filepath.Dir(s.Outputs[0].Dest)); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestOptionsOfADaemonAreChecked(t *testing.T) {
	files := tlstest.New(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		opts engine.RemoteOptions
		want string // "" for valid options
	}{
		{engine.RemoteOptions{Address: "unix:///run/buildkit/buildkitd.sock"}, ""},
		{engine.RemoteOptions{Address: "tcp://127.0.0.1:1234"}, ""},
		{engine.RemoteOptions{Address: "tcp://[::1]:1234"}, ""},
		{engine.RemoteOptions{Address: "tcp://localhost:1234"}, ""},
		{engine.RemoteOptions{Address: "tcp://buildkitd:1234", Insecure: true}, ""},
		{engine.RemoteOptions{Address: "tcp://buildkitd:1234", CAFile: files.CA}, ""},
		{engine.RemoteOptions{Address: "tcp://buildkitd:1234", ServerName: "x"}, ""},
		{engine.RemoteOptions{Address: "kube-pod://builder-0"}, ""},
		{engine.RemoteOptions{Address: "tcp://buildkitd:1234"}, "in the clear"},
		{engine.RemoteOptions{Address: "tcp://10.0.0.1:1234"}, "in the clear"},
		{engine.RemoteOptions{Address: "tcp://buildkitd"}, "tcp://host:port"},
		{engine.RemoteOptions{Address: "tcp://ci@localhost:1234"}, "tcp://host:port"},
		{engine.RemoteOptions{Address: "ssh://ci:hunter2@host"}, "must not hold a password"},
		{engine.RemoteOptions{Address: "buildkitd:1234"}, "is not one of"},
		{engine.RemoteOptions{Address: "http://buildkitd:1234"}, "is not one of"},
		{engine.RemoteOptions{Address: "://"}, "not a URL"},
		{engine.RemoteOptions{Address: "unix://"}, "no path"},
		{engine.RemoteOptions{Address: "docker-container://"}, "lacks container name"},
		{engine.RemoteOptions{Address: "unix:///s", CAFile: files.CA}, "for tcp:// only"},
		{engine.RemoteOptions{Address: "tcp://b:1", CAFile: files.CA, CertFile: files.ClientCert}, "go together"},
		{engine.RemoteOptions{Address: "tcp://b:1", CertFile: files.ClientCert, KeyFile: files.ServerKey}, "client certificate: "},
		{engine.RemoteOptions{Address: "tcp://b:1", CAFile: empty}, "no PEM certificate"},
		{engine.RemoteOptions{Address: "tcp://b:1", CAFile: empty + ".none"}, "no such file"},
	} {
		_, err := engine.NewRemote(test.opts)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v instead of %q", test.opts, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v holds the password", err)
		}
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"debug/elf"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/foreigntest"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/internal/needs"
)

const (
	repository = "../.."
	release    = "v1.2.3"
	tag        = "1.2.3"
	epochText  = "1700000000"
	// maxSidecar bounds the compressed size of the sidecar image in bytes, because every node pulls
	// it.
	maxSidecar = 12_000_000
)

// compile compiles a program in dir as the Makefile does.
func compile(t *testing.T, dir, program, goarch string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), program)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-trimpath",
		"-ldflags", "-s -w -X github.com/prismeai/workspaces-release/internal/version.linked="+release,
		"-o", file, "./"+program)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// testOptions write the images of binaries into a test directory.
func testOptions(t *testing.T, out *bytes.Buffer, binaries ...string) options {
	return options{
		version: release, revision: "0123abc", binaries: binaries, dir: t.TempDir(),
		getenv: environment(map[string]string{"SOURCE_DATE_EPOCH": epochText}), out: out,
	}
}

func environment(env map[string]string) func(string) string {
	return func(key string) string { return env[key] }
}

// makeImages returns the output and the directory of the images.
func makeImages(t *testing.T, binaries ...string) (printed, dir string) {
	t.Helper()
	var out bytes.Buffer
	o := testOptions(t, &out, binaries...)
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return out.String(), o.dir
}

// pull copies the image for one architecture from an OCI archive with a foreign tool, into a new
// layout.
func pull(t *testing.T, archive, arch string) string {
	t.Helper()
	layout := filepath.Join(t.TempDir(), "layout")
	foreigntest.Skopeo(t, "copy", "--override-arch", arch, "oci-archive:"+archive, "oci:"+layout+":image")
	return layout
}

// unpack unpacks a pulled image.
func unpack(t *testing.T, layout string) string {
	t.Helper()
	rootfs := filepath.Join(needs.PublicDir(t), "rootfs")
	unpacking := []string{"raw", "unpack", "--image", layout + ":image", rootfs}
	if os.Getuid() != 0 {
		unpacking = slices.Insert(unpacking, 2, "--rootless")
	}
	foreigntest.Run(t, "umoci", unpacking...)
	return rootfs
}

// modes lists everything below a directory.
func modes(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		found["/"+strings.TrimPrefix(path, dir+"/")] = info.Mode().String() + info.ModTime().UTC().Format(" 2006-01-02")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// parse decodes JSON.
func parse[T any](t *testing.T, data []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}

// The image of the sidecar, read by foreign tools.
func TestSidecarImage(t *testing.T) {
	printed, dir := makeImages(t, compile(t, repository, "sidecar", "amd64"),
		compile(t, repository, "sidecar", "arm64"))
	archive := filepath.Join(dir, "sidecar.oci.tar")
	raw := foreigntest.Skopeo(t, "inspect", "--raw", "oci-archive:"+archive)
	if want := "sidecar:" + tag + "@" + digest.FromBytes(raw).String() + "\n"; printed != want {
		t.Errorf("printed %q instead of %q", printed, want)
	}
	var platforms []string
	for _, m := range parse[ocispec.Index](t, raw).Manifests {
		if m.Annotations["vnd.docker.reference.type"] == "attestation-manifest" {
			continue
		}
		platforms = append(platforms, m.Platform.OS+"/"+m.Platform.Architecture)
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(platforms, want) {
		t.Errorf("platforms %q instead of %q", platforms, want)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			checkConfig(t, archive, arch)
			layout := pull(t, archive, arch)
			checkSize(t, layout)
			rootfs := unpack(t, layout)
			checkFiles(t, rootfs)
			checkMachine(t, filepath.Join(rootfs, "sidecar"), machine)
			checkDocker(t, filepath.Join(dir, "sidecar-linux-"+arch+".docker.tar"), arch)
		})
	}
}

func checkConfig(t *testing.T, archive, arch string) {
	t.Helper()
	created := time.Unix(1_700_000_000, 0).UTC()
	want := ocispec.Image{
		Created:  &created,
		Platform: ocispec.Platform{OS: "linux", Architecture: arch},
		Config: ocispec.ImageConfig{
			User:       "65532:65532",
			Entrypoint: []string{"/sidecar"},
			Labels: map[string]string{
				"org.opencontainers.image.title":    "Importer of Prisme.ai workspaces releases",
				"org.opencontainers.image.version":  release,
				"org.opencontainers.image.revision": "0123abc",
				"org.opencontainers.image.source":   "https://github.com/prismeai/workspaces-release",
				"org.opencontainers.image.licenses": "Apache-2.0",
				"org.opencontainers.image.created":  "2023-11-14T22:13:20Z",
			},
		},
		History: []ocispec.History{{Created: &created, CreatedBy: "images: sidecar v1.2.3"}},
	}
	got := parse[ocispec.Image](t, foreigntest.Skopeo(t, "inspect", "--config", "--override-arch", arch,
		"oci-archive:"+archive))
	got.RootFS = ocispec.RootFS{} // umoci compares it with the layers
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

// checkSize bounds the size that a node pulls.
func checkSize(t *testing.T, layout string) {
	t.Helper()
	var size int64
	err := filepath.WalkDir(filepath.Join(layout, "blobs"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil || size < 1e6 || size > maxSidecar {
		t.Errorf("the image has %d bytes: %v", size, err)
	}
	t.Logf("%.1f MB compressed", float64(size)/1e6)
}

func checkFiles(t *testing.T, rootfs string) {
	t.Helper()
	const then = " 2023-11-14"
	want := map[string]string{
		"/etc": "drwxr-xr-x" + then, "/etc/ssl": "drwxr-xr-x" + then, "/etc/ssl/certs": "drwxr-xr-x" + then,
		"/etc/ssl/certs/ca-certificates.crt": "-r--r--r--" + then,
		"/sidecar":                           "-r-xr-xr-x" + then,
	}
	if diff := cmp.Diff(want, modes(t, rootfs)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func checkMachine(t *testing.T, file string, want elf.Machine) {
	t.Helper()
	program, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if program.Machine != want {
		t.Errorf("the program is for %s", program.Machine)
	}
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the program needs %v: %v", libraries, err)
	}
}

// checkDocker checks what docker load reads: a name, and the same image.
func checkDocker(t *testing.T, archive, arch string) {
	t.Helper()
	got := parse[ocispec.Image](t, foreigntest.Skopeo(t, "inspect", "--config",
		"docker-archive:"+archive+":sidecar:"+tag))
	if got.Architecture != arch || got.Config.User != user {
		t.Errorf("the docker archive holds an image for %s, to be run by %s", got.Architecture, got.Config.User)
	}
	foreigntest.Skopeo(t, "copy", "docker-archive:"+archive, "dir:"+filepath.Join(t.TempDir(), "docker"))
}

// The same sources give the same image in any directory.
func TestSameSourcesGiveTheSameDigest(t *testing.T) {
	here, _ := makeImages(t, compile(t, repository, "sidecar", runtime.GOARCH))
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for _, name := range []string{"internal", "sidecar"} {
		if err := os.CopyFS(filepath.Join(elsewhere, name), os.DirFS(filepath.Join(repository, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(repository, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(elsewhere, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	there, _ := makeImages(t, compile(t, elsewhere, "sidecar", runtime.GOARCH))
	if here != there {
		t.Errorf("%s here, %s there", here, there)
	}
}

func TestPush(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{TLS: true, Username: "ci", Password: "secret-of-the-registry"})
	config := filepath.Join(t.TempDir(), "config.json")
	text := `{"auths":{"` + reg.Host() + `":{"auth":"` +
		base64.StdEncoding.EncodeToString([]byte("ci:secret-of-the-registry")) + `"}}}`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := testOptions(t, &out, compile(t, repository, "sidecar", "amd64"), compile(t, repository, "sidecar", "arm64"))
	o.getenv = environment(map[string]string{"SOURCE_DATE_EPOCH": epochText, "DOCKER_CONFIG": filepath.Dir(config)})
	o.registry, o.push = reg.Host()+"/team", true
	if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), reg.Host()) || out.Len() > 0 {
		t.Fatalf("pushed to a registry whose certificate nobody knows: %v\n%s", err, out.String())
	}
	o.insecure = []string{reg.Host()}
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	pushed := foreigntest.Skopeo(t, "inspect", "--raw", "--tls-verify=false", "--authfile", config,
		"docker://"+reg.Ref("team/sidecar:"+tag))
	written := foreigntest.Skopeo(t, "inspect", "--raw", "oci-archive:"+filepath.Join(o.dir, "sidecar.oci.tar"))
	if !bytes.Equal(pushed, written) {
		t.Errorf("pushed %s\nwritten %s", pushed, written)
	}
	if want := reg.Ref("team/sidecar:"+tag) + "@" + digest.FromBytes(pushed).String() + "\n"; out.String() != want {
		t.Errorf("printed %q instead of %q", out.String(), want)
	}
	foreigntest.Skopeo(t, "copy", "--all", "--src-tls-verify=false", "--src-authfile", config,
		"docker://"+reg.Ref("team/sidecar:"+tag), "oci:"+filepath.Join(t.TempDir(), "pulled")+":image")
	checkAttested(t, o, reg.Ref("team/sidecar:"+tag))
}

// checkAttested checks the bill of materials of each platform and its subject.
func checkAttested(t *testing.T, o options, ref string) {
	t.Helper()
	client, err := registry.New(registry.Options{InsecureRegistries: o.insecure, Getenv: o.getenv})
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := client.Resolve(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer pushed.Close()
	attached, err := attest.List(t.Context(), pushed)
	if err != nil || len(attached) != 2 || len(pushed.Manifests) != 2 {
		t.Fatalf("%d statements, %v", len(attached), err)
	}
	reader := attest.NewReader(pushed)
	for n, m := range pushed.Manifests {
		statement, err := reader.Read(t.Context(), attached[n])
		if err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile(filepath.Join(o.dir, "sidecar-linux-"+m.Platform.Architecture+".spdx.json"))
		if err != nil || !bytes.Equal(statement.Predicate, written) {
			t.Errorf("beside the image for %s there is %s", m.Platform.Architecture, statement.Predicate)
		}
		name := "pkg:generic/sidecar@v1.2.3?platform=linux%2F" + m.Platform.Architecture
		if attached[n].Image != m.Descriptor.Digest || statement.Subject[0].Name != name {
			t.Errorf("the statement is about %s, %v", attached[n].Image, statement.Subject)
		}
	}
}

// readFile reads a file as text.
func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// proxyPage is the response of nginx to a refused request.
const proxyPage = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n" +
	"<center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"

// isPush reports whether r writes to the repository that the fixture pushes to.
func isPush(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/v2/out/") && r.Method != http.MethodGet && r.Method != http.MethodHead
}

// answer returns a handler that responds to matching requests with a status and a body.
func answer(
	match func(*http.Request) bool, status int, header http.Header, body string,
) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !match(r) {
			return false
		}
		io.Copy(io.Discard, r.Body)
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
		return true
	}
}

// Each of these servers refuses a push in a different way. The build ends, reports nothing as
// pushed, and returns a one-line error with a remedy.
func TestServersThatRefuseAPush(t *testing.T) {
	isUploadStart := func(r *http.Request) bool { return isPush(r) && r.Method == http.MethodPost }
	isBlob := func(r *http.Request) bool {
		return isPush(r) && strings.Contains(r.URL.Path, "/blobs/uploads/") && r.Method == http.MethodPut
	}
	isTag := func(r *http.Request) bool { return isPush(r) && strings.HasSuffix(r.URL.Path, "/manifests/v1") }
	isManifest := func(r *http.Request) bool { return isPush(r) && strings.Contains(r.URL.Path, "/manifests/") }
	everything := func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v2/out/") }
	jsonError := func(code, message string) string {
		return `{"errors":[{"code":"` + code + `","message":"` + message + `"}]}`
	}
	tests := map[string]struct {
		serve func(http.ResponseWriter, *http.Request) bool
		want  []string
	}{
		"upload address by plain HTTP": {
			answer(isUploadStart, http.StatusAccepted,
				http.Header{"Location": {"http://uploads.example/v2/out/blobs/uploads/1"}}, ""),
			[]string{"uploads.example", "X-Forwarded-Proto"},
		},
		"login page behind a redirect": {
			answer(isPush, http.StatusFound, http.Header{"Location": {"http://localhost:1/login?token=canary"}}, ""),
			[]string{"redirects a P", "localhost:1", "login page"},
		},
		"login page for everything": {
			answer(everything, http.StatusOK, http.Header{"Content-Type": {"text/html"}}, "<html>login</html>"),
			[]string{"the push seemed to succeed, but"},
		},
		"body that is too large for a proxy": {
			answer(isBlob, http.StatusRequestEntityTooLarge, http.Header{"Content-Type": {"text/html"}}, proxyPage),
			[]string{"refused", "413 Request Entity Too Large", "client_max_body_size"},
		},
		"tag that is immutable": {
			answer(isTag, http.StatusPreconditionFailed, nil,
				jsonError("PRECONDITION", "Failed to process request due to 'x:v1' configured as immutable.")),
			[]string{"refused", "release under a new tag"},
		},
		"read-only registry": {
			answer(isUploadStart, http.StatusMethodNotAllowed, nil, ""),
			[]string{"refused", "405", "read-only"},
		},
		"manifests of attestations": {
			answer(isManifest, http.StatusBadRequest, nil, jsonError("MANIFEST_INVALID", "manifest invalid")),
			[]string{"refused", "manifest invalid", "--provenance=false"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.opts.Outputs[0].Names = []string{f.reg.Ref("out:v1")}
			f.hook.on(tt.serve)
			_, built, err := f.build(t, t.Context())
			var failure *pipeline.Error
			if !errors.As(err, &failure) || failure.Kind != pipeline.Registry || built != nil {
				t.Fatalf("built %v, error %v", built, err)
			}
			text := err.Error()
			for _, want := range append(tt.want, f.reg.Ref("out")) {
				if !strings.Contains(text, want) {
					t.Errorf("%q does not mention %q", text, want)
				}
			}
			for _, never := range []string{"\n", "<html", "canary", "failed to solve", "failed to push"} {
				if strings.Contains(text, never) {
					t.Errorf("%q contains %q", text, never)
				}
			}
		})
	}
}

// The indexes of Docker's official images, podman and buildah contain the variant of arm64.
func TestVerifyTakesTheVariantOfThePlatform(t *testing.T) {
	f := newFixture(t)
	arm := pull(t, f.base.Ref, "linux/arm64")
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add:        arm,
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}},
	})
	f.opts.BaseRef = f.reg.PushIndex(t, "variant:1", index).Ref
	_, built, err := f.build(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report := f.verify(t, built.Images[0])
	if len(report.Problems) > 0 {
		t.Errorf("problems: %v", report.Problems)
	}
}

// indexOf returns an index of images.
func indexOf(list ...mutate.IndexAddendum) v1.ImageIndex {
	return mutate.AppendManifests(empty.Index, list...)
}

// artifact returns a manifest that is not an image, such as a signature.
func artifact() v1.Image {
	return mutate.ConfigMediaType(empty.Image, "application/vnd.example.signature")
}

// Tools that copy images list artifacts in the index, or drop the annotations of attestations.
func TestBaseWithOtherEntries(t *testing.T) {
	f := newFixture(t)
	image := mutate.IndexAddendum{Add: pull(t, f.base.Ref, "linux/amd64")}
	signature := mutate.IndexAddendum{Add: artifact()}
	attestation := mutate.IndexAddendum{
		Add:        registrytest.Configure(t, empty.Image, func(*v1.ConfigFile) {}),
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}},
	}
	f.opts.BaseRef = f.reg.PushIndex(t, "others:1", indexOf(signature, image, attestation)).Ref
	built := f.mustBuild(t)
	if report := f.verify(t, built.Images[0]); len(report.Problems) > 0 {
		t.Errorf("problems: %v", report.Problems)
	}
	base, err := f.opts.Registry.Resolve(t.Context(), f.opts.BaseRef)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	if len(base.Others) != 2 || len(base.Manifests) != 1 {
		t.Errorf("%d images and the other entries %v, want 1 and 2", len(base.Manifests), base.Others)
	}
}

func TestBaseWithoutImages(t *testing.T) {
	f := newFixture(t)
	f.opts.BaseRef = f.reg.PushIndex(t, "others:1", indexOf(mutate.IndexAddendum{Add: artifact()})).Ref
	_, _, err := f.build(t, t.Context())
	if err == nil || !strings.Contains(err.Error(), "not a container image") {
		t.Errorf("error %v", err)
	}
}

// A release on such a base could not be verified, or not be built at all.
func TestBasesThatContradictThemselves(t *testing.T) {
	layer := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}
	tests := map[string]struct {
		change func(*v1.ConfigFile)
		want   string
	}{
		"another platform": {func(c *v1.ConfigFile) { c.Architecture = "arm64" }, "linux/arm64"},
		"a layer more": {
			func(c *v1.ConfigFile) { c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, layer) }, "in its configuration",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.opts.BaseRef = f.reg.PushIndex(t, "odd:1", indexOf(mutate.IndexAddendum{
				Add:        registrytest.Configure(t, pull(t, f.base.Ref, "linux/amd64"), tt.change),
				Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}},
			})).Ref
			_, built, err := f.build(t, t.Context())
			var failure *registry.Error
			if built != nil || !errors.As(err, &failure) || failure.Kind != registry.Invalid ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("built %v, error %v, want one with %q", built, err, tt.want)
			}
		})
	}
}

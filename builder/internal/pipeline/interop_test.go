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

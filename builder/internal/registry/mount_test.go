// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A registry, or a proxy in front of it, may refuse to mount a blob from another
// repository. The upload is then started without the mount, once.
func TestRefusedMountBecomesAnUpload(t *testing.T) {
	const mount = "/v2/out/blobs/uploads/?from=base&mount=sha256%3Aabc"
	const upload = "/v2/out/blobs/uploads/"
	tests := map[string]struct {
		method, target string
		answers        []any
		status         int
		want           []string
	}{
		"mounted":                    {http.MethodPost, mount, []any{201}, 201, []string{mount}},
		"ignored":                    {http.MethodPost, mount, []any{202}, 202, []string{mount}},
		"forbidden":                  {http.MethodPost, mount, []any{403, 202}, 202, []string{mount, upload}},
		"not found":                  {http.MethodPost, mount, []any{404, 202}, 202, []string{mount, upload}},
		"not allowed":                {http.MethodPost, mount, []any{405, 202}, 202, []string{mount, upload}},
		"upload is forbidden, too":   {http.MethodPost, mount, []any{403, 403}, 403, []string{mount, upload}},
		"upload without mount":       {http.MethodPost, upload, []any{403}, 403, []string{upload}},
		"unauthorized is containerd": {http.MethodPost, mount, []any{401}, 401, []string{mount}},
		"a read":                     {http.MethodGet, mount, []any{403}, 403, []string{mount}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var targets []string
			answers := &script{steps: tt.answers}
			transport := mountFallback{roundTrip(func(r *http.Request) (*http.Response, error) {
				targets = append(targets, r.URL.RequestURI())
				return answers.RoundTrip(r)
			})}
			req, err := http.NewRequestWithContext(t.Context(), tt.method, "https://r.example"+tt.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := transport.RoundTrip(req)
			if err != nil || resp.StatusCode != tt.status {
				t.Fatalf("response %v, error %v, want status %d", resp, err, tt.status)
			}
			if diff := cmp.Diff(tt.want, targets); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

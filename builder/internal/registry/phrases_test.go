// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"

	"github.com/prismeai/workspaces-release/builder/internal/egress"
	"github.com/prismeai/workspaces-release/builder/internal/errtext/errtexttest"
)

// TestStatusOfUntypedError checks that the status is found in the text of containerd's error after
// the error has lost its type on BuildKit's connection.
func TestStatusOfUntypedError(t *testing.T) {
	for code, want := range map[int]int{
		http.StatusUnauthorized: 401, http.StatusPreconditionFailed: 412, http.StatusBadGateway: 502, http.StatusOK: 0,
	} {
		typed := remoteserrors.ErrUnexpectedStatus{
			Status:        fmt.Sprintf("%d %s", code, http.StatusText(code)),
			StatusCode:    code,
			RequestMethod: http.MethodPut,
			RequestURL:    "https://r.example:5000/v2/a/manifests/v1",
		}
		text := fmt.Sprintf("failed to push r.example:5000/a:v1: %v", typed)
		if got := statusOf(errors.New(text)); got != want {
			t.Errorf("%d instead of %d: %s", got, want, text)
		}
	}
}

// TestPhrases checks the table against errors of the libraries where a test can make them, and
// against recorded errors elsewhere.
func TestPhrases(t *testing.T) {
	push := func(err error) string { return fmt.Sprintf("failed to push r.example/x: %v", err) }
	alert := &net.OpError{Op: "remote error", Err: tls.AlertError(116)}
	proxy := &egress.ProxyError{Proxy: "proxy:3128", Target: "r.example:443", Status: "403 Forbidden"}
	errtexttest.Check(t, phrases, map[string]meaning{
		push(proxy): proxyRefusal,
		"Head \"https://r.example/v2/\": tls: failed to verify certificate: " +
			"x509: certificate signed by unknown authority": untrusted,
		push(&plainHTTPError{host: "r.example"}): untrusted,
		push(alert):                              tlsAlert,
		"refused to reach r.example by plain HTTP: the proxy in front of it does not pass X-Forwarded-Proto": plainUpload,
		"config.json (docker-credential-ecr-login): exit status 1":                                           helperFailure,
		"PUT https://r.example/v2/x/manifests/1: 412 Precondition Failed: Failed to process request due to " +
			"'x:1' configured as immutable.": immutableTag,
		"The image tag '1' already exists in the 'x' repository and cannot be overwritten because the tag is " +
			"immutable.": immutableTag,
		push(docker.ErrInvalidAuthorization):                                                                   noAccess,
		push(fmt.Errorf("%w: no basic auth credentials", docker.ErrInvalidAuthorization)):                      noAccess,
		"server message: insufficient_scope: authorization failed":                                             noAccess,
		push(docker.ErrorCodeUnauthorized.WithMessage("authentication required")):                              noAccess,
		push(docker.ErrorCodeDenied.WithMessage("requested access to the resource is denied")):                 noAccess,
		push(docker.Errors{docker.Error{Code: docker.ErrorCodeUnknown, Message: "name unknown: x"}}):           notThere,
		"unexpected status from GET request to https://r.example/v2/x: 404 Not Found: manifest unknown: x":     notThere,
		push(docker.ErrorCodeUnsupported.WithMessage("pull-through cache")):                                    notAllowed,
		"POST to r.example: a login page or another proxy is in front of the registry":                         notAllowed,
		"unexpected status from PUT request to https://r.example/v2/x: 400 Bad Request: manifest invalid: x":   notAllowed,
		"unexpected status from PUT request to https://r.example/v2/x: 405 Method Not Allowed: unsupported: x": readOnly,
		"http: server closed idle connection":                                                                  closedBeforeUse,
	})
}

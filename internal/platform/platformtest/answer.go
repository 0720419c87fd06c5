// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

const correlationHeader = "X-Correlation-Id"

// object is a JSON object.
type object = map[string]any

func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err) // all bodies are created here
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client may have gone
}

// writeError responds with an error in the shape of the variant (platform contract §1.4).
func (p *Platform) writeError(w http.ResponseWriter, status int, code, message string, details any) {
	body := object{"error": code, "message": message}
	if p.opts.NestedErrors {
		body = object{"code": code, "message": message, "requestId": w.Header().Get(correlationHeader)}
	}
	if details != nil {
		body["details"] = details
	}
	if p.opts.NestedErrors {
		body = object{"error": body}
	}
	writeJSON(w, status, body)
}

// rejectUnknownRoute responds to an unknown path. Missing objects are an ObjectNotFoundError instead.
func rejectUnknownRoute(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusNotFound, object{"error": "RequestValidationError", "message": "not found",
		"details": []object{{"path": r.URL.Path, "message": "not found"}}})
}

func serveHealthcheck(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, object{"healthy": true})
}

// OpOf returns the operation of a request, as named by package platform, or "other".
func OpOf(r *http.Request) string {
	switch path := r.URL.Path; {
	case r.Method == http.MethodPost && path == "/v2/workspaces/platform/versions/latest/pull":
		return "pull"
	case r.Method == http.MethodPost && path == "/v2/workspaces/platform/versions":
		return "push"
	case path == "/v2/workspaces/platform":
		return "workspace"
	case path == "/v2/workspaces" && r.Method == http.MethodPost:
		return "create"
	case path == "/v2/workspaces":
		return "workspaces"
	case path == "/v2/readiness":
		return "readiness"
	case path == "/v2/me":
		return "me"
	case path == "/sys/healthcheck":
		return "healthcheck"
	case hasSuffix(path, "/events"):
		return "events"
	case hasSuffix(path, "/status"):
		return "status"
	case hasSuffix(path, "/export"):
		return "export"
	case path == "/v2/workspaces/import", hasSuffix(path, "/import"):
		return "import"
	case strings.HasPrefix(path, "/v2/workspaces/") && strings.Count(path, "/") == 3:
		return map[string]string{http.MethodGet: "detail", http.MethodPatch: "patch"}[r.Method]
	}
	return "other"
}

// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
)

// maxJoining limits the description of a joining pod, in bytes.
const maxJoining = 256 << 20

// joining is the description that a pod of another process sends.
type joining struct {
	Release *Release
	Native  []string
}

// Share serves the platform to pods in other processes, which [Join] it, and to tests:
//
//	PUT  /pods/{name}               adds a pod that lives as long as the request
//	     /pods/{name}/…             forwards to the pod
//	GET  /ledger, /installed        [Platform.Ledger] and [Platform.Installed] as JSON
//	POST /fail/{slug}, /heal/{slug}     [Platform.Fail] with the body as message, [Platform.Heal]
//	POST /hold/{slug}, /resume/{slug}   [Platform.Hold], [Platform.Resume]
//	POST /token                     [Platform.SetToken] with the body
//
// There is no authentication.
func (p *Platform) Share() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /pods/{name}", p.lendPod)
	mux.HandleFunc("/pods/{name}/", p.serveLentPod)
	mux.HandleFunc("GET /ledger", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, p.Ledger()) })
	mux.HandleFunc("GET /installed",
		func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, p.Installed()) })
	for path, do := range map[string]func(slug, body string){
		"POST /fail/{slug}":   p.Fail,
		"POST /heal/{slug}":   func(slug, _ string) { p.Heal(slug) },
		"POST /hold/{slug}":   func(slug, _ string) { p.Hold(slug) },
		"POST /resume/{slug}": func(slug, _ string) { p.Resume(slug) },
		"POST /token":         func(_, body string) { p.SetToken(body) },
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJoining))
			if err != nil {
				return // the client has gone
			}
			do(r.PathValue("slug"), string(body))
			writeJSON(w, http.StatusOK, object{})
		})
	}
	return mux
}

// lendPod adds a pod for another process. An existing pod of the same name belongs to the previous run
// of a restarted container, and is killed.
func (p *Platform) lendPod(w http.ResponseWriter, r *http.Request) {
	var in joining
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body,
		maxJoining)) // read all of it: a server only notices past the body that the client has gone
	if err != nil || json.Unmarshal(body, &in) != nil || in.Release == nil {
		p.writeError(w, http.StatusBadRequest, "BadParameters", "Body is not a release", nil)
		return
	}
	p.forgetPod(r.PathValue("name"))
	pod := p.NewPod(r.PathValue("name"), in.Release)
	defer pod.Kill()
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // on error the client has gone, which cancels the context
	if len(in.Native) > 0 {
		pod.StartNative(in.Native...)
	}
	select {
	case <-r.Context().Done():
	case <-pod.lifetime().Done():
	}
}

// forgetPod kills the pods with the name.
func (p *Platform) forgetPod(name string) {
	p.mu.Lock()
	of := func(pod *Pod) bool { return pod.Name == name }
	old := slices.DeleteFunc(slices.Clone(p.pods), func(pod *Pod) bool { return !of(pod) })
	p.pods = slices.DeleteFunc(p.pods, of)
	p.mu.Unlock()
	for _, pod := range old {
		pod.Kill()
	}
}

func (p *Platform) serveLentPod(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p.mu.Lock()
	i := slices.IndexFunc(p.pods, func(pod *Pod) bool { return pod.Name == name && !pod.state.killed })
	var pod *Pod
	if i >= 0 {
		pod = p.pods[i]
	}
	p.mu.Unlock()
	if pod == nil {
		panic(http.ErrAbortHandler) // like a killed pod
	}
	http.StripPrefix("/pods/"+name, pod).ServeHTTP(w, r)
}

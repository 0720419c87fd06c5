// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// held is the workspace of the last group at which imports are held. All workspaces before it are
// imported by then.
const held = "claims-intake"

// world is a namespace with its own platform.
type world struct {
	*cluster
	t         *testing.T
	namespace string
	set       []string // values of every installation in it
	pods      *watch
}

const token = "at:first"

// platformManifest has a namespace that enforces the Pod Security standard restricted, and the platform
// in it.
var platformManifest = template.Must(template.New("").Parse(`
apiVersion: v1
kind: Namespace
metadata: {name: {{.Namespace}}, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: platform, namespace: {{.Namespace}}}
spec:
  selector: {matchLabels: {app: platform}}
  template:
    metadata: {labels: {app: platform}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: platform
          image: {{.Image}}
          imagePullPolicy: IfNotPresent
          command: [/bin/fake-platform, --share, ":8080", --gateway, ":8081", --service-url, "http://workspaces",
            --token, "{{.Token}}", --import-time, 100ms{{range .Variants}}, --variant, {{.}}{{end}}]
          readinessProbe: {httpGet: {path: /sys/healthcheck, port: 8081}, periodSeconds: 1}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: platform, namespace: {{.Namespace}}}
spec:
  selector: {app: platform}
  ports: [{name: share, port: 8080}, {name: gateway, port: 80, targetPort: 8081}]
---
apiVersion: v1
kind: Secret
metadata: {name: platform-token, namespace: {{.Namespace}}}
stringData: {token: "{{.Token}}"}
`))

// world creates a namespace for the test, with a platform of the given variants.
func (c *cluster) world(t *testing.T, name string, variants ...string) *world {
	t.Helper()
	w := &world{cluster: c, t: t, namespace: "workspaces-release-" + name}
	w.mustKubectl("delete", "namespace", w.namespace, "--ignore-not-found", "--wait")
	var manifest bytes.Buffer
	if err := platformManifest.Execute(&manifest, map[string]any{"Namespace": w.namespace, "Image": stock, "Token": token,
		"Variants": variants}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	w.apply(manifest.String())
	w.mustKubectl("rollout", "status", "deployment/platform", "--timeout", "60s")
	w.pods = w.watchPods()
	return w
}

// end logs the state of the namespace if the test failed, and deletes the namespace.
func (w *world) end() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if w.t.Failed() {
		for _, args := range [][]string{{"get", "all"}, {"get", "events", "--sort-by", "lastTimestamp"},
			{"logs", "deployment/platform", "--tail", "60"},
			{"logs", "--selector", "e2e=pod", "--container", "release-sidecar", "--tail", "20", "--prefix"}} {
			out, err := command(ctx, "", w.kubectl, w.namespaced(args)...)
			w.t.Logf("%s\n%s%v", strings.Join(args, " "), out, err)
		}
	}
	if _, err := command(ctx, "", w.kubectl, "delete", "namespace", w.namespace, "--ignore-not-found",
		"--wait=false"); err != nil {
		w.t.Error(err)
	}
}

func (w *world) namespaced(args []string) []string {
	return append([]string{"--namespace", w.namespace}, args...)
}

func (w *world) tryKubectl(args ...string) (string, error) {
	return command(w.t.Context(), "", w.cluster.kubectl, w.namespaced(args)...)
}

func (w *world) mustKubectl(args ...string) string {
	w.t.Helper()
	return mustRun(w.t, w.cluster.kubectl, w.namespaced(args)...)
}

func (w *world) apply(manifest string) {
	w.t.Helper()
	if _, err := command(w.t.Context(), manifest, w.cluster.kubectl,
		w.namespaced([]string{"apply", "-f", "-"})...); err != nil {
		w.t.Fatal(err)
	}
}

// in returns the world for a subtest.
func (w *world) in(t *testing.T) *world {
	part := *w
	part.t = t
	return &part
}

// shared returns a path of [platformtest.Platform.Share], reached through the API server.
func (w *world) shared(path string) string {
	return "/api/v1/namespaces/" + w.namespace + "/services/platform:share/proxy/" + path
}

func (w *world) ledger() platformtest.Ledger {
	w.t.Helper()
	return decode[platformtest.Ledger](w.t, w.mustKubectl("get", "--raw", w.shared("ledger")))
}

// steer posts a command to the platform, such as hold/slug.
func (w *world) steer(path, body string) {
	w.t.Helper()
	if _, err := command(w.t.Context(), body, w.cluster.kubectl, "create", "--raw", w.shared(path), "-f",
		"-"); err != nil {
		w.t.Fatal(err)
	}
}

// awaitImport waits until the import of a workspace at a version has begun, and returns the importing pod.
func (w *world) awaitImport(slug, version string) (pod string) {
	w.t.Helper()
	eventually(w.t, func() error {
		l := w.ledger()
		for _, i := range l.ImportsOf(slug) {
			if i.Version == version && i.Outcome == "" {
				pod = i.Pod
				return nil
			}
		}
		return fmt.Errorf("no import of %s %s", slug, version)
	})
	return pod
}

// wantInstalled fails unless the database has all workspaces of a release.
func (w *world) wantInstalled(version string) {
	w.t.Helper()
	if err := w.installed(version); err != nil {
		w.t.Error(err)
	}
}

func (w *world) installed(version string) error {
	out, err := w.tryKubectl("get", "--raw", w.shared("installed"))
	if err != nil {
		return err
	}
	all := decode[[]platformtest.Installed](w.t, out)
	var wrong []error
	for _, i := range all {
		if i.Version != version {
			wrong = append(wrong, fmt.Errorf("%s is installed at %q, not %s", i.Slug, i.Version, version))
		}
	}
	if len(all) != workspaceCount {
		wrong = append(wrong, fmt.Errorf("%d workspaces are installed, not %d", len(all), workspaceCount))
	}
	return errors.Join(wrong...)
}

// workspaceCount is the number of example workspaces.
const workspaceCount = 8

// wantImports fails unless the ledger has, since the given position, exactly one attempt for each
// workspace of the release, by pods that exist.
func (w *world) wantImports(since platformtest.Ledger, version string, by ...string) {
	w.t.Helper()
	count := map[string]int{}
	for _, i := range w.ledger().Imports[len(since.Imports):] {
		count[i.Slug]++
		if i.Version != version || i.Outcome != platformtest.Imported || !slices.Contains(by, i.Pod) {
			w.t.Errorf("%s %s was imported by %s: %q, want %s by one of %s", i.Slug, i.Version, i.Pod, i.Outcome, version, by)
		}
	}
	for slug, n := range count {
		if n != 1 {
			w.t.Errorf("%s was imported %d times", slug, n)
		}
	}
	if len(count) != workspaceCount {
		w.t.Errorf("%d workspaces were imported, want %d", len(count), workspaceCount)
	}
	w.wantOneImporter()
}

func (w *world) wantNoImports(since platformtest.Ledger) {
	w.t.Helper()
	if news := w.ledger().Imports[len(since.Imports):]; len(news) > 0 {
		w.t.Errorf("there was nothing to import, but %+v", news)
	}
	w.wantOneImporter()
}

func (w *world) wantOneImporter() {
	w.t.Helper()
	l := w.ledger()
	if both := l.Overlaps(); len(both) > 0 {
		w.t.Errorf("imports at the same time: %s", both)
	}
}

// helmValues are the values of every installation of the chart.
const helmValues = `
fullnameOverride: workspaces
workload: {podLabels: {e2e: pod}}
sidecar:
  image: {repository: ` + repository + `sidecar, tag: e2e}
  gatewayURL: http://platform
  settings: {poll: 1s, retry-max: 3s}
hooks: {test: {timeoutSeconds: 5}}
token: {existingSecret: platform-token}
`

// tryHelm runs helm upgrade --install with the chart and values for --set.
func (w *world) tryHelm(set []string, more ...string) (string, error) {
	args := []string{"upgrade", "--install", "acme", w.chart, "--namespace", w.namespace, "--values", "-", "--timeout",
		patience.String()}
	for _, s := range append(w.set, set...) {
		args = append(args, "--set", s)
	}
	return command(w.t.Context(), helmValues, w.helm, append(args, more...)...)
}

// helmTest returns the output of helm test. Helm prints the log of the pod to standard error.
func (w *world) helmTest() (string, error) {
	return command(w.t.Context(), "", "sh", "-c", `exec "$0" "$@" 2>&1`,
		w.helm, "test", "acme", "--namespace", w.namespace, "--timeout", "60s")
}

// helmRollback rolls back to a revision, or to the previous one, and waits for its import.
func (w *world) helmRollback(revision ...string) {
	w.t.Helper()
	args := append([]string{"rollback", "acme"}, revision...)
	mustRun(w.t, w.helm, append(args, "--namespace", w.namespace, "--wait", "--timeout", "5m")...)
}

func (w *world) install(set []string, more ...string) string {
	w.t.Helper()
	out, err := w.tryHelm(set, more...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// standalone returns the values with which the chart deploys the service.
func standalone(version string, replicas int, more ...string) []string {
	return append([]string{"workload.create=true", "workload.image.repository=" + service, "workload.image.tag=" + version,
		fmt.Sprintf("workload.replicas=%d", replicas), "workload.preStopSleepSeconds=2",
		"workload.terminationGracePeriodSeconds=15"}, more...)
}

func (w *world) rolledOut(deployment string) {
	w.t.Helper()
	w.mustKubectl("rollout", "status", "deployment/"+deployment, "--timeout", patience.String())
}

// revision returns the revision of the Helm release acme.
func (w *world) revision() string {
	w.t.Helper()
	out := mustRun(w.t, w.helm, "history", "acme", "--namespace", w.namespace, "--max", "1", "-o", "json")
	return fmt.Sprint(decode[[]struct{ Revision int }](w.t, out)[0].Revision)
}

// since formats the time since a moment, for people.
func since(began time.Time) string { return time.Since(began).Round(100 * time.Millisecond).String() }

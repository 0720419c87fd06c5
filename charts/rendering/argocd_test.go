// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// argoPage describes the chart under Argo CD.
const argoPage = root + "/docs/argocd.md"

// argoPhases maps the hooks of Helm to the phases of Argo CD, as its package
// pkg/sync/hook/helm does. Argo CD never applies a hook that is not listed here.
var argoPhases = map[string]string{
	"pre-install":  "PreSync",
	"pre-upgrade":  "PreSync",
	"post-install": "PostSync",
	"post-upgrade": "PostSync",
}

// application is the part of an Application that decides what Argo CD renders.
type application struct {
	Metadata struct{ Name string }
	Spec     struct {
		Destination struct{ Namespace string }
		Source      struct {
			Chart          string
			TargetRevision string `yaml:"targetRevision"`
			Helm           struct {
				ValuesObject map[string]any `yaml:"valuesObject"`
			}
		}
	}
}

// manifest is the part of a rendered resource that Argo CD reads for hooks and waves.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name, Namespace string
		Annotations     map[string]string
	}
}

// documentedApplication returns the first Application of the page.
func documentedApplication(t *testing.T) application {
	t.Helper()
	block := regexp.MustCompile("(?s)```yaml\n(apiVersion: argoproj.io.*?)```").FindStringSubmatch(readFile(t, argoPage))
	if block == nil {
		t.Fatalf("%s has no Application", argoPage)
	}
	var app application
	if err := yaml.Unmarshal([]byte(block[1]), &app); err != nil {
		t.Fatal(err)
	}
	return app
}

// renderAsArgoCD calls Helm with the arguments that Argo CD's util/helm passes.
func renderAsArgoCD(t *testing.T, app application, more ...string) string {
	t.Helper()
	data, err := yaml.Marshal(app.Spec.Source.Helm.ValuesObject)
	if err != nil {
		t.Fatal(err)
	}
	values := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(values, data, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"template", chart, "--name-template", app.Metadata.Name, "--namespace", app.Spec.Destination.Namespace,
		"--kube-version", latest, "--values", values,
		"--api-versions", "apps/v1", "--api-versions", "apps/v1/Deployment", "--include-crds",
	}
	out, err := helm(t, append(args, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// manifests splits a rendering, and fails on resources that Argo CD would report as repeated.
func manifests(t *testing.T, text string) []manifest {
	t.Helper()
	var all []manifest
	seen := map[string]bool{}
	for dec := yaml.NewDecoder(strings.NewReader(text)); ; {
		var m manifest
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("%s %s %s/%s", m.APIVersion, m.Kind, m.Metadata.Namespace, m.Metadata.Name)
		if m.APIVersion == "" || m.Metadata.Name == "" || seen[key] {
			t.Errorf("%q is repeated, or lacks its version or name", key)
		}
		seen[key] = true
		all = append(all, m)
	}
}

// phaseOf returns the phase in which Argo CD applies a resource: "Sync" for ordinary ones,
// and "not run" for hooks that it does not support.
func phaseOf(m manifest) string {
	hooks, isHook := m.Metadata.Annotations["helm.sh/hook"]
	if !isHook {
		return "Sync"
	}
	for hook := range strings.SplitSeq(hooks, ",") {
		if phase, ok := argoPhases[hook]; ok {
			return phase
		}
	}
	return "not run"
}

// TestArgoCDApplicationOfThePage renders the documented Application.
func TestArgoCDApplicationOfThePage(t *testing.T) {
	app := documentedApplication(t)
	if got := app.Spec.Source.Chart; got != filepath.Base(chart) {
		t.Errorf("the chart is %q", got)
	}
	if want := "version: " + app.Spec.Source.TargetRevision + "\n"; !strings.Contains(readFile(t, chart+"/Chart.yaml"),
		want) {
		t.Errorf("the chart does not have the %s", want)
	}
	rendered := renderAsArgoCD(t, app)
	if diff := cmp.Diff(rendered, renderAsArgoCD(t, app)); diff != "" {
		t.Errorf("two renderings differ, so the application is never in sync:\n%s", diff)
	}
	phases := map[string]string{}
	for _, m := range manifests(t, rendered) {
		if m.Metadata.Namespace != app.Spec.Destination.Namespace {
			t.Errorf("%s %s is in the namespace %q", m.Kind, m.Metadata.Name, m.Metadata.Namespace)
		}
		phases[m.Kind+" "+m.Metadata.Name] = phaseOf(m)
	}
	for resource, want := range map[string]string{
		"Deployment workspaces-workspaces-release":        "Sync",
		"ConfigMap workspaces-workspaces-release-current": "Sync",
		"Service workspaces-workspaces-release-metrics":   "Sync",
		"PrometheusRule workspaces-workspaces-release":    "Sync",
		"Job workspaces-workspaces-release-confirm":       "PostSync",
		"Pod workspaces-workspaces-release-test":          "not run",
	} {
		if got := phases[resource]; got != want {
			t.Errorf("Argo CD applies %s in the phase %q, want %q", resource, got, want)
		}
	}
}

// TestArgoCDHooksOfThePage compares the table of hooks with what the chart renders.
func TestArgoCDHooksOfThePage(t *testing.T) {
	app := documentedApplication(t)
	inject := application{Metadata: app.Metadata, Spec: app.Spec}
	inject.Spec.Source.Helm.ValuesObject = map[string]any{
		"inject":  map[string]any{"enabled": true},
		"sidecar": map[string]any{"image": map[string]any{"repository": "registry.example.com/team/sidecar"}},
	}
	page := readFile(t, argoPage)
	rows := regexp.MustCompile("(?m)^\\| (.+) \\| `([a-z,-]+)` \\| (.+) \\|$").FindAllStringSubmatch(page, -1)
	var documented []string
	for _, row := range rows {
		documented = append(documented, row[2]+" "+row[3])
	}
	hooks := map[string]bool{}
	for _, one := range []application{app, inject} {
		for _, m := range manifests(t, renderAsArgoCD(t, one)) {
			if hook, ok := m.Metadata.Annotations["helm.sh/hook"]; ok {
				hooks[hook+" "+phaseOf(m)] = true
			}
		}
	}
	for hook := range hooks {
		if !slices.Contains(documented, hook) {
			t.Errorf("%s has no row for %q", argoPage, hook)
		}
	}
	for _, row := range documented {
		if !hooks[row] {
			t.Errorf("%s has a row for %q, which the chart does not render", argoPage, row)
		}
	}
	if len(rows) != 4 {
		t.Errorf("the table has %d rows", len(rows))
	}
}

// TestArgoCDWithoutThePagesEvents shows why the page adds post-upgrade: by default, Argo CD
// never runs the Job that waits for the pods.
func TestArgoCDWithoutThePagesEvents(t *testing.T) {
	app := documentedApplication(t)
	delete(app.Spec.Source.Helm.ValuesObject, "hooks")
	for _, m := range manifests(t, renderAsArgoCD(t, app)) {
		if m.Kind == "Job" && phaseOf(m) != "not run" {
			t.Errorf("Argo CD runs %s in %s", m.Metadata.Name, phaseOf(m))
		}
	}
}

// TestArgoCDOnOpenShift covers both ways in which the page says OpenShift is recognized.
func TestArgoCDOnOpenShift(t *testing.T) {
	app := documentedApplication(t)
	byAPI := renderAsArgoCD(t, app, "--api-versions", "security.openshift.io/v1")
	app.Spec.Source.Helm.ValuesObject["openshift"] = "enabled"
	if diff := cmp.Diff(byAPI, renderAsArgoCD(t, app)); diff != "" {
		t.Errorf("openshift: enabled renders something else than the API versions:\n%s", diff)
	}
	if got := at(decode(t, byAPI), sidecar+"securityContext/runAsUser"); got != nil {
		t.Errorf("the sidecar runs as %v", got)
	}
}

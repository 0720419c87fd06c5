// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// imageVolume tests a release without programs that is mounted over the stock image.
func (c *cluster) imageVolume(t *testing.T) {
	w := c.world(t, "image-volume")
	set := []string{"workload.create=true", "workload.replicas=2", "workload.preStopSleepSeconds=2",
		"workload.image.repository=" + service, "workload.image.tag=stock",
		"imageVolume.enabled=true", "imageVolume.reference=" + content + ":" + releaseA, "imageVolume.repositoryName=Release " + releaseA,
		"imageVolume.groupLabels.base1={base1}", "imageVolume.groupLabels.base2={base2}", "imageVolume.groupLabels.extended={extended}"}
	if c.minor < 36 {
		c.prove(t, "image volume mode is refused on an old cluster", func(t *testing.T) string {
			_, err := w.in(t).tryHelm(set)
			wantError(t, err, "imageVolume.enabled: Kubernetes")
			return "it wants Kubernetes 1.36"
		})
		return
	}
	c.prove(t, "image volume mode imports a content-only release", func(t *testing.T) string { return w.in(t).first(set) })
}

// ordinaryContainer tests the chart without native sidecars.
func (c *cluster) ordinaryContainer(t *testing.T) {
	w := c.world(t, "ordinary", "readiness-needs-pod")
	c.prove(t, "an ordinary container beside the service does the same", func(t *testing.T) string {
		return w.in(t).first(standalone(releaseA, 2, "sidecar.native=false"))
	})
}

// observation tests mode observe. The service pauses for half a minute between groups.
func (c *cluster) observation(t *testing.T) {
	w := c.world(t, "observation")
	c.prove(t, "observe mode verifies the service's own import", func(t *testing.T) string {
		return w.in(t).first(standalone(releaseA, 2, "mode=observe", "release.repository=release",
			"release.groups={base1,base2,extended}"))
	})
}

// first installs the chart with two replicas.
func (w *world) first(set []string) string {
	before, began := w.ledger(), time.Now()
	w.install(set, "--wait")
	took := since(began)
	pods := w.awaitReady(2, releaseA)
	wantSidecars(w.t, pods, true)
	w.wantImports(before, releaseA, of(pods, releaseA)...)
	w.wantInstalled(releaseA)
	return "helm install --wait: " + took
}

// bringYourOwn adds the output of the chart to the vendor's Deployment.
func (c *cluster) bringYourOwn(t *testing.T) {
	for output, add := range map[string]func(w *world, printed string) string{"patch": kustomized, "snippet": pasted} {
		w := c.world(t, output)
		c.prove(t, "what output="+output+" prints makes the vendor's Deployment verify its release",
			func(t *testing.T) string { return w.in(t).bring(output, add) })
	}
}

func (w *world) bring(output string, add func(w *world, printed string) string) string {
	printed, err := command(w.t.Context(), helmValues, w.helm, "template", "acme", w.chart, "--namespace", w.namespace,
		"--values", "-",
		"--set", "output="+output+",target.container=prismeai-workspaces")
	if err != nil {
		w.t.Fatal(err)
	}
	before := w.ledger()
	w.apply(add(w, strings.ReplaceAll(printed, "@releaseImage", service+":"+releaseA)))
	w.rolledOut(vendor)
	pods := w.awaitReady(2, releaseA)
	wantSidecars(w.t, pods, true)
	w.wantImports(before, releaseA, of(pods, releaseA)...)
	w.wantInstalled(releaseA)
	return ""
}

// kustomized returns the vendor's manifest with the printed patch.
func kustomized(w *world, patch string) string {
	w.t.Helper()
	dir := w.t.TempDir()
	for name, text := range map[string]string{
		"vendor.yaml": w.vendorManifest(releaseA), "patch.yaml": patch,
		"kustomization.yaml": "resources: [vendor.yaml]\n" + kustomization(w.t, patch),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.mustKubectl("kustomize", dir)
}

// kustomization returns the line for kustomization.yaml from the comment of the patch.
func kustomization(t *testing.T, patch string) string {
	t.Helper()
	for line := range strings.Lines(patch) {
		if line, ok := strings.CutPrefix(line, "#   patches: "); ok {
			return "patches: " + strings.Replace(line, "THIS FILE", "patch.yaml", 1)
		}
	}
	t.Fatalf("the patch does not say how it is used:\n%s", patch)
	return ""
}

// pasted returns the vendor's manifest with the printed snippet.
func pasted(w *world, printed string) string {
	w.t.Helper()
	var snippet struct {
		InitContainers []any `yaml:"initContainers"`
		Containers     []any
		Volumes        []any
		Service        struct{ Env []any }
	}
	if err := yaml.Unmarshal([]byte(printed), &snippet); err != nil {
		w.t.Fatal(err)
	}
	deployment, rest, _ := strings.Cut(w.vendorManifest(releaseA), "\n---\n")
	var d map[string]any
	if err := yaml.Unmarshal([]byte(deployment), &d); err != nil {
		w.t.Fatal(err)
	}
	spec := d["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	container := spec["containers"].([]any)[0].(map[string]any)
	container["env"] = append(slices.DeleteFunc(container["env"].([]any),
		func(v any) bool { return has(snippet.Service.Env, v) }), snippet.Service.Env...)
	spec["initContainers"], spec["volumes"] = snippet.InitContainers, snippet.Volumes
	spec["containers"] = append(spec["containers"].([]any), snippet.Containers...)
	out, err := yaml.Marshal(d)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(out) + "\n---\n" + rest
}

// has reports whether a variable of the same name exists.
func has(env []any, variable any) bool {
	return slices.ContainsFunc(env,
		func(v any) bool { return v.(map[string]any)["name"] == variable.(map[string]any)["name"] })
}

// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// pack packages a copy of the chart under another version, as tools that install charts do.
func pack(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := helm(t, "package", chart, "--version", version, "--app-version", version, "--destination",
		dir); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "workspaces-release-"+version+".tgz")
}

var labelValue = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)

// wantLabels fails unless all labels and names of the resources are valid.
func wantLabels(t *testing.T, out string) {
	t.Helper()
	n := 0
	for dec := yaml.NewDecoder(strings.NewReader(out)); ; {
		var r struct {
			Kind     string
			Metadata struct {
				Name   string
				Labels map[string]string
			}
		}
		if dec.Decode(&r) != nil {
			break
		}
		n++
		longest := map[bool]int{true: 63, false: 253}[!strings.HasPrefix(r.Kind, "MutatingAdmissionPolicy")]
		if !regexp.MustCompile(`^[a-z]([-a-z0-9.]*[a-z0-9])?$`).MatchString(r.Metadata.Name) ||
			len(r.Metadata.Name) > longest {
			t.Errorf("%s: the name %s", r.Kind, r.Metadata.Name)
		}
		for label, value := range r.Metadata.Labels {
			if !labelValue.MatchString(value) {
				t.Errorf("%s: the label %s is %s", r.Kind, label, value)
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d resources", n)
	}
}

// TestVersionOfTheChart covers Flux, which adds +DIGEST to the version of a chart from a registry.
func TestVersionOfTheChart(t *testing.T) {
	for version, want := range map[string]struct{ label, tag string }{
		"0.1.0+abc123": {"workspaces-release-0.1.0_abc123", "0.1.0"},
		"1.2.3-rc.1+" + strings.Repeat("a.", 40) + "b": {"workspaces-release-1.2.3-rc.1_a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "1.2.3-rc.1"},
	} {
		out, err := helm(t, "template", "acme", pack(t, version), "--namespace", "prod", "--kube-version", latest, "--values",
			"testdata/values/standalone.yaml", "--set", "sidecar.image.tag=")
		if err != nil {
			t.Fatal(err)
		}
		wantLabels(t, out)
		all := decode(t, out)
		if got := at(all, "Deployment/metadata/labels/helm.sh~chart"); got != want.label {
			t.Errorf("%s: the label of the chart is %v, want %s", version, got, want.label)
		}
		if got := at(all, sidecar+"image"); got != "registry.example.com/acme/sidecar:"+want.tag {
			t.Errorf("%s: the image is %v, want the tag %s", version, got, want.tag)
		}
	}
}

// TestNames checks that shortened names stay unique.
func TestNames(t *testing.T) {
	seen := map[string]string{}
	long := strings.Repeat("long-", 10)
	for _, c := range []struct {
		release string
		sets    []string
		want    string
	}{
		{"acme", nil, "^acme-workspaces-release$"},
		{"my-workspaces-release", nil, "^my-workspaces-release$"},
		{"acme", sets("nameOverride=content"), "^acme-content$"},
		{"acme", sets("fullnameOverride=content"), "^content$"},
		{long + "a", nil, "^long-.*-[0-9a-f]{8}$"},
		{long + "b", nil, "^long-.*-[0-9a-f]{8}$"},
		{"a.b", nil, "^a-b-workspaces-release-[0-9a-f]{8}$"},
		{"a-b", nil, "^a-b-workspaces-release$"},
		{"1a", nil, "^r-1a-workspaces-release-[0-9a-f]{8}$"},
		{"acme", sets("nameOverride=" + strings.Repeat("n", 63)), "^acme-n*-[0-9a-f]{8}$"},
		{"acme", sets("fullnameOverride=" + strings.Repeat("n", 63)), "^n*-[0-9a-f]{8}$"},
	} {
		args := []string{"template", c.release, chart, "--namespace", "prod", "--kube-version", latest, "--values",
			"testdata/values/standalone.yaml"}
		out, err := helm(t, append(args, c.sets...)...)
		if err != nil {
			t.Fatal(err)
		}
		wantLabels(t, out)
		name, _ := at(decode(t, out), "Deployment/metadata/name").(string)
		if !regexp.MustCompile(c.want).MatchString(name) || len(name) > 52 {
			t.Errorf("%s %s: %s, want %s", c.release, c.sets, name, c.want)
		}
		what := fmt.Sprint(c.release, c.sets)
		if other, there := seen[name]; there {
			t.Errorf("%s and %s are both called %s", what, other, name)
		}
		seen[name] = what
	}
	wantLabels(t, mustTemplate(t, "inject", sets("fullnameOverride="+strings.Repeat("n", 63))...))
}

// umbrella is a chart that depends on ours twice, under two names, and has values.
func umbrella(t *testing.T, values string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Chart.yaml": `
apiVersion: v2
name: umbrella
version: 1.0.0
dependencies:
  - {name: workspaces-release, version: 0.x.x-0, condition: workspaces-release.enabled, tags: [content]}
  - {name: workspaces-release, version: 0.x.x-0, alias: second_One, condition: second_One.enabled}
`,
		"values.yaml": values,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "charts/workspaces-release"), os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	return dir
}

const ourValues = `{enabled: true, sidecar: {image: {repository: other.example.com/acme/sidecar, tag: v1}},
  workload: {create: true, image: {repository: acme/prismeai-workspaces, tag: v2}},
  imagePullSecrets: [{name: own}], target: null, inject: null}`

// TestDependency covers conditions, aliases and global values of a parent chart.
func TestDependency(t *testing.T) {
	dir := umbrella(t, `
tags: {content: true}
global:
  imageRegistry: mirror.example.com/proxy/
  imagePullSecrets: [shared, {name: named}, own]
  storageClass: {whatever: [1, null]}
workspaces-release: `+strings.ReplaceAll(ourValues, "target: null, inject: null", "inject: null")+`
second_One: `+strings.ReplaceAll(ourValues, "target: null, inject: null", "inject: null")+`
`)
	out, err := helm(t, "template", "workspaces-release", dir, "--namespace", "prod", "--kube-version", latest)
	if err != nil {
		t.Fatal(err)
	}
	wantLabels(t, out)
	all := decode(t, out)
	for path, want := range map[string]any{
		sidecar + "image":        "mirror.example.com/proxy/acme/sidecar:v1",
		service + "image":        "mirror.example.com/proxy/acme/prismeai-workspaces:v2",
		"ConfigMap/data/release": "mirror.example.com/proxy/acme/prismeai-workspaces:v2",
		pod + "imagePullSecrets": []any{map[string]any{"name": "own"}, map[string]any{"name": "shared"}, map[string]any{"name": "named"}},
	} {
		if diff := cmp.Diff(want, at(all, path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	names := regexp.MustCompile(`(?m)^kind: Deployment\nmetadata:\n  name: (.*)$`).FindAllStringSubmatch(out, -1)
	if len(names) != 2 || names[0][1] == names[1][1] {
		t.Errorf("the Deployments are called %s", names)
	}

	off, err := helm(t, "template", "acme", dir, "--kube-version", latest, "--set",
		"workspaces-release.enabled=false,second_One.enabled=false")
	if err != nil || strings.Contains(off, "kind:") {
		t.Errorf("%v: disabled dependencies render\n%s", err, off)
	}
}

// TestAnyGlobal checks that unknown global values, which other charts may need, are accepted.
func TestAnyGlobal(t *testing.T) {
	want := mustTemplate(t, "standalone")
	for _, global := range []string{"null", "{}", `{"imageRegistry":"","imagePullSecrets":[]}`,
		`{"imageRegistry":null,"imagePullSecrets":null,"a":{"b":[null]}}`, `{"imagePullSecrets":""}`} {
		if diff := cmp.Diff(want, mustTemplate(t, "standalone", "--set-json", "global="+global)); diff != "" {
			t.Errorf("%s: %s", global, diff)
		}
	}
	out := mustTemplate(t, "image-volume", sets("global.imageRegistry=localhost:5000",
		"global.imagePullSecrets=shared")...)
	for path, want := range map[string]any{
		pod + "volumes/[workspaces-release-manifest]/image/reference": "localhost:5000/acme/release:v2.4.0",
		pod + "imagePullSecrets":    []any{map[string]any{"name": "shared"}},
		"Pod/spec/imagePullSecrets": []any{map[string]any{"name": "shared"}},
	} {
		if diff := cmp.Diff(want, at(decode(t, out), path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

// TestTwoReleasesInANamespace checks that two releases share no name, and their dashboards no file, uid or title.
func TestTwoReleasesInANamespace(t *testing.T) {
	type key struct{ kind, name string }
	seen := map[key]string{}
	var dashboards []map[string]any
	for _, release := range []string{"blue", "green"} {
		for _, way := range []string{"standalone", "inject"} {
			out, err := helm(t, "template", release+"-"+way, chart, "--namespace", "prod", "--kube-version", latest, "--values",
				"testdata/values/"+way+".yaml",
				"--set", "monitoring.dashboard.enabled=true,monitoring.podMonitor.enabled=true")
			if err != nil {
				t.Fatal(err)
			}
			for dec := yaml.NewDecoder(strings.NewReader(out)); ; {
				var r struct {
					Kind     string
					Metadata struct{ Name string }
					Data     map[string]string
				}
				if dec.Decode(&r) != nil {
					break
				}
				k := key{r.Kind, r.Metadata.Name}
				if other, there := seen[k]; there {
					t.Errorf("%s and %s have %v", other, release+"-"+way, k)
				}
				seen[k] = release + "-" + way
				dashboards = append(dashboards, dashboardsOf(t, r.Data)...)
			}
		}
	}
	for _, what := range []string{"file", "uid", "title"} {
		var values []string
		for _, d := range dashboards {
			values = append(values, fmt.Sprint(d[what]))
		}
		slices.Sort(values)
		if len(slices.Compact(values)) != 4 {
			t.Errorf("%s of the dashboards: %s", what, values)
		}
	}
}

func dashboardsOf(t *testing.T, data map[string]string) (all []map[string]any) {
	t.Helper()
	for file, text := range data {
		if !strings.HasSuffix(file, ".json") {
			continue
		}
		var d map[string]any
		if err := yaml.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		d["file"] = file
		if uid, _ := d["uid"].(string); len(uid) > 40 {
			t.Errorf("Grafana refuses the uid %s", uid)
		}
		all = append(all, d)
	}
	return all
}

// TestVersionsOfDistributions covers versions of Kubernetes with suffixes.
func TestVersionsOfDistributions(t *testing.T) {
	for version, ways := range map[string][]string{
		"1.36.1+rke2": {"inject", "image-volume", "standalone"}, "v1.29.4-gke.1": {"standalone"}, "v1.30.2-eks-1552ad0": {"standalone"}, "1.25.16+k3s1": {"ordinary", "watch"},
	} {
		for _, way := range ways {
			mustTemplate(t, way, "--kube-version", version)
		}
	}
	if _, err := template(t, "inject", "--kube-version", "v1.35.9-gke.7"); err == nil {
		t.Error("1.35 is taken for 1.36")
	}
}

// TestOpenShiftWithoutACluster covers helm template and Argo CD, which know only the APIs passed to them.
func TestOpenShiftWithoutACluster(t *testing.T) {
	for _, api := range []string{"security.openshift.io/v1", "security.openshift.io/v1/SecurityContextConstraints",
		"route.openshift.io/v1"} {
		if got := at(decode(t, mustTemplate(t, "standalone", "--api-versions", api)),
			sidecar+"securityContext/runAsUser"); got != nil {
			t.Errorf("%s: runs as %v", api, got)
		}
	}
}

// TestEveryContainerHasResources checks that a ResourceQuota accepts every container. Two values set CPU
// limits, which a quota may require.
func TestEveryContainerHasResources(t *testing.T) {
	for _, way := range []string{"standalone", "everything", "ordinary", "image-volume", "inject"} {
		out := mustTemplate(t, way, sets("sidecar.resources.limits.cpu=200m", "workload.resources.limits.cpu=1")...)
		seen := 0
		for dec := yaml.NewDecoder(strings.NewReader(out)); ; {
			var r map[string]any
			if dec.Decode(&r) != nil {
				break
			}
			spec := at(r, "spec")
			if template := at(r, "spec/template/spec"); template != nil {
				spec = template
			}
			for _, list := range []string{"initContainers", "containers"} {
				containers, _ := at(spec, list).([]any)
				for _, c := range containers {
					seen++
					for _, want := range []string{"requests/cpu", "requests/memory", "requests/ephemeral-storage", "limits/cpu",
						"limits/memory", "limits/ephemeral-storage"} {
						if at(c, "resources/"+want) == nil {
							t.Errorf("%s: %s of %v has no %s", way, nameOf(c), r["kind"], want)
						}
					}
				}
			}
		}
		if seen < 3 {
			t.Errorf("%s: only %d containers", way, seen)
		}
	}
}

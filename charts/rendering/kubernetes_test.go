// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// apiServer runs the program that contains the admission code of the API server.
func apiServer(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	return tool(t, "kubernetes", in, args...)
}

// versions returns the versions of the Makefile. .tools has one program with the types of each.
func versions(t *testing.T) map[string]string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^KUBERNETES := (.*)$`).FindStringSubmatch(readFile(t, root+"/Makefile"))
	files := map[string]string{}
	for v := range strings.FieldsSeq(line[1]) {
		file := filepath.Join(tools, "kubernetes-"+v+".go")
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("%v: make .tools/bin/kubernetes-%s.go", err, v)
		}
		files["1."+v] = file
	}
	if len(files) < 9 {
		t.Fatalf("only %d versions", len(files))
	}
	return files
}

// TestVersions renders all features that each version supports, and validates them with its types.
func TestVersions(t *testing.T) {
	young := []string{"inject", "image-volume"} // since 1.36
	for version, types := range versions(t) {
		for _, way := range ways(t) {
			if way == "snippet" || slices.Contains(young, way) && version < "1.36" {
				continue
			}
			t.Run(version+"/"+way, func(t *testing.T) {
				t.Parallel()
				if _, err := apiServer(t, mustTemplate(t, way, "--kube-version", version), "validate", types); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestTypesAreStrict checks that the validation rejects invalid manifests.
func TestTypesAreStrict(t *testing.T) {
	all := versions(t)
	out := mustTemplate(t, "standalone")
	for old, wrong := range map[string]string{
		"readinessProbe:":                       "readynessProbe:",
		"containerPort: 3002":                   `containerPort: "http"`,
		"policy/v1":                             "policy/v1alpha1",
		"restartPolicy: Always\n          args": "restartPolicy: [Always]\n          args",
	} {
		if !strings.Contains(out, old) {
			t.Fatalf("no %q", old)
		}
		if _, err := apiServer(t, strings.ReplaceAll(out, old, wrong), "validate", all["1.37.2"]); err == nil {
			t.Errorf("%q is valid", wrong)
		}
	}
	inject := mustTemplate(t, "inject")
	if _, err := apiServer(t, inject, "validate", all["1.35.10"]); err == nil ||
		!strings.Contains(err.Error(), "MutatingAdmissionPolicy") {
		t.Errorf("1.35 has a type of 1.36: %v", err)
	}
}

// admit returns the pod after the policy of the chart has changed it.
func admit(t *testing.T, pod string, more ...string) (documents, error) {
	t.Helper()
	policy, err := yaml.Marshal(at(decode(t, mustTemplate(t, "inject", more...)), "MutatingAdmissionPolicy"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, policy, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := apiServer(t, pod, "admit", file)
	if err != nil {
		return nil, err
	}
	return decode(t, out), nil
}

const (
	barePod = `
metadata: {name: w, namespace: prod}
spec:
  containers:
    - {name: prismeai-workspaces, image: "registry/release:v1"}
`
	fullPod = `
metadata: {name: w, namespace: prod}
spec:
  imagePullSecrets: [{name: theirs}]
  initContainers: [{name: theirs, image: other}]
  containers:
    - {name: mesh, image: mesh, env: [{name: STARTUP_IMPORT_GROUPS, value: untouched}]}
    - name: prismeai-workspaces
      image: registry/release:v1
      env:
        - {name: A, value: a}
        - {name: STARTUP_IMPORT_GROUPS, valueFrom: {configMapKeyRef: {name: c, key: k}}}
        - {name: Z, value: z}
  volumes: [{name: theirs, emptyDir: {}}]
`
)

// names returns the names of the items of a list of a pod.
func names(all documents, path string) []string {
	var list []string
	items, _ := at(all, path).([]any)
	for _, item := range items {
		list = append(list, nameOf(item))
	}
	return list
}

// TestInjection checks that the policy changes pods as the snippet says.
func TestInjection(t *testing.T) {
	ours := []string{"workspaces-release-manifest", "release-sidecar"}
	volumes := []string{"workspaces-release-manifest", "workspaces-release-token"}
	for name, c := range map[string]struct {
		pod, container                 string
		inits, volumes, env, pullNames []string
		more                           []string
	}{
		"bare": {barePod, "prismeai-workspaces", ours, volumes, []string{"STARTUP_IMPORT_GROUPS"}, []string{"registry"}, nil},
		"full": {fullPod, "prismeai-workspaces", append(slices.Clone(ours), "theirs"), append([]string{"theirs"}, volumes...),
			[]string{"A", "STARTUP_IMPORT_GROUPS", "Z"}, []string{"theirs", "registry"},
			sets("target.container=prismeai-workspaces")},
		"observing": {barePod, "prismeai-workspaces", ours, volumes, []string{"STARTUP_IMPORT_REPOSITORY", "STARTUP_IMPORT_GROUPS"}, []string{"registry"},
			sets("mode=observe", "release.repository=release", "release.groups={a,b}")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := admit(t, c.pod, c.more...)
			if err != nil {
				t.Fatal(err)
			}
			service := "Pod/spec/containers/[" + c.container + "]/"
			got := [][]string{names(all, "Pod/spec/initContainers"), names(all, "Pod/spec/volumes"), names(all, service+"env"),
				names(all, "Pod/spec/imagePullSecrets")}
			if diff := cmp.Diff([][]string{c.inits, c.volumes, c.env, c.pullNames}, got); diff != "" {
				t.Error(diff)
			}
			if image := at(all, "Pod/spec/initContainers/[workspaces-release-manifest]/image"); image != "registry/release:v1" {
				t.Errorf("the manifest is copied from %v", image)
			}
			groups := at(all, service+"env/[STARTUP_IMPORT_GROUPS]")
			if want := map[bool]any{false: nil, true: "a,b"}[name == "observing"]; at(groups, "value") != want ||
				at(groups, "valueFrom") != nil {
				t.Errorf("the service imports %v", groups)
			}
			if name == "full" && at(all, "Pod/spec/containers/[mesh]/env/[STARTUP_IMPORT_GROUPS]/value") != "untouched" {
				t.Error("another container was changed")
			}
		})
	}
}

// TestInjectionIsTheSnippet checks that the policy injects what output=snippet prints.
func TestInjectionIsTheSnippet(t *testing.T) {
	all, err := admit(t, barePod)
	if err != nil {
		t.Fatal(err)
	}
	text := mustTemplate(t, "snippet", sets("sidecar.gatewayURL=https://api.example.com/v2")...)
	snippet := decode(t, strings.ReplaceAll(text, "@releaseImage", "registry/release:v1"))[""]
	for _, list := range []string{"initContainers", "volumes", "imagePullSecrets"} {
		if diff := cmp.Diff(at(snippet, list), at(all, "Pod/spec/"+list)); diff != "" {
			t.Errorf("%s: %s", list, diff)
		}
	}
}

// TestInjectedOnce checks that the policy does not change a pod that has the sidecar, from a snippet or from
// an earlier policy.
func TestInjectedOnce(t *testing.T) {
	for _, list := range []string{"initContainers", "containers"} {
		pod := strings.Replace(fullPod, "name: theirs, image: other", "name: release-sidecar, image: other", 1)
		if list == "containers" {
			pod = strings.Replace(fullPod, "name: mesh", "name: release-sidecar", 1)
		}
		all, err := admit(t, pod, sets("target.container=prismeai-workspaces")...)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(all, "Pod/spec/volumes"); len(got) != 1 || len(names(all, "Pod/spec/initContainers")) != 1 {
			t.Errorf("%s: volumes %q", list, got)
		}
	}
}

// TestContainerThatIsNotThere checks that the pod is rejected or left unchanged, according to failurePolicy.
func TestContainerThatIsNotThere(t *testing.T) {
	_, err := admit(t, barePod, sets("target.container=other")...)
	want := "target.container of the chart acme-workspaces-release.prod: the pod has no container other, it has " +
		"prismeai-workspaces"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	all, err := admit(t, barePod, sets("target.container=other", "inject.failurePolicy=Ignore")...)
	if err != nil || at(all, "Pod/spec/initContainers") != nil || at(all, "Pod/metadata/annotations") != nil {
		t.Errorf("the pod is changed: %v\n%v", err, all)
	}
	for _, policy := range []string{"Fail", "Ignore"} {
		all := decode(t, mustTemplate(t, "inject", sets("inject.failurePolicy="+policy)...))
		if got := at(all, "MutatingAdmissionPolicy/spec/failurePolicy"); got != policy {
			t.Errorf("%v, want %s", got, policy)
		}
	}
}

// TestInjectionIsBound checks that the policy covers only the target's pods in the namespace of the release.
func TestInjectionIsBound(t *testing.T) {
	all := decode(t, mustTemplate(t, "inject"))
	for path, want := range map[string]any{
		"MutatingAdmissionPolicy/spec/matchConstraints/namespaceSelector/matchLabels": map[string]any{"kubernetes.io/metadata.name": "prod"},
		"MutatingAdmissionPolicy/spec/matchConstraints/objectSelector/matchLabels":    map[string]any{"app.kubernetes.io/name": "prismeai-workspaces"},
		"MutatingAdmissionPolicyBinding/spec/policyName":                              at(all, "MutatingAdmissionPolicy/metadata/name"),
	} {
		if diff := cmp.Diff(want, at(all, path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

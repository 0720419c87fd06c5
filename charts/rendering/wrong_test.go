// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestWrongValues sets each value of testdata/wrong.yaml to something invalid. Helm reports all errors of the
// schema at once, so one run tries many.
func TestWrongValues(t *testing.T) {
	var cases []wrong
	for line := range strings.Lines(readFile(t, "testdata/wrong.txt")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			cases = append(cases, parseWrong(t, line))
		}
	}
	if len(cases) < 150 {
		t.Fatalf("only %d wrong values", len(cases))
	}
	for len(cases) > 0 {
		var batch, rest []wrong
		for _, c := range cases {
			if slices.ContainsFunc(batch, c.touches) {
				rest = append(rest, c)
			} else {
				batch = append(batch, c)
			}
		}
		refuse(t, batch)
		cases = rest
	}
}

// wrong is an invalid value: its path, such as sidecar.port, and its JSON.
type wrong struct{ path, value string }

func parseWrong(t *testing.T, line string) wrong {
	t.Helper()
	path, value, ok := strings.Cut(line, " = ")
	if !ok || !json.Valid([]byte(value)) {
		t.Fatalf("%q is not a path and a JSON value", line)
	}
	return wrong{path, value}
}

// touches reports whether two cases cannot be tried in one run.
func (w wrong) touches(other wrong) bool {
	a, b := w.pointer()+"/", other.pointer()+"/"
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

// pointer returns the path as messages write it, such as /a/0.
func (w wrong) pointer() string {
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(w.path)
}

// named reports whether a message names the value, by its path or as an unknown or missing key of its parent.
func (w wrong) named(message string) bool {
	pointer := w.pointer()
	parent, key := filepath.Split(pointer)
	parent = strings.TrimSuffix(parent, "/")
	for line := range strings.Lines(message) {
		place, what, _ := strings.Cut(line, "': ")
		_, place, _ = strings.Cut(place, "at '")
		switch {
		case place == pointer, strings.HasPrefix(place, pointer+"/"):
			return true
		case place == parent && (strings.HasPrefix(what, "additional properties ") ||
			strings.HasPrefix(what, "missing propert")) && strings.Contains(what, "'"+key+"'"):
			return true
		}
	}
	return false
}

// refuse fails unless the chart rejects each of the values.
func refuse(t *testing.T, batch []wrong) {
	t.Helper()
	args := []string{"template", "acme", chart, "--kube-version", latest}
	for _, c := range batch {
		args = append(args, "--set-json", c.path+"="+c.value)
	}
	_, err := helm(t, args...)
	if err == nil {
		t.Fatalf("%q are accepted", batch)
	}
	for _, c := range batch {
		if !c.named(err.Error()) {
			t.Errorf("%s = %s is not refused by its name in\n%v", c.path, c.value, err)
		}
	}
}

// TestContradictions covers values that are valid alone but not together.
func TestContradictions(t *testing.T) {
	for _, c := range []struct {
		want, values string
		more         []string
	}{
		{"inject.enabled: the chart deploys the service", "standalone", sets("inject.enabled=true")},
		{"inject.enabled: Kubernetes v1.35.0 does not serve", "inject", []string{"--kube-version", "1.35.0"}},
		{"imageVolume.enabled: injection takes", "inject", sets("imageVolume.enabled=true")},
		{"imageVolume.enabled: Kubernetes v1.35.0", "image-volume", []string{"--kube-version", "1.35.0"}},
		{"imageVolume.reference: ", "image-volume", sets("imageVolume.reference=")},
		{"imageVolume.repositoryName: ", "image-volume", sets("imageVolume.repositoryName=")},
		{"imageVolume.groupLabels: ", "standalone", sets("imageVolume.enabled=true", "imageVolume.reference=a:b", "imageVolume.repositoryName=a")},
		{"workload.image.repository: ", "watch", sets("workload.create=true", "sidecar.image.repository=a")},
		{"workload.image.tag: ", "standalone", sets("workload.image.tag=")},
		{"deployment.yaml:5:4): sidecar.image.repository: name", "standalone", sets("sidecar.image.repository=")},
		{"snippet.yaml:4:4): sidecar.image.repository: name", "snippet", sets("sidecar.image.repository=")},
		{"inject.yaml:5:4): sidecar.image.repository: name", "inject", sets("sidecar.image.repository=")},
		{"workload.env: PORT is set by workload.port", "standalone", sets("workload.env[0].name=PORT")},
		{"workload.env: A is set by an earlier item", "standalone", sets("workload.env[0].name=A", "workload.env[1].name=A")},
		{"workload.env: WORKSPACES_STORAGE_GIT_PLATFORM_release_TYPE is set by imageVolume", "image-volume", sets("workload.env[0].name=WORKSPACES_STORAGE_GIT_PLATFORM_release_TYPE")},
		{"workload.volumes: the chart has a volume tmp itself", "standalone", []string{"--set-json", `workload.volumes=[{"name":"tmp","emptyDir":{}}]`}},
		{"workload.volumeMounts: the chart mounts /tmp itself", "standalone", []string{"--set-json", `workload.volumeMounts=[{"name":"a","mountPath":"/tmp/"}]`}},
		{"sidecar.port: the service of the pod listens on 9400", "standalone", sets("workload.port=9400")},
		{"sidecar.port: the service of the pod listens on 8080", "inject", sets("target.port=8080", "sidecar.port=8080")},
		{"commonLabels: the chart sets app.kubernetes.io/name", "standalone", []string{"--set-json", `commonLabels={"app.kubernetes.io/name":"x"}`}},
		{"workload.podLabels: the chart sets app.kubernetes.io/instance", "standalone", []string{"--set-json", `workload.podLabels={"app.kubernetes.io/instance":"x"}`}},
		{"workload.preStopSleepSeconds: leaves less than 10 s", "standalone", sets("workload.preStopSleepSeconds=70")},
		{"global.imageRegistry: not a text", "standalone", sets("global.imageRegistry.a=b")},
		{"global.imagePullSecrets: not a list", "standalone", sets("global.imagePullSecrets.a=b")},
		{"global.imagePullSecrets: an item is neither", "standalone", []string{"--set-json", "global.imagePullSecrets=[7]"}},
		{"service.yaml:3:4): enabled: has no effect", "standalone", sets("enabled=false")},
		{"podmonitor.yaml:6:4): monitoring.podMonitor.enabled: enable podMonitor or serviceMonitor", "standalone", sets("monitoring.podMonitor.enabled=true", "monitoring.serviceMonitor.enabled=true")},
		{"sidecar.native: Kubernetes v1.28.0 has no native sidecars", "standalone", []string{"--kube-version", "1.28.0"}},
		{"sidecar.native: Kubernetes v1.28.0 has no native sidecars", "snippet", []string{"--kube-version", "1.28.0"}},
		{"sidecar.native: injection", "inject", sets("sidecar.native=false")},
		{"deployment.yaml:5:4): sidecar.identity: token requires", "standalone", sets("sidecar.identity=token")},
		{"sidecar.gatewayURL: the public API requires", "standalone", sets("sidecar.gatewayURL=https://x")},
		{"token.existingSecret: name the Secret here or enable token.externalSecret", "everything", sets("token.existingSecret=a")},
		{"token.externalSecret.secretStoreRef.name: ", "everything", sets("token.externalSecret.secretStoreRef.name=")},
		{"token.externalSecret.remoteRef.key: ", "everything", sets("token.externalSecret.remoteRef.key=")},
		{"extraCA.configMap: ", "everything", sets("extraCA.secret=a")},
		{"workload.env: STARTUP_IMPORT_GROUPS would make the service import beside", "standalone", sets("workload.env[0].name=STARTUP_IMPORT_GROUPS")},
		{"workload.env: STARTUP_IMPORT_REPOSITORY follows from release.repository", "everything", sets("workload.env[0].name=STARTUP_IMPORT_REPOSITORY")},
		{"release.groups: mode=observe requires", "standalone", sets("mode=observe", "release.repository=release")},
		{"release.repository: mode=observe requires", "standalone", sets("mode=observe", "release.groups={a}")},
		{"snippet.yaml:31:4): target.container: output=patch requires", "patch", sets("target.container=")},
		{"chart requires kubeVersion", "watch", []string{"--kube-version", "1.24.0"}},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Parallel()
			if out, err := template(t, c.values, c.more...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %q: %v\n%s", c.values, c.more, err, out)
			}
		})
	}
}

// TestSettings checks that each setting of the sidecar has its own value, or is accepted in sidecar.settings
// under its name.
func TestSettings(t *testing.T) {
	owned := []string{"manifest", "repository", "groups", "platform-url", "gateway-url", "token-file", "internal-key-file",
		"identity", "ca-file", "mode",
		"pod-name", "listen", "config", "current-release-file", "image", "drain-delay", "drain-timeout", "cluster", "namespace", "runbook-url",
		"timeout", "print-config", // not of run
		"admin-token-file", // without it, only callers in the pod are answered
		"termination-log"}  // that of Kubernetes
	var schema map[string]any
	if err := json.Unmarshal([]byte(readFile(t, chart+"/values.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	settings, _ := at(schema, "properties/sidecar/properties/settings/properties").(map[string]any)
	_, reference, _ := strings.Cut(readFile(t, root+"/docs/reference/sidecar.md"), "\n## Settings\n")
	flags := regexp.MustCompile("(?m)^\\| `--([a-z-]+)").FindAllStringSubmatch(reference, -1)
	if len(flags) != len(settings)+len(owned) {
		t.Errorf("%d settings in the reference, %d in the schema and %d that the chart makes", len(flags), len(settings),
			len(owned))
	}
	for _, f := range flags {
		if _, there := settings[f[1]]; there == slices.Contains(owned, f[1]) {
			t.Errorf("--%s: in the schema: %t, made by the chart: %t", f[1], there, !there)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

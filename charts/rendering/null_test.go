// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// nulls returns the keys to set to null by the path of their object: the object itself, and each of its keys
// that is not an object.
func nulls(t *testing.T, node *yaml.Node, path string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	if path != "" {
		all[path] = []string{path}
	}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := strings.TrimPrefix(path+"."+node.Content[i].Value, "."), node.Content[i+1]
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 && !strings.HasSuffix(key, "Labels") {
			for k, v := range nulls(t, value, key) {
				all[k] = append(all[k], v...)
			}
		} else {
			all[path+".*"] = append(all[path+".*"], key)
		}
	}
	return all
}

// nothing matches what a null must not leave in a manifest.
var nothing = regexp.MustCompile(`\bnull\b|<nil>|%!|: *\n *\n`)

// TestNull sets every value to null. This removes a default, or the error names the value. It never causes
// an error in a template or a null in a manifest.
func TestNull(t *testing.T) {
	var values yaml.Node
	if err := yaml.Unmarshal([]byte(readFile(t, chart+"/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	groups := nulls(t, values.Content[0], "")
	if len(groups) < 50 {
		t.Fatalf("only %d groups of values", len(groups))
	}
	for name, paths := range groups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			removeAll(t, paths)
		})
	}
}

// removeAll removes the values that can be removed, and checks that an error names each of the others.
func removeAll(t *testing.T, paths []string) {
	t.Helper()
	for len(paths) > 0 {
		var more []string
		for _, p := range paths {
			more = append(more, p+"=null")
		}
		out, err := template(t, "everything", sets(more...)...)
		if err == nil {
			if found := nothing.FindString(out); found != "" {
				t.Errorf("%s: %q in\n%s", paths, found, out)
			}
			return
		}
		var rest []string
		for _, p := range paths {
			if !strings.Contains(err.Error(), p+":") && !strings.Contains(err.Error(), p+".") &&
				!(wrong{path: p}).named(err.Error()) {
				rest = append(rest, p)
			}
		}
		if len(rest) == len(paths) {
			t.Fatalf("%s: %v", paths, err)
		}
		paths = rest
	}
}

// TestNullTakesADefaultAway covers examples that people write.
func TestNullTakesADefaultAway(t *testing.T) {
	all := decode(t, mustTemplate(t, "standalone", sets("sidecar.livenessProbe=null", "workload.startupProbe=null",
		"workload.strategy.rollingUpdate=null",
		"workload.resources.limits=null", "workload.podSecurityContext=null", "workload.containerSecurityContext=null", "sidecar.runAsUser=null", "sidecar.runAsGroup=null",
		"workload.terminationGracePeriodSeconds=null", "workload.progressDeadlineSeconds=null", "workload.topologySpreadConstraints=null", "workload.serviceAccount=null",
		"workload.pdb=null", "hooks=null", "monitoring=null", "token=null", "imageVolume=null")...))
	for path, want := range map[string]any{
		sidecar + "livenessProbe": nil, service + "startupProbe": nil, service + "securityContext": nil, service + "resources/limits": nil,
		pod + "securityContext": nil, pod + "terminationGracePeriodSeconds": nil, pod + "topologySpreadConstraints": nil, pod + "serviceAccountName": "default",
		"Deployment/spec/strategy/rollingUpdate": nil, "Deployment/spec/strategy/type": "RollingUpdate", "Deployment/spec/progressDeadlineSeconds": nil,
		sidecar + "securityContext/runAsUser": nil, sidecar + "securityContext/runAsNonRoot": true, sidecar + "env/[SIDECAR_DRAIN_TIMEOUT]/value": "20s",
		"PodDisruptionBudget": nil, "ServiceAccount": nil, "Job": nil,
	} {
		if got := at(all, path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	pod     = "Deployment/spec/template/spec/"
	sidecar = pod + "initContainers/[release-sidecar]/"
	copier  = pod + "initContainers/[workspaces-release-manifest]/"
	service = pod + "containers/[workspaces]/"
)

// TestPod checks what pods have. The documentation has the reason for each line.
func TestPod(t *testing.T) {
	for _, c := range []struct {
		values string
		sets   []string
		want   map[string]any
	}{
		{"standalone", nil, map[string]any{
			sidecar + "restartPolicy":                              "Always",
			sidecar + "image":                                      "registry.example.com/acme/sidecar:v1",
			sidecar + "readinessProbe/exec/command":                []any{"/sidecar", "ready"},
			sidecar + "readinessProbe/httpGet":                     nil,
			sidecar + "livenessProbe/httpGet/path":                 "/livez",
			sidecar + "startupProbe":                               nil,
			sidecar + "resources/limits/cpu":                       nil,
			sidecar + "securityContext/runAsGroup":                 65532,
			sidecar + "env/[SIDECAR_CURRENT_RELEASE_FILE]/value":   "/etc/workspaces-release/current/release",
			sidecar + "env/[SIDECAR_IMAGE]/value":                  "registry.example.com/acme/prismeai-workspaces:v2.4.0",
			sidecar + "env/[SIDECAR_DRAIN_DELAY]/value":            "10s",
			sidecar + "env/[SIDECAR_DRAIN_TIMEOUT]/value":          "65s",
			service + "lifecycle/preStop/httpGet/path":             "/drain",
			"ConfigMap/data/release":                               "registry.example.com/acme/prismeai-workspaces:v2.4.0",
			"ConfigMap/metadata/name":                              "acme-workspaces-release-current",
			pod + "volumes/[workspaces-release-current]/configMap": map[string]any{"name": "acme-workspaces-release-current"},
			"Deployment/spec/template/metadata/annotations":        map[string]any{"kubectl.kubernetes.io/default-container": "workspaces"},
			pod + "topologySpreadConstraints": []any{map[string]any{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
				"matchLabelKeys": []any{"pod-template-hash"},
				"labelSelector":  map[string]any{"matchLabels": map[string]any{"app.kubernetes.io/name": "workspaces-release", "app.kubernetes.io/instance": "acme"}}}},
			"Job/metadata/annotations/helm.sh~hook":                 "post-rollback",
			sidecar + "env/[SIDECAR_MODE]/value":                    "import",
			sidecar + "env/[SIDECAR_PLATFORM_URL]/value":            "http://localhost:3002",
			sidecar + "env/[SIDECAR_TOKEN_FILE]":                    nil,
			sidecar + "env/[HTTPS_PROXY]":                           nil,
			sidecar + "env/[NO_PROXY]":                              nil,
			sidecar + "volumeMounts/[workspaces-release-token]":     nil,
			copier + "image":                                        "registry.example.com/acme/prismeai-workspaces:v2.4.0",
			service + "image":                                       "registry.example.com/acme/prismeai-workspaces:v2.4.0",
			service + "env/[STARTUP_IMPORT_GROUPS]/value":           "",
			service + "env/[STARTUP_IMPORT_REPOSITORY]":             nil,
			service + "env/[PORT]/value":                            "3002",
			service + "resources/limits/cpu":                        nil,
			pod + "automountServiceAccountToken":                    false,
			pod + "containers/[release-sidecar]":                    nil,
			pod + "volumes/[workspaces-release-manifest]/emptyDir":  map[string]any{"sizeLimit": "64Mi"},
			"ServiceAccount/automountServiceAccountToken":           false,
			"Deployment/spec/replicas":                              2,
			"Deployment/spec/strategy/rollingUpdate/maxUnavailable": 0,
			"Deployment/spec/progressDeadlineSeconds":               3600,
			"PodDisruptionBudget/spec/unhealthyPodEvictionPolicy":   "AlwaysAllow",
			"HorizontalPodAutoscaler":                               nil,
			"NetworkPolicy":                                         nil,
			"ExternalSecret":                                        nil,
			"MutatingAdmissionPolicy":                               nil,
		}},
		{"everything", nil, map[string]any{
			sidecar + "image":                                                                      "registry.example.com/acme/sidecar@sha256:" + strings.Repeat("0", 64),
			sidecar + "env/[SIDECAR_MODE]/value":                                                   "observe",
			sidecar + "env/[SIDECAR_GROUPS]/value":                                                 "base1,base2",
			sidecar + "env/[SIDECAR_TOKEN_FILE]/value":                                             "/var/run/secrets/workspaces-release/token/token",
			sidecar + "env/[SIDECAR_CA_FILE]/value":                                                "/etc/workspaces-release/ca/ca-bundle.crt",
			sidecar + "env/[SIDECAR_GROUP_TIMEOUT]/value":                                          "45m",
			sidecar + "env/[SIDECAR_SERVICES]/value":                                               "",
			sidecar + "env/[SIDECAR_METRICS_WORKSPACES]/value":                                     "false",
			sidecar + "env/[SIDECAR_CONFIG]/value":                                                 "/etc/workspaces-release/config/sidecar.yaml",
			sidecar + "env/[NO_PROXY]/value":                                                       "localhost,127.0.0.1,::1,.svc,.cluster.local,.example.com",
			sidecar + "env/[HTTPS_PROXY]/value":                                                    "http://proxy:3128",
			service + "env/[STARTUP_IMPORT_REPOSITORY]/value":                                      "release",
			service + "env/[STARTUP_IMPORT_GROUPS]/value":                                          "base1,base2",
			service + "env/[WORKSPACE_SECRET_mail-sender_mailPassword]/valueFrom/secretKeyRef/key": "key",
			pod + "volumes/[workspaces-release-token]/secret":                                      map[string]any{"secretName": "acme-workspaces-release-token", "items": []any{map[string]any{"key": "token", "path": "token"}}},
			"Deployment/spec/replicas":                                                             nil,
			"Deployment/spec/template/metadata/labels/team":                                        "content",
			"ExternalSecret/spec/target/name":                                                      "acme-workspaces-release-token",
			"NetworkPolicy/spec/policyTypes":                                                       []any{"Ingress", "Egress"},
			"ServiceMonitor/spec/selector/matchLabels":                                             map[string]any{"app.kubernetes.io/name": "workspaces-release", "app.kubernetes.io/instance": "acme"},
			"HorizontalPodAutoscaler/spec/scaleTargetRef/name":                                     "acme-workspaces-release",
		}},
		{"ordinary", []string{"--kube-version", "1.28.0"}, map[string]any{
			sidecar + "name": nil,
			pod + "containers/[release-sidecar]/restartPolicy":               nil,
			pod + "containers/[release-sidecar]/readinessProbe/exec/command": []any{"/sidecar", "ready"},
			pod + "containers/[release-sidecar]/env/[SIDECAR_DRAIN_TIMEOUT]": nil,
			service + "lifecycle/preStop":                                    map[string]any{"exec": map[string]any{"command": []any{"sleep", "10"}}},
			copier + "name":                                                  "workspaces-release-manifest",
			copier + "command":                                               []any{"cp", "-R", "/www/release/.", "/run/workspaces-release"},
		}},
		{"openshift", nil, map[string]any{
			pod + "securityContext":                            map[string]any{"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
			sidecar + "securityContext/runAsUser":              nil,
			copier + "securityContext/runAsUser":               nil,
			sidecar + "securityContext/runAsNonRoot":           true,
			service + "securityContext/readOnlyRootFilesystem": true,
		}},
		{"standalone", []string{"--api-versions", "security.openshift.io/v1"}, map[string]any{sidecar + "securityContext/runAsUser": nil}},
		{"image-volume", nil, map[string]any{
			copier + "name": nil,
			sidecar + "volumeMounts/[workspaces-release-manifest]":               map[string]any{"name": "workspaces-release-manifest", "mountPath": "/run/workspaces-release", "subPath": "www/release", "readOnly": true},
			sidecar + "env/[SIDECAR_IMAGE]/value":                                "registry.example.com/acme/release:v2.4.0",
			"ConfigMap/data/release":                                             "registry.example.com/acme/release:v2.4.0",
			service + "volumeMounts/[workspaces-release-manifest]":               map[string]any{"name": "workspaces-release-manifest", "mountPath": "/www/workspaces", "subPath": "www/workspaces", "readOnly": true},
			service + "env/[WORKSPACES_STORAGE_GIT_PLATFORM_release_NAME]/value": "Release v2.4.0",
			service + "env/[WORKSPACES_STORAGE_GIT_PLATFORM_release_MODE]/value": "read-only",
			service + "env/[WORKSPACES_GROUP_one-product_LABELS]/value":          "product,extra",
			pod + "volumes/[workspaces-release-manifest]/image/reference":        "registry.example.com/acme/release:v2.4.0",
		}},
		{"standalone", sets("workload.preStopSleepSeconds=0", "workload.pdb.enabled=false", "workload.serviceAccount.create=false"), map[string]any{
			sidecar + "env/[SIDECAR_DRAIN_DELAY]": nil,
			"PodDisruptionBudget":                 nil,
			"ServiceAccount":                      nil,
			pod + "serviceAccountName":            "default",
		}},
		{"standalone", sets("workload.serviceAccount.name=mine", "fullnameOverride=other"), map[string]any{
			"ServiceAccount/metadata/name": "mine",
			pod + "serviceAccountName":     "mine",
			"Deployment/metadata/name":     "other",
		}},
		{"standalone", sets("extraCA.secret=ca", "internalKey.existingSecret=key", "sidecar.gatewayURL=https://x"), map[string]any{
			pod + "volumes/[workspaces-release-ca]/secret/secretName":           "ca",
			pod + "volumes/[workspaces-release-internal-key]/secret/secretName": "key",
			sidecar + "env/[SIDECAR_INTERNAL_KEY_FILE]/value":                   "/var/run/secrets/workspaces-release/internal-key/apiKey",
		}},
		{"standalone", sets("sidecar.readinessProbe.handler=http", "sidecar.port=9500"), map[string]any{
			sidecar + "readinessProbe/httpGet":                      map[string]any{"path": "/readyz", "port": 9500},
			sidecar + "readinessProbe/handler":                      nil,
			service + "lifecycle/preStop/httpGet/port":              9500,
			"Service/spec/ports/[metrics]/targetPort":               nil, // that of the service
			sidecar + "env/[SIDECAR_LISTEN]/value":                  ":9500",
			copier + "terminationMessagePolicy":                     "FallbackToLogsOnError",
			service + "terminationMessagePolicy":                    "FallbackToLogsOnError",
			"Pod/spec/containers/[status]/terminationMessagePolicy": "FallbackToLogsOnError",
		}},
		{"standalone", sets("workload.strategy.type=Recreate", "workload.replicas=null"), map[string]any{
			"Deployment/spec/strategy": map[string]any{"type": "Recreate"},
			"Deployment/spec/replicas": nil,
		}},
		{"standalone", []string{"--kube-version", "1.25.0", "--set", "sidecar.native=false,workload.hpa.enabled=true"}, map[string]any{
			"PodDisruptionBudget/spec/unhealthyPodEvictionPolicy": nil,
			"HorizontalPodAutoscaler/spec/metrics":                []any{map[string]any{"type": "Resource", "resource": map[string]any{"name": "cpu", "target": map[string]any{"type": "Utilization", "averageUtilization": 80}}}},
		}},
		{"standalone", sets("release.current=sha256:" + strings.Repeat("a", 64)), map[string]any{"ConfigMap/data/release": "sha256:" + strings.Repeat("a", 64)}},
		{"inject", nil, map[string]any{"ConfigMap": nil}},
		{"snippet", sets("release.current=registry.example.com/acme/prismeai-workspaces:v2.4.0"), map[string]any{
			"/volumes/[workspaces-release-current]/configMap":             map[string]any{"name": "acme-workspaces-release-current"},
			"/initContainers/[release-sidecar]/env/[SIDECAR_IMAGE]/value": "@releaseImage",
			"/service/lifecycle/preStop/httpGet/path":                     "/drain",
		}},
		{"watch", nil, map[string]any{
			"Deployment":                           nil,
			"Pod":                                  nil,
			"Service/spec/selector":                map[string]any{"app.kubernetes.io/name": "prismeai-workspaces"},
			"PodMonitor/spec/selector/matchLabels": map[string]any{"app.kubernetes.io/name": "prismeai-workspaces"},
		}},
	} {
		t.Run(fmt.Sprint(c.values, c.sets), func(t *testing.T) {
			t.Parallel()
			all := decode(t, mustTemplate(t, c.values, c.sets...))
			for _, path := range slices.Sorted(maps.Keys(c.want)) {
				if diff := cmp.Diff(c.want[path], at(all, path)); diff != "" {
					t.Errorf("%s: %s", path, diff)
				}
			}
		})
	}
}

// TestServiceImportsNothingUnasked checks that the chart's variables come last, because later entries of a
// list win.
func TestServiceImportsNothingUnasked(t *testing.T) {
	all := decode(t, mustTemplate(t, "standalone", sets("workload.env[0].name=A", "workload.env[0].value=b")...))
	env, _ := at(all, service+"env").([]any)
	if len(env) != 3 || nameOf(env[2]) != "STARTUP_IMPORT_GROUPS" {
		t.Errorf("%v", env)
	}
}

// TestPodSecurity checks that every container meets the standard "restricted".
func TestPodSecurity(t *testing.T) {
	for _, way := range []string{"standalone", "everything", "ordinary", "openshift", "image-volume"} {
		all := decode(t, mustTemplate(t, way))
		spec := at(all, strings.TrimSuffix(pod, "/"))
		seen := 0
		for _, list := range []string{"initContainers", "containers"} {
			containers, _ := at(spec, list).([]any)
			for _, c := range append(containers, testPod(all, list)...) {
				seen++
				for path, want := range map[string]any{
					"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "privileged": nil,
					"capabilities/drop": []any{"ALL"}, "capabilities/add": nil,
				} {
					if diff := cmp.Diff(want, at(c, "securityContext/"+path)); diff != "" {
						t.Errorf("%s: %s: %s: %s", way, nameOf(c), path, diff)
					}
				}
				if inherited(spec, c, "runAsNonRoot") != true || at(inherited(spec, c, "seccompProfile"),
					"type") != "RuntimeDefault" {
					t.Errorf("%s: %s may run as root or without seccomp", way, nameOf(c))
				}
			}
		}
		if seen < 3 {
			t.Errorf("%s: only %d containers", way, seen)
		}
	}
}

func testPod(all documents, list string) []any {
	containers, _ := at(all, "Pod/spec/"+list).([]any)
	return containers
}

// inherited returns a setting of the container, or of its pod if the container has none.
func inherited(spec, container any, key string) any {
	if own := at(container, "securityContext/"+key); own != nil {
		return own
	}
	return at(spec, "securityContext/"+key)
}

// TestSecretsAreDirectories checks that no Secret is mounted by subPath, which Kubernetes never updates.
func TestSecretsAreDirectories(t *testing.T) {
	all := decode(t, mustTemplate(t, "everything"))
	mounts, _ := at(all, sidecar+"volumeMounts").([]any)
	if len(mounts) != 6 {
		t.Errorf("%d mounts", len(mounts))
	}
	for _, m := range mounts {
		if at(m, "subPath") != nil || at(m, "readOnly") != true {
			t.Errorf("%v", m)
		}
	}
}

// TestNothingSelectsTheTest checks that no Service selects the pod of helm test, which would get traffic.
func TestNothingSelectsTheTest(t *testing.T) {
	all := decode(t, mustTemplate(t, "everything"))
	labels, _ := at(all, "Pod/metadata/labels").(map[string]any)
	for _, path := range []string{"Service/spec/selector", "Deployment/spec/selector/matchLabels",
		"PodDisruptionBudget/spec/selector/matchLabels",
		"NetworkPolicy/spec/podSelector/matchLabels"} {
		selector, _ := at(all, path).(map[string]any)
		if len(selector) == 0 || len(labels) == 0 {
			t.Errorf("%s is %v, the labels of the test are %v", path, selector, labels)
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(selector)),
			func(name string) bool { return labels[name] != selector[name] }) {
			t.Errorf("%s selects the pod of the test", path)
		}
	}
}

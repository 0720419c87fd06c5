// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"strings"
	"testing"
	"text/template"
)

const vendor = "prismeai-core-prismeai-workspaces"

// vendorManifest replaces the Deployment and the Service of the vendor's chart, with the platform's own
// startup import.
var vendorManifest = template.Must(template.New("").Parse(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: prismeai-core-prismeai-workspaces, namespace: {{.Namespace}}}
spec:
  replicas: 2
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector: {matchLabels: {app: prismeai-workspaces}}
  template:
    metadata: {labels: {app: prismeai-workspaces, app.kubernetes.io/name: prismeai-workspaces, e2e: pod}}
    spec:
      terminationGracePeriodSeconds: 10
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        seccompProfile: {type: RuntimeDefault}
        sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "0"}]
      containers:
        - name: prismeai-workspaces
          image: {{.Image}}
          imagePullPolicy: IfNotPresent
          env:
            - {name: PORT, value: "80"}
            - {name: STARTUP_IMPORT_REPOSITORY, value: release}
            - {name: STARTUP_IMPORT_GROUPS, value: "base1,base2,extended"}
          ports: [{containerPort: 80}]
          readinessProbe: {httpGet: {path: /sys/healthcheck, port: 80}, periodSeconds: 1}
          lifecycle: {preStop: {exec: {command: [sleep, "2"]}}}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true}
---
apiVersion: v1
kind: Service
metadata: {name: workspaces, namespace: {{.Namespace}}}
spec:
  selector: {app: prismeai-workspaces}
  ports: [{port: 80}]
`))

func (w *world) vendorManifest(version string) string {
	w.t.Helper()
	var manifest bytes.Buffer
	if err := vendorManifest.Execute(&manifest, map[string]string{"Namespace": w.namespace,
		"Image": service + ":" + version}); err != nil {
		w.t.Fatal(err)
	}
	return manifest.String()
}

// vendorPod returns a pod like those of the Deployment, without creating it.
func (w *world) vendorPod(version string) (string, error) {
	_, spec, _ := strings.Cut(w.vendorManifest(version), "\n    spec:")
	spec, _, _ = strings.Cut(spec, "\n---")
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: dry-run, labels: {app.kubernetes.io/name: " +
		"prismeai-workspaces}}\nspec:" + spec
	return command(w.t.Context(), pod, w.cluster.kubectl,
		w.namespaced([]string{"create", "--dry-run=server", "-o", "json", "-f", "-"})...)
}

// wantVendorPod fails unless the API server changes such a pod as wanted.
func (w *world) wantVendorPod(good func(pod string, err error) error) {
	w.t.Helper()
	if err := good(w.vendorPod(releaseA)); err != nil {
		w.t.Error(err)
	}
}

// awaitVendorPod waits until the API server changes such a pod as wanted. The API server applies a policy
// a moment after its creation.
func (w *world) awaitVendorPod(good func(pod string, err error) error) {
	w.t.Helper()
	eventually(w.t, func() error { return good(w.vendorPod(releaseA)) })
}

// wantSidecars fails unless all pods have the sidecar, or none of them.
func wantSidecars(t testing.TB, pods []*pod, want bool) {
	t.Helper()
	for _, p := range pods {
		if p.has("release-sidecar") != want {
			t.Errorf("%s has the sidecar: %t", p.Metadata.Name, !want)
		}
	}
}

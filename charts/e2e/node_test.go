// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// nodeNamespace is the namespace of the pods that act on nodes.
const nodeNamespace = "workspaces-release-node"

// killContainer kills the processes of a container with SIGKILL, from a privileged pod in the node's PID
// namespace. A process of the same pod cannot do this, because the kernel protects the first process of
// a PID namespace from the others in it.
func (c *cluster) killContainer(t *testing.T, node, containerID string) {
	t.Helper()
	_, id, _ := strings.Cut(containerID, "://")
	manifest := fmt.Sprintf(`
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s, labels: {pod-security.kubernetes.io/enforce: privileged}}
---
apiVersion: v1
kind: Pod
metadata: {name: kill-%.8[2]s, namespace: %[1]s}
spec:
  nodeName: %[3]s
  hostPID: true
  restartPolicy: Never
  automountServiceAccountToken: false
  containers:
    - name: kill
      image: %[4]s
      imagePullPolicy: IfNotPresent
      command: [kill9, %[2]s]
      securityContext: {privileged: true}
`, nodeNamespace, id, node, stock)
	t.Cleanup(func() {
		if _, err := command(context.Background(), "", c.kubectl, "delete", "namespace", nodeNamespace, "--ignore-not-found",
			"--wait=false"); err != nil {
			t.Error(err)
		}
	})
	eventually(t, func() error { // the namespace of the last time may be on its way
		_, err := command(t.Context(), manifest, c.kubectl, "apply", "-f", "-")
		return err
	})
	mustRun(t, c.kubectl, "--namespace", nodeNamespace, "wait", "pod/kill-"+id[:8],
		"--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
}

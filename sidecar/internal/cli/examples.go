// SPDX-License-Identifier: Apache-2.0

package cli

const runDescription = `Run imports the release that the image of this pod carries, through the API of the
workspaces service in the same pod. It opens the gate of the pod once the platform has
confirmed every workspace, keeps watching the platform and its own files, and serves probes,
metrics and a status page until it is stopped.`

const checkDescription = `Check does what an import does before it changes anything, prints one line for each step,
and says what would be imported.`

const statusDescription = `Status prints what a running sidecar reports about its release. Its exit code is the one
that once would end with at this moment.

To wait until every pod of a workload is confirmed at the current release, as a hook after an
upgrade or a rollback does, ask a headless Service that publishes addresses that are not
ready. Progress is on standard error. If the time is over, the exit code is that of the
obstacle.`

const runExample = `# Import on behalf of the pod, with a token that Kubernetes mounts.
sidecar run --platform-url http://localhost:80 --token-file /run/secrets/token
# Observe the import of the service, and gate the pod by it.
sidecar run --mode observe
# Print the settings.
sidecar run --config sidecar.yaml --print-config`

const onceExample = `# Import in a Job, for at most an hour.
sidecar once --token-file /run/secrets/token --timeout 1h`

const checkExample = `sidecar check --token-file /run/secrets/token
# Check the values that workspaces need, too.
sidecar check --service-env MAIL_PASSWORD,CRM_URL`

const statusExample = `sidecar status
sidecar status --format json --url http://10.0.0.7:9400
# Wait after an upgrade until all pods have the current release.
sidecar status --fresh --all --wait 10m \
  --url http://workspaces-headless:9400 --current-release-file release`

const readyExample = `sidecar ready
sidecar ready --target 127.0.0.1:9400`

const injectedExample = `sidecar injected --pod "$(cat pod.json)" \
  --annotation workspaces-release/revision=7 --wait 2m`

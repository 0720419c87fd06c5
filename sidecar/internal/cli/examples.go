// SPDX-License-Identifier: Apache-2.0

package cli

const runDescription = `Run imports the release in this pod's image through the API of the workspaces service in the
same pod. It opens the readiness gate once the platform confirms every workspace, watches the
platform and its own files for changes, and serves probes, metrics and a status page until it
is stopped.`

const checkDescription = `Check runs the read-only part of an import, prints one line per step and reports what would be
imported.`

const statusDescription = `Status prints the status of a running sidecar. Its exit code is the one that sidecar once
would return at this moment.

A hook after an upgrade or a rollback can wait until every pod of a workload confirms the
current release: use --all with a headless Service that publishes addresses that are not
ready. Progress goes to standard error. On timeout it exits with the code of the pod that is
not confirmed.`

const runExample = `# Import on behalf of the pod, with a token that Kubernetes mounts.
sidecar run --platform-url http://localhost:80 --token-file /run/secrets/token
# Observe the service's own import, and gate the pod on it.
sidecar run --mode observe
# Print the settings.
sidecar run --config sidecar.yaml --print-config`

const onceExample = `# Import in a Job, within an hour.
sidecar once --token-file /run/secrets/token --timeout 1h`

const checkExample = `sidecar check --token-file /run/secrets/token
# Also check the values that workspaces need.
sidecar check --service-env MAIL_PASSWORD,CRM_URL`

const statusExample = `sidecar status
sidecar status --format json --url http://10.0.0.7:9400
# Wait until all pods have the current release after an upgrade.
sidecar status --fresh --all --wait 10m \
  --url http://workspaces-headless:9400 --current-release-file release`

const readyExample = `sidecar ready
sidecar ready --target 127.0.0.1:9400`

const injectedExample = `sidecar injected --pod "$(cat pod.json)" \
  --annotation workspaces-release/revision=7 --wait 2m`

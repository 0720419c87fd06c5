// SPDX-License-Identifier: Apache-2.0

// Package rendering generates the chart's README and tests what the chart renders. Package
// monitoring tests the monitoring resources. The tests check that
//
//   - each file of testdata/values, one for each way to use the chart, renders to its golden
//     file, passes helm lint, and is valid according to the types of every supported Kubernetes
//     version;
//   - the admission code of the API server applies the chart's policy to pods as intended;
//   - invalid values are rejected with an error that names the value;
//   - the README matches values.yaml.
//
// Helm and the admission code of the API server are programs in .tools.
package rendering

// SPDX-License-Identifier: Apache-2.0

// Package rendering holds what is generated for the chart, and the tests of what the
// chart renders, but for the monitoring, which has a package of its own:
//
//   - each file of testdata/values, one for each way to use the chart, renders to its
//     golden file, lints, and is valid for every version of Kubernetes that it is for,
//     by that version's own types;
//   - the API server's own code changes pods as the policy of the chart says;
//   - wrong values are refused, and the message names the value;
//   - the README of the chart is that of values.yaml.
//
// Helm and the API server's code are programs of .tools.
package rendering

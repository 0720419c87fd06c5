// SPDX-License-Identifier: Apache-2.0

// Package monitoring holds no code. Its tests prove the alerts, the dashboard and
// the runbooks of the chart:
//
//   - each alert fires, stays quiet and resolves as its file in testdata/alerts
//     says, by promtool, and a change of any part of a rule makes one of them fail;
//   - each alert and each reason for which an import may fail has a runbook;
//   - each metric that a rule, a panel or a runbook names is in the exposition;
//   - the templates render what the values ask for;
//   - in a drill on real programs, each alert fires in time and resolves.
//
// They need promtool, prometheus and prometheus-alertmanager of Debian, and helm
// (make .tools/bin/helm).
package monitoring

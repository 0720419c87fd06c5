// SPDX-License-Identifier: Apache-2.0

// Package ci checks the templates of CI systems beside it, each by what checks such files
// elsewhere: the schema of GitLab's pipelines, actionlint, the types of Kubernetes, and
// shellcheck for every script in them. What the jobs of GitLab do is tested where the
// builder is.
package ci

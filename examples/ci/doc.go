// SPDX-License-Identifier: Apache-2.0

// Package ci validates the CI templates in this directory with the usual tools: the JSON schema of
// GitLab pipelines, actionlint, the types of Kubernetes, and shellcheck for every script in them.
// The builder's tests run the GitLab jobs.
package ci

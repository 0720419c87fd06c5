// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
)

const (
	// minDownPoll is the minimum interval between checks of a service that does not listen yet. It
	// delays the readiness of the pod by at most this time.
	minDownPoll = 200 * time.Millisecond
	// downShare is the fraction of the service's downtime to wait between checks: a twentieth.
	// Checks become rarer as the downtime grows.
	downShare = 20
	// maxDownPoll is the maximum interval between checks of a service that is not up yet. However
	// long its start takes, the pod becomes Ready soon afterwards.
	maxDownPoll = 2 * time.Second
	// maxRetryAfter limits the Retry-After of the platform, whose rate limits use windows of a
	// minute.
	maxRetryAfter = 5 * time.Minute
)

// retryDelay returns the delay before the n-th consecutive retry, counted from 0. It doubles with each
// retry, is capped and jittered, and is added to the delay that the platform requests.
func retryDelay(p *Policy, n int, retryAfter time.Duration) time.Duration {
	d := backoff.Exponential{First: p.RetryMin, Max: p.RetryMax}.Delay(n)
	return min(retryAfter, maxRetryAfter) + backoff.Jitter(d)
}

// downDelay returns the delay before the next check of a service that has been down for a time.
func downDelay(down time.Duration) time.Duration {
	return backoff.Jitter(min(max(down/downShare, minDownPoll), maxDownPoll))
}

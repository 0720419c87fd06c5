// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"math/rand/v2"
	"time"
)

const (
	// targetPoll is the shortest time between two looks at a service that does not
	// listen yet: the pod is Ready that much later.
	targetPoll = 200 * time.Millisecond
	// targetShare of the time that a service has been away is waited for, so that
	// the wait costs a twentieth and looks get rare.
	targetShare = 20
	// awayPollMax bounds the time between two looks at a service that is not up
	// yet: however long its start takes, the pod is Ready soon after it.
	awayPollMax = 2 * time.Second
	// maxRetryAfter bounds what the platform may ask for: its windows are of a minute.
	maxRetryAfter = 5 * time.Minute
)

// jitter returns a time between half of d and d, so that replicas part.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d/2 + rand.N(d/2+1)
}

// backoff is the time before the n-th retry in a row, counted from 0: doubled
// each time, capped and jittered, and after what the platform asks for.
func backoff(p *Policy, n int, retryAfter time.Duration) time.Duration {
	d := p.RetryMin
	for range n {
		if d >= p.RetryMax {
			break
		}
		d *= 2
	}
	return min(retryAfter, maxRetryAfter) + jitter(min(d, p.RetryMax))
}

// awayPoll is the time to the next look at a service that has been away.
func awayPoll(away time.Duration) time.Duration {
	return jitter(min(max(away/targetShare, targetPoll), awayPollMax))
}

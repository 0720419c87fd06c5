// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"math/rand/v2"
	"time"
)

// jitter returns a time between half of d and d, so that replicas part.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d/2 + rand.N(d/2+1)
}

// backoff is the time before the n-th retry in a row, counted from 0: doubled
// each time, capped and jittered, and never shorter than the platform asks for.
func backoff(p *Policy, n int, retryAfter time.Duration) time.Duration {
	d := p.RetryMin
	for range n {
		if d >= p.RetryMax {
			break
		}
		d *= 2
	}
	wait := jitter(min(d, p.RetryMax))
	if retryAfter > 0 {
		return retryAfter + wait
	}
	return wait
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"sync"
	"time"
)

// waitTick is the time between two reports about a silent registry.
const waitTick = 15 * time.Second

// waiter is the part of a registry client that reports traffic and pending requests.
type waiter interface {
	Traffic() (sent, received int64)
	Waits(min time.Duration) string
}

// narrate shows a stage that reports lines.
type narrate func(name string, fn func(say func(line string)) error) error

// narrateWaits runs fn, and shows the pending registry requests while no data is transferred.
func narrateWaits(registry waiter, show narrate, fn func()) {
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { watchWaits(registry, show, stop) })
	fn()
	close(stop)
	watching.Wait()
}

// watchWaits shows a stage for each period without traffic, until stop is closed.
func watchWaits(registry waiter, show narrate, stop <-chan struct{}) {
	ticker := time.NewTicker(waitTick)
	defer ticker.Stop()
	moved := int64(-1)
	next := func() (text string, more bool) {
		select {
		case <-stop:
			return "", false
		case <-ticker.C:
		}
		sent, received := registry.Traffic()
		silent := sent+received == moved
		moved = sent + received
		if !silent {
			return "", true
		}
		return registry.Waits(waitTick), true
	}
	for {
		text, more := next()
		if !more {
			return
		}
		if text == "" {
			continue
		}
		_ = show("wait for the registry", func(say func(string)) error {
			for text != "" {
				say(text)
				text, more = next()
			}
			return nil
		})
		if !more {
			return
		}
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/docker/go-units"

	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// counter counts files and bytes for the display of progress.
type counter struct {
	files, bytes atomic.Int64
	// allFiles and allBytes are the totals, or 0 while they are unknown.
	allFiles, allBytes atomic.Int64
}

func (c *counter) add(f source.File) error {
	c.files.Add(1)
	c.bytes.Add(int64(len(f.Data)))
	return nil
}

// expect sets the totals.
func (c *counter) expect(all source.Listing) error {
	c.allFiles.Store(int64(all.Files))
	c.allBytes.Store(all.Bytes)
	return nil
}

// newFormatter returns a function that formats the progress of the reading and, once the totals are known,
// the remaining time.
func (c *counter) newFormatter() func() string {
	started := time.Now()
	return func() string {
		readFiles := c.files.Load()
		readBytes := c.bytes.Load()
		files := strconv.FormatInt(readFiles, 10)
		bytes := units.HumanSize(float64(readBytes))
		if all := c.allFiles.Load(); all > 0 {
			// The build may add files to those of the source, such as an .import.yml.
			files += " of " + strconv.FormatInt(max(all, readFiles), 10)
			bytes += " of " + units.HumanSize(float64(max(c.allBytes.Load(), readBytes)))
		}
		passed := time.Since(started)
		rate := float64(readBytes) / max(passed.Seconds(), 1e-3)
		text := fmt.Sprintf("%s files, %s, %s/s", files, bytes, units.HumanSize(rate))
		if left := c.remaining(passed); left >= time.Second {
			text += fmt.Sprintf(", %s left", left.Round(time.Second))
		}
		return text
	}
}

// remaining estimates the remaining time from the share of bytes read in the time passed. It
// returns 0 if the total is unknown, or if it is too early for an estimate.
func (c *counter) remaining(passed time.Duration) time.Duration {
	done, all := c.bytes.Load(), c.allBytes.Load()
	if done == 0 || done >= all || passed < time.Second {
		return 0
	}
	return time.Duration(float64(passed) * float64(all-done) / float64(done))
}

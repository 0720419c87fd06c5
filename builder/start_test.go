// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"regexp"
	"strconv"
	"testing"
)

// initialised matches a line of GODEBUG=inittrace=1.
var initialised = regexp.MustCompile(`(?m)^init (\S+) @.* (\d+) bytes, (\d+) allocs$`)

// TestStartIsCheap bounds the allocations of package initialisation, which every run pays for. It
// was 98 MB in 385,000 allocations when TruffleHog compiled the expressions of all its detectors at
// start. The figures do not depend on the machine.
func TestStartIsCheap(t *testing.T) {
	const (
		maxPackage = 600_000 // bytes
		maxBytes   = 16_000_000
		maxAllocs  = 75_000
	)
	p := builder(t, map[string]string{"GODEBUG": "inittrace=1"}, "version")
	p.run(t, 0)
	lines := initialised.FindAllStringSubmatch(p.stderr.String(), -1)
	if len(lines) < 500 {
		t.Fatalf("the runtime wrote about %d packages", len(lines))
	}
	bytes, allocs := 0, 0
	for _, line := range lines {
		n := number(t, line[2])
		if n > maxPackage {
			t.Errorf("package %s allocates %d bytes at start, more than %d", line[1], n, maxPackage)
		}
		bytes += n
		allocs += number(t, line[3])
	}
	if bytes > maxBytes || allocs > maxAllocs {
		t.Errorf("all packages allocate %d bytes in %d allocations at start, more than %d in %d", bytes, allocs,
			maxBytes, maxAllocs)
	}
}

func number(t *testing.T, digits string) int {
	t.Helper()
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

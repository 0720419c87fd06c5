// SPDX-License-Identifier: Apache-2.0

package lazyregexp

import (
	"slices"
	"testing"
)

func TestFinds(t *testing.T) {
	re := &Regexp{expr: `(\w)=(\d)`}
	if !re.MatchString("a=1") || re.MatchString("a=b") || !re.Match([]byte("a=1")) {
		t.Error("it does not match what the expression matches")
	}
	if got := re.FindStringSubmatch("a=1 b=2"); !slices.Equal(got, []string{"a=1", "a", "1"}) {
		t.Errorf("first %q", got)
	}
	if got := re.FindAllStringSubmatch("a=1 b=2", -1); len(got) != 2 || got[1][2] != "2" {
		t.Errorf("all %q", got)
	}
}

func TestNewInATestPanicsAtOnce(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New("(")
}

// SPDX-License-Identifier: Apache-2.0

package inputs

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMountPoints(t *testing.T) {
	const table = `36 35 98:0 /mnt1 /mnt/parent rw,noatime master:1 - ext3 /dev/root rw
812 790 259:1 /var/lib/kubelet/pods/x/volume-subpaths/t/c/0 /etc/token ro,relatime - ext4 /dev/nvme0n1p1 rw
813 790 0:99 / /etc/with\040space\134s ro - tmpfs tmpfs rw
short line
`
	want := []string{"/etc/token", `/etc/with space\s`, "/mnt/parent"}
	got := slices.Sorted(maps.Keys(parseMountPoints(strings.NewReader(table))))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOtherMountsAreIgnored checks that the other mounts of the process are ignored.
func TestOtherMountsAreIgnored(t *testing.T) {
	token := put(t, filepath.Join(t.TempDir(), "token"), tokenCanary)
	if got := source(t, "--token-file", token, "--manifest", "/proc").SubPaths(); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

func FuzzUnescape(f *testing.F) {
	f.Add(`/a\040b`)
	f.Add(`\`)
	f.Add(`\99`)
	f.Fuzz(func(t *testing.T, s string) {
		if !strings.Contains(s, `\`) && unescapeOctal(s) != s {
			t.Errorf("%q became %q", s, unescapeOctal(s))
		}
	})
}

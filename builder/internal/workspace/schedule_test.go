// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import "testing"

// TestCron compares the parser with cron-parser 4.9.0 of the npm registry, which accepts the first
// list and refuses the second.
func TestCron(t *testing.T) {
	for _, e := range []string{
		"* * * * *", "*", "5", "*/5 * * * *", "0 0 * * * *", "@daily", "@hourly", "@yearly", "0 0 L * *",
		"0 0 * * 5L", "0 0 * * 1#2",
		"0 0 ? * MON", "0 9 * * mon-fri", "0 0 1 JAN *", "* * * * 7", "*/61 * * * *", "5/15 * * * *",
		"1-5/2 * * * *", "1,2,3 * * * *",
		"", " ", "  0   9 * * *  ", "0 9 * * 0-7", "0-59 * * * *", "00 09 * * *", "0 0 29 2 *", "0 22 * * FRI#1",
		"* * ? * ?", "0 0 1,L * *",
		"0 12 1/2 * *", "59 23 31 DEC *", "0 8 * * TUE,THU", "0 8 * * 1L,2L", "0 8 * * *\n", "0\t8 * * *",
		"0 0 31 4,5 *", "1-5-7 * * * *",
		"*,5 * * * *", "5,* * * * *", "0 * 8 * * *",
	} {
		if err := checkCron(e); err != nil {
			t.Errorf("%q is refused: %v", e, err)
		}
	}
	for _, e := range []string{
		"0 0 0 1 1 ? 2030", "@reboot", "@every 5m", "@Daily", "0 0 31 2 *", "0 0 30 2 *", "0 0 31 4 *", "0 0 0 * *",
		"60 * * * *", "* 24 * * *",
		"* * 32 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "1,,2 * * * *", "H * * * *",
		"0 0 LW * *", "0 0 15W * *", "null",
		"* * * * * * *", "-1 * * * *", "1- * * * *", "a * * * *", "? * * * *", "* * * * sunday",
		"TZ=UTC 0 8 * * *", "5 4 * * *;",
		"1.5 * * * *", "0x5 * * * *", "*/5/2 * * * *", "** * * * *", "L * * * *", "0 0 L-2 * *", "* * * L *",
		"not a cron", "every day",
	} {
		if checkCron(e) == nil {
			t.Errorf("%q is accepted", e)
		}
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package lines

import "testing"

func TestOffset(t *testing.T) {
	tests := []struct {
		text         string
		line, column int
		want         int
		ok           bool
	}{
		{"", 1, 1, 0, true},
		{"ab", 1, 2, 1, true},
		{"éa\nb", 1, 2, 2, true},
		{"éa\nb", 2, 1, 4, true},
		{"a\n", 2, 1, 2, true},
		{"a\r\nb", 2, 1, 3, true},
		{"a", 1, 9, 1, true},
		{"\xff\xfea", 1, 3, 2, true},
		{"a", 2, 1, 0, false},
		{"a", 0, 1, 0, false},
		{"a", 1, 0, 0, true},
	}
	for _, test := range tests {
		data := []byte(test.text)
		got, ok := New(data).Offset(data, test.line, test.column)
		if got != test.want || ok != test.ok {
			t.Errorf("%q %d:%d is at %d, %v; want %d, %v", test.text, test.line, test.column, got, ok, test.want, test.ok)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package plaintext

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

func TestDecode(t *testing.T) {
	for name, test := range map[string]struct {
		data, want string
		fails      bool
	}{
		"empty":                                 {"", "", false},
		"UTF-8":                                 {"é\r\n", "é\r\n", false},
		"UTF-8 with a byte order mark":          {"\xef\xbb\xbfa", "a", false},
		"not UTF-8":                             {"\xffa", "\xffa", false},
		"UTF-16, little-endian":                 {"\xff\xfea\x00\xe9\x00", "aé", false},
		"UTF-16, big-endian":                    {"\xfe\xff\x00a\x00\xe9", "aé", false},
		"UTF-16, surrogates":                    {"\xff\xfe\x3d\xd8\x00\xde", "😀", false},
		"UTF-16, cut":                           {"\xff\xfea\x00b", "a\ufffd", false},
		"UTF-16, only a mark":                   {"\xff\xfe", "", false},
		"UTF-16 without a byte order mark":      {"a\x00b\x00", "", true},
		"binary":                                {"\x00\x01", "", true},
		"UTF-16 with a NUL, which is no letter": {"\xff\xfea\x00\x00\x00", "", true},
	} {
		got, err := Decode([]byte(test.data))
		if string(got) != test.want || (err != nil) != test.fails {
			t.Errorf("%s: %q, error %v", name, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("\xef\xbb\xbfa"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Decode(data)
		if bytes.IndexByte(got, 0) >= 0 {
			t.Errorf("NUL in %q", got)
		}
		if wide := bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")); err == nil &&
			wide && !utf8.Valid(got) {
			t.Errorf("invalid UTF-8 %q", got)
		}
	})
}

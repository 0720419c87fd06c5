// SPDX-License-Identifier: Apache-2.0

// Package plaintext decodes text files that editors and shells of Windows wrote: UTF-8 with a byte
// order mark, and UTF-16, as by a redirection in PowerShell.
package plaintext

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

// errNotText reports data that is neither UTF-8 nor UTF-16 with a byte order mark.
var errNotText = errors.New("it is not UTF-8 text, because it contains NUL bytes: save it as UTF-8")

// Decode returns data as UTF-8 without a byte order mark. It does not check the UTF-8 itself, but
// returns an error for data with NUL bytes, such as UTF-16 without a byte order mark.
func Decode(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		data = decodeUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		data = decodeUTF16(data[2:], binary.BigEndian)
	default:
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, errNotText
	}
	return data, nil
}

// decodeUTF16 converts UTF-16 to UTF-8. It replaces an odd last byte and unpaired surrogates by U+FFFD.
func decodeUTF16(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, 0, len(data)/2+1)
	for len(data) >= 2 {
		units = append(units, order.Uint16(data))
		data = data[2:]
	}
	if len(data) > 0 {
		units = append(units, 0xfffd)
	}
	return []byte(string(utf16.Decode(units)))
}

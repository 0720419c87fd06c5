// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"testing"

	"github.com/trufflesecurity/trufflehog/v3/pkg/decoders"
	"github.com/trufflesecurity/trufflehog/v3/pkg/sources"
)

// FuzzEscapesAreNotOverlooked holds the short cut to TruffleHog's own decoder.
func FuzzEscapesAreNotOverlooked(f *testing.F) {
	for _, notation := range []string{`U+0067`, `\u0067`, `\\u0067`, `\U0067`, `\u{67}`, `\U00000067`, `\x{67}`, `\67 `, `&#x67;`, `%u0067`, "plain", ""} {
		f.Add([]byte("token: " + notation + "hp_"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		decoded := new(decoders.EscapedUnicode).FromChunk(&sources.Chunk{Data: data})
		if decoded != nil && !mayHoldEscapes(data) {
			t.Errorf("%q is decoded to %q", data, decoded.Data)
		}
	})
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"os"
	"strings"
	"testing"

	"github.com/trufflesecurity/trufflehog/v3/pkg/decoders"
	"github.com/trufflesecurity/trufflehog/v3/pkg/pb/detectorspb"
	"github.com/trufflesecurity/trufflehog/v3/pkg/sources"

	"github.com/prismeai/workspaces-release/scan/scantest"
)

// FuzzMayDecode compares the shortcuts with TruffleHog's decoders: they never reject decodable
// text.
func FuzzMayDecode(f *testing.F) {
	for _, notation := range []string{`U+0067`, `\u0067`, `\\u0067`, `\U0067`, `\u{67}`, `\U00000067`, `\x{67}`, `\67 `,
		`\67\`, `&#x67;`, `%u0067`, "plain", ""} {
		f.Add([]byte("token: " + notation + "hp_"))
		f.Add([]byte("token: " + notation))
	}
	for _, encode := range encodings {
		f.Add([]byte("token: " + encode("a token of somebody")))
	}
	f.Add([]byte("YWJjZGVmZ2hpamtsbW5v")) // one byte too short
	f.Add([]byte("YWJjZGVmZ2hpamtsbW5vcA"))
	enableFeatures()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range decoders.DefaultDecoders() {
			decoded := d.FromChunk(&sources.Chunk{Data: data})
			if decoded != nil && !mayDecode(d.Type(), data) {
				t.Errorf("%q is decoded to %q as %v", data, decoded.Data, d.Type())
			}
		}
	})
}

// TestShortCuts: common text is not treated as encoded.
func TestShortCuts(t *testing.T) {
	tests := map[detectorspb.DecoderType]map[string]bool{
		detectorspb.DecoderType_BASE64: {
			"cGxhaW4gdGV4dCBoZXJl": false, "cGxhaW4gdGV4dCBoZXJlIQ": true, "cGxhaW4gdGV4dCBoZXJlIQ==": true, "x=cGxhaW4gdGV4dCBoZXJlIQ": true,
			"an-ordinary-name-of-something": false, "four words and more": false, "a " + strings.Repeat("z", 30) + " cGxhaW4gdGV4dCBoZXJlIQ z": true,
		},
		detectorspb.DecoderType_UTF16: {"plain": false, "p\x00l\x00": true},
		detectorspb.DecoderType_ESCAPED_UNICODE: {
			`a\nb`: false, `\"quoted\"`: false, `\users`: false, `U+`: false, `100%used`: false, `&#38;`: false, `\\server`: false, `\d+\w`: false, `\x41`: false,
			`\u0041`: true, `\41 `: true, `\41`: true, `\d\d`: true, `&#x26;`: true, `%u0041`: true, `U+0041`: true, `\x{41}`: true, `\u{41}`: true,
		},
	}
	for decoder, texts := range tests {
		for text, want := range texts {
			if got := mayDecode(decoder, []byte(text)); got != want {
				t.Errorf("%v of %q: %v, want %v", decoder, text, got, want)
			}
		}
	}
}

// samples returns the published workspaces.
func samples() map[string][]byte {
	files := map[string][]byte{}
	scantest.AddTree(files, os.DirFS("../scantest/testdata/samples"))
	return files
}

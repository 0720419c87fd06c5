// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"slices"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

var (
	// publicNames end the names of values that look random but are public: identifiers, digests
	// and ciphertext.
	publicNames = literal.NewVocabulary(`id ids uid uuid guid oid kid cid hash hashes md sha checksum checksums
		match digest etag commit commits revision rev integrity fingerprint thumbprint trace span build version
		image sum address wallet transaction tx txid block n cursor csrf xsrf h encrypted crypt ciphertext cert
		certificate pubkey publickey public peer node container pod blob layer identifier identifiers sitekey
		asset assets chunk sub file jti aud iss azp secure dst modified traceparent baggage since ref sri
		nonce output result entry tag tags head hb shasum aaguid correlation request job task idp checkout database page collection
		dataset board folder drive record table tenant project`)
	// signatureNames end the names of values that are public, but grant access in a request.
	signatureNames = literal.NewVocabulary(`signature sig salt iv`)
	// cursorNames before token say that it marks a position or a version.
	cursorNames = literal.NewVocabulary(`page continuation cursor version sync`)
	// cipherNames in a name say that its value is encrypted.
	cipherNames = literal.NewVocabulary(`sealed encrypted wrapped ciphertext`)
	// textNames end the names of other values that are not secret: texts, addresses, and key and
	// token, because the names of secret keys and tokens are recognized as a whole.
	textNames = literal.NewVocabulary(`key keys token tokens slug name url uri href link path filename icon
		photo src color type format pattern regex regexp template label title description text content
		prompt message query sql css html style script code data payload document schema topic channel queue
		bucket index model class classname`)
)

// hasPublicName reports a name whose last word says that its value is public, and names such as
// nextPageToken and sealedKey.
func hasPublicName(name string) bool {
	last := lastWord(name)
	if publicNames[last] || signatureNames[last] {
		return true
	}
	list := literal.Words(name)
	isCipher := func(word string) bool { return cipherNames[word] }
	isCursor := last == "token" && len(list) > 1 && cursorNames[list[len(list)-2]]
	return isCursor || slices.ContainsFunc(list, isCipher)
}

// hasHarmlessName reports a name whose last word says that its value is not secret, even in a request.
func hasHarmlessName(name string) bool {
	last := lastWord(name)
	return publicNames[last] || textNames[last]
}

// lastWord returns the last word of a name, or the one before value.
func lastWord(name string) string {
	list := literal.Words(name)
	if len(list) == 0 {
		return ""
	}
	last := list[len(list)-1]
	if last == "value" && len(list) > 1 {
		return list[len(list)-2]
	}
	return last
}

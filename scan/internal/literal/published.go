// SPDX-License-Identifier: AGPL-3.0-or-later

package literal

// published holds example values from the standards on authentication: HTTP (RFC 7617, 7616),
// OAuth 2.0 (RFC 6749, 6750, 7009, 7523, 7636), OpenID Connect, TOTP (RFC 6238) and the
// documentation of AWS. They protect nothing, but documentation repeats them.
var published = NewVocabulary(`A3ddj3w SplxlOBeZQQYbYS6WxSbIA 2YotnFZFEjr1zCsicMWpAA tGzv3JOkF0XG5Qx2TlKWIA
	7Fjfp0ZBr1KtDRbnfVdmIw gX1fBat3bV czZCaGRSa3F0MzpnWDFmQmF0M2JW czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3
	mF_9.B5f-4.1JqM vF9dft4qmT SlAV32hkKG 8xLOxBtZp8 45ghiukldjahdnhzdauz
	dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM
	QWxhZGRpbjpvcGVuIHNlc2FtZQ== QWxhZGRpbjpPcGVuU2VzYW1l dGVzdDoxMjPCow== open:sesame JBSWY3DPEHPK3PXP
	GEZDGNBVGY3TQOJQ GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
	je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY`)

func isPublished(v string) bool { return published[v] }

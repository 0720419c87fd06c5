// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"github.com/trufflesecurity/trufflehog/v3/pkg/detectors"
	"github.com/trufflesecurity/trufflehog/v3/pkg/pb/detector_typepb"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

var _ scan.PartReader = (*Detector)(nil)

// ReadsParts implements [scan.PartReader]. TruffleHog unpacks archives itself.
func (*Detector) ReadsParts(kind scan.PartKind) bool { return kind == scan.InArchive }

var (
	jdbcPassword = regexp.MustCompile(`(?i)(?:password|pwd|passwd)=([^;&\s"']+)|[:/]([^/:@\s]+)@`)
	// asset matches the end of an image URL, whose name may contain a hash.
	asset = regexp.MustCompile(`(?i)\.(?:png|jpe?g|gif|svg|webp|ico|woff2?|ttf|css|js|map|mp4|avif)\b`)
)

// braces replaces the delimiters of ODBC passwords, which also occur in escaping examples.
var braces = strings.NewReplacer("{", " ", "}", " ", ";", " ")

// isExample reports a match that does not need to be revoked: a URL without a password or with
// a placeholder for it, or a hash in an image URL. TruffleHog reports these matches; the scan
// report lists them as filtered.
func isExample(r detectors.Result, data []byte, name string) bool {
	raw := string(r.Raw)
	switch {
	case r.DetectorType == detector_typepb.DetectorType_JDBC:
		m := jdbcPassword.FindStringSubmatch(raw)
		return m == nil || isPlaceholder(m[1]+m[2])
	case r.DetectorType == detector_typepb.DetectorType_JWT:
		parts := strings.Split(raw, ".")
		return len(parts) == 3 && literal.IsExampleToken(parts[1])
	case strings.Contains(raw, "://"):
		return hasPlaceholder(raw, name)
	}
	return literal.IsPlaceholder(raw) || literal.IsPlaceholder(braces.Replace(raw)) || isName(raw) ||
		isInAsset(data, located(r)) || isInPath(data, located(r)) ||
		isIdentifier(data, located(r)) || isFamousLogin(raw)
}

// login matches a user and a password.
var login = regexp.MustCompile(`^[\w.@+-]+:([[:print:]]+)$`)

// isFamousLogin reports the base64 of a user and a placeholder for the password.
func isFamousLogin(raw string) bool {
	plain, err := base64.StdEncoding.DecodeString(raw)
	m := login.FindSubmatch(plain)
	return err == nil && m != nil && (literal.IsPlaceholder(string(m[1])) || literal.IsFamousPassword(string(m[1])))
}

func isPlaceholder(text string) bool {
	return literal.IsPlaceholder(text) || strings.ContainsRune(literal.MaskTemplates(text), literal.Mask)
}

// hasPlaceholder reports a URL whose password is a placeholder, or protects nothing in a file
// of this name.
func hasPlaceholder(address, name string) bool {
	_, rest, _ := strings.Cut(address, "://")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return false
	}
	user, pass, found := strings.Cut(rest[:at], ":")
	if plain, err := url.PathUnescape(pass); err == nil {
		pass = plain
	}
	switch {
	case !found:
		return false
	case literal.IsDemoFile(name) && literal.IsDemoPassword(pass),
		literal.IsDocument(name) && literal.IsFamousPassword(pass):
		return true
	}
	return isPlaceholder(pass) || len(pass) < minExample && exampleHost.MatchString(rest[at+1:]) ||
		user == pass && localHost.MatchString(rest[at+1:])
}

// minExample is the minimum length of a password for a host reserved for documentation.
const minExample = 6

var (
	exampleHost = regexp.MustCompile(`^(?:[\w-]+\.)*example\.(?:com|org|net)\b`)
	localHost   = regexp.MustCompile(`^(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/?#]|$)`)
)

// isName reports lower-case words, such as the name of a repository.
func isName(text string) bool {
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyz-_.") == "" && strings.ContainsAny(text, "-_") &&
		literal.IsWordy(text)
}

var (
	hexadecimal = regexp.MustCompile(`^[0-9a-f]{20,64}$`)
	// pathBefore matches the part of a link before a segment of its path, and the name of a
	// repository before a commit.
	pathBefore = regexp.MustCompile(`(?:https?://[\w.-]+(?:/[\w.~-]+)*/|[\w.-]+(?:/[\w.-]+)+@)$`)
	// identifierBefore matches the name of an identifier before its value.
	identifierBefore = regexp.MustCompile(`(?:\b(?i:\w*id|uuid|guid)["']?\s*[:=]\s*["']?|\b(?:GPU|MIG)-)$`)
)

// maxLink is the maximum length of a link, in bytes.
const maxLink = 512

// occursOnly reports whether a text occurs in the data, and the check holds at the offset of each
// occurrence.
func occursOnly(data, text []byte, check func(at int) bool) bool {
	offsets := find(data, text)
	for _, at := range offsets {
		if !check(at) {
			return false
		}
	}
	return len(offsets) > 0
}

// isInPath reports a digest that occurs only as a segment of the path of links, as those of
// commits and snippets do.
func isInPath(data, text []byte) bool {
	return hexadecimal.Match(text) && occursOnly(data, text, func(at int) bool {
		end := at + len(text)
		isEnd := end == len(data) || strings.IndexByte("/#?.)\"' \r\n", data[end]) >= 0
		return isEnd && pathBefore.Match(data[max(0, at-maxLink):at])
	})
}

// isIdentifier reports a UUID that occurs only behind the name of an identifier.
func isIdentifier(data, text []byte) bool {
	return literal.IsUUID(string(text)) && occursOnly(data, text, func(at int) bool {
		return identifierBefore.Match(data[max(0, at-maxLink):at])
	})
}

// isInAsset reports a text that occurs only in the URLs of images and similar files.
func isInAsset(data, text []byte) bool {
	return occursOnly(data, text, func(at int) bool {
		start := bytes.LastIndexAny(data[:at], " \t\r\n\"'()<>=") + 1
		end := len(data)
		if n := bytes.IndexAny(data[at:], " \t\r\n\"'()<>"); n >= 0 {
			end = at + n
		}
		word := data[start:end]
		return bytes.Contains(word, []byte("/")) && asset.Match(word)
	})
}

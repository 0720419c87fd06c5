// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

// maxDescription is the maximum length in bytes of an error text.
const maxDescription = 600

// enginePrefixes are prefixes that BuildKit (v0.34) and containerd (v2.4) add to errors. The user
// already knows the reference.
var enginePrefixes = []string{"failed to solve: ", "failed to copy: ", "failed to do request: ", "server message: "}

// describeError returns the text of an error in one line, without queries and users of URLs, markup, and
// engine prefixes.
func describeError(err error) string {
	var status remoteserrors.ErrUnexpectedStatus
	if errors.As(err, &status) {
		return fmt.Sprintf("%s %s: %s", status.RequestMethod, cleanURL(status.RequestURL), status.Status)
	}
	var request *url.Error
	if errors.As(err, &request) {
		return fmt.Sprintf("%s %s: %s", strings.ToUpper(request.Op), cleanURL(request.URL),
			cleanText(request.Err.Error()))
	}
	return cleanText(err.Error())
}

// cleanText cleans unstructured text.
func cleanText(text string) string {
	for _, prefix := range enginePrefixes {
		text = strings.ReplaceAll(text, prefix, "")
	}
	text = cutPushPrefix(cutMarkup(text))
	text = strings.Join(strings.Fields(text), " ")
	return cutQueries(terminal.Shorten(text, maxDescription))
}

// cutPushPrefix removes "failed to push REFERENCE: ", which names the reference twice.
func cutPushPrefix(text string) string {
	rest, found := strings.CutPrefix(text, "failed to push ")
	if !found {
		return text
	}
	if _, after, found := strings.Cut(rest, ": "); found {
		return after
	}
	return text
}

// cutMarkup removes an HTML page, such as that of a proxy, from the end of a text.
func cutMarkup(text string) string {
	lower := strings.ToLower(text)
	if len(lower) != len(text) { // lower-casing changed the length: positions would differ
		lower = text
	}
	for _, tag := range []string{"<!doctype", "<html", "<head", "<body"} {
		if start := strings.Index(lower, tag); start >= 0 {
			return strings.TrimRight(text[:start], ": \r\n")
		}
	}
	return text
}

// cleanURL keeps host and path. The scheme in an error is often wrong: a fallback to plain HTTP is
// reported as https.
func cleanURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || !utf8.ValidString(u.Path) {
		return "(invalid URL)"
	}
	return u.Host + u.Path
}

// cutQueries cleans the URLs in a text.
func cutQueries(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		start := strings.Index(word, "http")
		if start < 0 || !strings.Contains(word[start:], "://") {
			continue
		}
		raw := strings.TrimRight(word[start:], `":,;)]`)
		words[i] = word[:start] + cleanURL(raw) + word[start+len(raw):]
	}
	return strings.Join(words, " ")
}

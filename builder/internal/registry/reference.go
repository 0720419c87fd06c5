// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"errors"
	"strings"

	"github.com/distribution/reference"
)

// ParseReference normalises a reference as Docker does: "alpine" is
// docker.io/library/alpine:latest, and a reference with a digest needs no tag. The error is an
// [*Error] of kind [Reference].
func ParseReference(s string) (reference.Named, error) {
	if strings.Contains(s, "://") {
		return nil, &Error{
			Kind: Reference,
			Ref:  quoteInput(s),
			Err:  errors.New("it has a scheme"),
			Help: "want [HOST[:PORT]/]NAME[:TAG|@DIGEST]",
		}
	}
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return nil, &Error{Kind: Reference, Ref: quoteInput(s), Err: err, Help: "want [HOST[:PORT]/]NAME[:TAG|@DIGEST]"}
	}
	return reference.TagNameOnly(named), nil
}

// hostOf returns the registry host of a reference, or the text itself if it is invalid.
func hostOf(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.Domain(named)
}

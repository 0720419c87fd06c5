// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Current is which release shall run. The deployment says so in a file that all of
// its pods see, as no pod can know whether its own template is the newest one.
type Current struct {
	// Named is the digest of a release manifest, or an image reference.
	Named string
	// Own is what this pod has of the same kind. It is superseded if the two differ.
	Own string
}

// MaxCurrent bounds the file that names the current release, in bytes.
const MaxCurrent = 4 << 10

// maxReference bounds an image reference, in bytes.
const maxReference = 512

// NewCurrent compares the content of the file with what this pod has: a digest with that
// of its manifest, an image reference, as text, with image. What cannot be compared is an
// error.
func NewCurrent(content []byte, manifest, image string) (*Current, error) {
	named, err := ParseCurrent(content)
	if err != nil {
		return nil, err
	}
	switch byDigest := strings.HasPrefix(named, digestPrefix); {
	case byDigest && manifest == "":
		return nil, errors.New("it holds a digest, and this pod has no release manifest to compare it with: give --manifest")
	case byDigest:
		return &Current{Named: named, Own: manifest}, nil
	case image == "":
		return nil, errors.New("it holds an image reference: give --image to compare it with")
	}
	return &Current{Named: named, Own: image}, nil
}

const digestPrefix = string(digest.SHA256) + ":"

// ParseCurrent returns the one line of the file: the digest of a release manifest, as
// sha256: and 64 hexadecimal digits, or an image reference.
func ParseCurrent(content []byte) (string, error) {
	named := strings.TrimSpace(string(content))
	switch {
	case named == "":
		return "", errors.New("it is empty")
	case strings.ContainsAny(named, "\r\n"):
		return "", errors.New("it has more than one line")
	case strings.HasPrefix(named, digestPrefix):
		if err := digest.Digest(named).Validate(); err != nil {
			return "", errors.New("it holds no valid digest: want sha256: and 64 hexadecimal digits in lower case")
		}
	case len(named) > maxReference || strings.ContainsFunc(named, notInReference):
		return "", errors.New("it holds neither a digest nor an image reference")
	}
	return named, nil
}

func notInReference(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-/:@[]", r)
}

// superseded reports whether another release is the current one.
func (c *Current) superseded() bool { return c != nil && c.Named != c.Own }

func (c *Current) failure() *Failure {
	return &Failure{Reason: state.Superseded, Message: fmt.Sprintf("%s is the current release, this pod carries %s", c.Named, c.Own)}
}

// fileDelay is how late a change of a ConfigMap may reach a pod that runs: the kubelet
// looks every 60 to 90 seconds. A confirmed pod waits for it before it imports over
// another release, which may be the new current one, however young the pod is: its file
// is as old as the pod.
const fileDelay = 2 * time.Minute

// currency is what the importer knows about the file that names the current release.
type currency struct {
	last  *Current
	since time.Time // when the file was first read with this content
}

// noteCurrent takes over what the file says, and tells a change of it.
func (i *Importer) noteCurrent(c *Current) {
	old := i.currency.last
	if c == nil && old == nil || c != nil && old != nil && *c == *old {
		return
	}
	now := time.Now()
	i.currency = currency{last: c, since: now}
	i.watchFrom = now
	i.mem.forgiveTakeBacks()
	i.store.Update(func(s *state.Snapshot) {
		s.Current = nil
		if c != nil {
			s.Current = &state.Current{Named: c.Named, Superseded: c.superseded(), Since: now}
		}
	})
	if c != nil {
		i.log.Info("the current release is named", "named", c.Named, "own", c.Own, "superseded", c.superseded())
	}
}

// yield makes a pod of a release that is not the current one stop: it forgets what it
// was told, so that it asks for everything when its release becomes the current one.
func (p *pass) yield() error {
	p.mem.forgetWords()
	if s := p.store.Get(); s.Problem == nil || s.Problem.Reason != state.Superseded {
		p.announce()
	}
	return p.Current.failure()
}

// mayTakeBack reports whether the file that names this release is newer than another
// release that was first seen at a time.
func (i *Importer) mayTakeBack(seen time.Time) bool {
	if i.currency.last == nil || i.currency.last.superseded() {
		return false
	}
	return i.currency.since.After(seen) || time.Since(seen) >= fileDelay
}

// pace is the time to the next look for another release in the place of a confirmed
// one. Where a file keeps old pods from importing, looks are rare once a rollout is over.
func (i *Importer) pace(p *Policy) time.Duration {
	if i.currency.last != nil && time.Since(i.watchFrom) >= p.LookFor {
		return p.ReconcileEvery
	}
	return min(max(p.LookEvery, lookShare*i.lookTook), p.ReconcileEvery)
}

// lookShare bounds the share of the time that looks take: one in twenty.
const lookShare = 20

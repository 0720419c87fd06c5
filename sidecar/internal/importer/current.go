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

// Current is the release that should run. The deployment names it in a file that all of its pods
// mount, because a pod cannot tell whether its own template is the newest.
type Current struct {
	// Named is the digest of a release manifest, or an image reference.
	Named string
	// Own is the corresponding value of this pod. The pod is superseded if the two differ.
	Own string
}

// MaxCurrent limits the file that names the current release, in bytes.
const MaxCurrent = 4 << 10

// maxReference limits an image reference, in bytes.
const maxReference = 512

// NewCurrent compares the content of the file with this pod's release. It compares a digest with
// the digest of the manifest, and an image reference with image, as text. It returns an error if
// the pod has no value to compare.
func NewCurrent(content []byte, manifest, image string) (*Current, error) {
	named, err := ParseCurrent(content)
	if err != nil {
		return nil, err
	}
	switch byDigest := strings.HasPrefix(named, digestPrefix); {
	case byDigest && manifest == "":
		return nil, errors.New(
			"the file has a digest, but this pod has no release manifest to compare it with: set --manifest",
		)
	case byDigest:
		return &Current{Named: named, Own: manifest}, nil
	case image == "":
		return nil, errors.New("the file has an image reference: set --image to compare it with")
	}
	return &Current{Named: named, Own: image}, nil
}

const digestPrefix = string(digest.SHA256) + ":"

// ParseCurrent returns the single line of the file: the digest of a release manifest, as sha256:
// and 64 hexadecimal digits, or an image reference.
func ParseCurrent(content []byte) (string, error) {
	named := strings.TrimSpace(string(content))
	switch {
	case named == "":
		return "", errors.New("the file is empty")
	case strings.ContainsAny(named, "\r\n"):
		return "", errors.New("the file has more than one line")
	case strings.HasPrefix(named, digestPrefix):
		if err := digest.Digest(named).Validate(); err != nil {
			return "", errors.New("invalid digest: want sha256: and 64 lowercase hexadecimal digits")
		}
	case len(named) > maxReference || strings.ContainsFunc(named, notInReference):
		return "", errors.New("the file has neither a digest nor an image reference")
	}
	return named, nil
}

func notInReference(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-/:@[]", r)
}

// isSuperseded reports whether another release is the current one.
func (c *Current) isSuperseded() bool { return c != nil && c.Named != c.Own }

func (c *Current) supersededError() *Failure {
	return &Failure{
		Reason:  state.Superseded,
		Message: fmt.Sprintf("the current release is %s, this pod carries %s", c.Named, c.Own),
	}
}

// fileDelay is the maximum delay until a change of a ConfigMap reaches a running pod: the kubelet
// syncs every 60 to 90 seconds. A confirmed pod waits this long before it imports over another
// release, which may be the new current one. Young pods wait as well, because their file is as old
// as the pod.
const fileDelay = 2 * time.Minute

// currentTracker tracks the file that names the current release.
type currentTracker struct {
	last  *Current
	since time.Time // when this content was first read
}

// recordCurrent records the content of the file and publishes changes.
func (i *Importer) recordCurrent(c *Current) {
	old := i.current.last
	if c == nil && old == nil || c != nil && old != nil && *c == *old {
		return
	}
	now := time.Now()
	i.current = currentTracker{last: c, since: now}
	i.watchFrom = now
	i.mem.resetTakeBacks()
	i.store.Update(func(s *state.Snapshot) {
		s.Current = nil
		if c != nil {
			s.Current = &state.Current{Named: c.Named, Superseded: c.isSuperseded(), Since: now}
		}
	})
	if c != nil {
		i.log.Info("current release changed", "named", c.Named, "own", c.Own, "superseded", c.isSuperseded())
	}
}

// yieldToCurrent stops a pod whose release is not the current one. It forgets all confirmations, so that the
// pod verifies everything if its release becomes the current one again.
func (p *pass) yieldToCurrent() error {
	p.mem.forgetConfirmations()
	if s := p.store.Get(); s.Problem == nil || s.Problem.Reason != state.Superseded {
		p.publishRelease()
	}
	return p.Current.supersededError()
}

// mayTakeBack reports whether the file has named this release since after seen, which is when
// another release was first found.
func (i *Importer) mayTakeBack(seen time.Time) bool {
	if i.current.last == nil || i.current.last.isSuperseded() {
		return false
	}
	return i.current.since.After(seen) || time.Since(seen) >= fileDelay
}

// foreignCheckInterval returns the time until the next check for another release over a confirmed one. If a
// file prevents old pods from importing, checks are rare once a rollout is over.
func (i *Importer) foreignCheckInterval(p *Policy) time.Duration {
	if i.current.last != nil && time.Since(i.watchFrom) >= p.ForeignCheckPeriod {
		return p.ReconcileEvery
	}
	interval := p.ForeignCheckInterval
	if i.needsEvents {
		interval *= 2 // the platform limits the reads of events of all pods together (platform contract §9)
	}
	return min(max(interval, checkShare*i.listDuration), p.ReconcileEvery)
}

// checkShare limits the time spent on checks to one twentieth.
const checkShare = 20

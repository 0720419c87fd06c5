// SPDX-License-Identifier: AGPL-3.0-or-later

// Package trufflehog is a detector of package scan that uses TruffleHog as a
// library. It is the only package that imports TruffleHog.
//
// It drives TruffleHog's parts, and not its engine, file by file: chunks of 10 KiB
// with 3 KiB of the next one, all decoders up to five times in a row, keyword
// search, detectors. The engine logs errors of detectors and of archives and goes
// on; here each of them is the failure of the scan. What it finds is a superset of
// what the command-line program of the same version finds in the same file: that
// program skips files by their type, and lines with a trufflehog:ignore comment.
//
// Linking TruffleHog registers about twenty collectors in Prometheus' default
// registry, which nobody serves here.
package trufflehog

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/trufflesecurity/trufflehog/v3/pkg/config"
	"github.com/trufflesecurity/trufflehog/v3/pkg/decoders"
	"github.com/trufflesecurity/trufflehog/v3/pkg/detectors"
	"github.com/trufflesecurity/trufflehog/v3/pkg/engine/defaults"
	"github.com/trufflesecurity/trufflehog/v3/pkg/feature"
	"github.com/trufflesecurity/trufflehog/v3/pkg/handlers"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/scan"
)

const (
	modulePath = "github.com/trufflesecurity/trufflehog/v3"
	// pinnedVersion is what go.mod requires, for programs without build information. A test compares the two.
	pinnedVersion = "v3.95.9"

	// detectorTimeout is how long one detector may look at one match, as in TruffleHog's engine.
	detectorTimeout = detectors.DefaultResponseTimeout
	// decodeDepth is how often what was decoded is decoded again: the default of the program's --max-decode-depth.
	decodeDepth = 5

	// archiveMaxSize is how large what is in an archive may be, in bytes: each file, and all of them.
	archiveMaxSize = 250 << 20
	// archiveTimeout is how long unpacking and scanning one may take.
	archiveTimeout = 60 * time.Second
)

// Options select detectors.
type Options struct {
	// Include and Exclude hold names or ranges of detectors, as the program's
	// --include-detectors and --exclude-detectors take them. No Include means all.
	Include, Exclude []string
	// Custom are detectors of the user's, beside the selected ones; CustomOnly leaves
	// those out.
	Custom     []scan.CustomDetector
	CustomOnly bool
	// Limits are this package's if they are zero.
	Limits scan.Limits
	// Verify asks the services that secrets belong to whether they are live. It
	// sends candidates to them.
	Verify bool
}

// Detector implements [scan.Detector].
type Detector struct {
	keywords    *keywords
	decoders    []decoders.Decoder
	verify      bool
	timeout     time.Duration
	unpacked    int64
	description release.Scanner
}

var _ scan.Detector = (*Detector)(nil)

// New prepares the detectors: all of TruffleHog's defaults, minus the selection, and
// the user's own.
func New(opts Options) (*Detector, error) {
	enableFeatures()
	var selected []detectors.Detector
	var err error
	if !opts.CustomOnly {
		if selected, err = selection(defaults.DefaultDetectors(), opts); err != nil {
			return nil, err
		}
	}
	own, keys, err := custom(opts.Custom)
	if err != nil {
		return nil, err
	}
	d := newDetector(append(selected, own...), opts.Verify)
	d.description = describe(selected, keys)
	d.timeout = cmp.Or(opts.Limits.DetectorTimeout, d.timeout)
	d.unpacked = cmp.Or(opts.Limits.ArchiveSize, d.unpacked)
	return d, nil
}

func newDetector(selected []detectors.Detector, verify bool) *Detector {
	return &Detector{
		keywords:    newKeywords(selected),
		decoders:    decoders.DefaultDecoders(),
		verify:      verify,
		timeout:     detectorTimeout,
		unpacked:    archiveMaxSize,
		description: describe(selected, nil),
	}
}

// Describe implements [scan.Detector].
func (d *Detector) Describe() release.Scanner { return d.description }

// describe digests the types and versions of the detectors in sorted order, with
// TruffleHog's version, which stands for their patterns, and the definitions of the
// user's own detectors.
func describe(selected []detectors.Detector, custom []string) release.Scanner {
	keys := slices.Clone(custom)
	for _, d := range selected {
		id := config.GetDetectorID(d)
		keys = append(keys, fmt.Sprintf("%s.v%d\n", id.ID, id.Version))
	}
	slices.Sort(keys)
	v := version.Module(modulePath)
	if v == "" {
		v = pinnedVersion
	}
	h := sha256.New()
	io.WriteString(h, v+"\n"+strings.Join(keys, ""))
	return release.Scanner{Name: "trufflehog", Version: v, Detectors: len(keys), Rules: digest.NewDigest(digest.SHA256, h)}
}

func selection(all []detectors.Detector, opts Options) ([]detectors.Detector, error) {
	include, err := parse("include", opts.Include)
	if err != nil {
		return nil, err
	}
	exclude, err := parse("exclude", opts.Exclude)
	if err != nil {
		return nil, err
	}
	var selected []detectors.Detector
	for _, d := range all {
		if (len(include) == 0 || matches(include, d)) && !matches(exclude, d) {
			selected = append(selected, d)
		}
	}
	if len(selected) == 0 {
		return nil, fmt.Errorf("no detector is left: %d are included and %d excluded by name", len(include), len(exclude))
	}
	return selected, nil
}

func parse(what string, names []string) ([]config.DetectorID, error) {
	ids, err := config.ParseDetectors(strings.Join(names, ","))
	if err != nil {
		return nil, fmt.Errorf("detectors to %s: %w", what, err)
	}
	return ids, nil
}

// matches reports whether a detector is listed, where no version means all of them.
func matches(ids []config.DetectorID, d detectors.Detector) bool {
	own := config.GetDetectorID(d)
	return slices.ContainsFunc(ids, func(id config.DetectorID) bool {
		return id.ID == own.ID && (id.Version == 0 || id.Version == own.Version)
	})
}

// enableFeatures sets what TruffleHog's main sets by default and a library caller
// gets switched off. The switches are global, so this happens once.
var enableFeatures = sync.OnceFunc(func() {
	for _, enable := range []interface{ Store(bool) }{
		&feature.EnableAPKHandler,
		&feature.HTMLDecoderEnabled,
		&feature.PineconeDetectorEnabled,
		&feature.CloudinaryDetectorEnabled,
		&feature.GitLabOAuthDetectorEnabled,
		&feature.EnigmaDetectorEnabled,
		&feature.DatadogApiKeyDetectorEnabled,
		&feature.TlyDetectorEnabled,
		&feature.WitDetectorEnabled,
		&feature.RevDetectorEnabled,
		&feature.UserDetectorEnabled,
		&feature.BraintrustDetectorEnabled,
		&feature.PgAnalyzeReadKeyDetectorEnabled,
		&feature.RedHatPyxisDetectorEnabled,
		&feature.OctopusDeployDetectorEnabled,
		&feature.OpenRouterDetectorEnabled,
		&feature.NewRelicInsightsInsertKeyDetectorEnabled,
		&feature.DuffelTokenDetectorEnabled,
		&feature.ShippoDetectorEnabled,
		&feature.IPInfoDetectorEnabled,
		&feature.LobDetectorEnabled,
		&feature.HashiCorpVaultBatchTokenDetectorEnabled,
	} {
		enable.Store(true)
	}
	handlers.SetArchiveMaxSize(archiveMaxSize)
	handlers.SetArchiveMaxTimeout(archiveTimeout)
})

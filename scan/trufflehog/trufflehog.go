// SPDX-License-Identifier: AGPL-3.0-or-later

// Package trufflehog is a detector for package scan that uses TruffleHog as a library. No other
// package imports TruffleHog.
//
// It does not use TruffleHog's engine, but processes files with its components: chunks of 10
// KiB with an overlap of 3 KiB, all decoders up to five times in a row, the keyword search and
// the detectors. The engine logs errors of detectors and archives and continues; this package
// returns them. It finds everything that the command-line program of the same version finds in
// a file, and more: the program skips some file types, and lines with a trufflehog:ignore
// comment.
//
// Linking TruffleHog registers about twenty collectors in Prometheus' default registry, which
// the builder does not serve.
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
	// pinnedVersion is the version in go.mod, for programs without build information. A test
	// compares the two.
	pinnedVersion = "v3.95.9"

	// detectorTimeout is the maximum time that a detector may spend on a match, as in
	// TruffleHog's engine.
	detectorTimeout = detectors.DefaultResponseTimeout
	// decodeDepth is the maximum number of decoding passes, the default of the program's
	// --max-decode-depth.
	decodeDepth = 5

	// archiveMaxSize limits the unpacked size of each file in an archive, and of all files, in
	// bytes.
	archiveMaxSize = 250 << 20
	// archiveTimeout is the maximum time to unpack and scan an archive.
	archiveTimeout = 60 * time.Second
)

// Options select and configure detectors.
type Options struct {
	// Include and Exclude hold detector names or ranges, in the syntax of the program's
	// --include-detectors and --exclude-detectors. An empty Include selects all.
	Include, Exclude []string
	// Custom are user-defined detectors, in addition to the selected ones. CustomOnly disables
	// the selected ones.
	Custom     []scan.CustomDetector
	CustomOnly bool
	// Limits override the defaults of this package if they are not zero.
	Limits scan.Limits
	// Verify asks the services of secrets whether they are live. It sends the candidates to the
	// services.
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

// New returns a detector with the selected ones of TruffleHog's default detectors and the
// user-defined ones.
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

// describe returns a description with the digest of the sorted detector types and versions, the
// definitions of user-defined detectors, and TruffleHog's version, which determines the
// patterns.
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

// matches reports whether the list contains a detector. An ID without a version matches all
// versions.
func matches(ids []config.DetectorID, d detectors.Detector) bool {
	own := config.GetDetectorID(d)
	return slices.ContainsFunc(ids, func(id config.DetectorID) bool {
		return id.ID == own.ID && (id.Version == 0 || id.Version == own.Version)
	})
}

// enableFeatures enables the features that TruffleHog's main enables by default and that are
// off in the library. The switches are global, so they are set only once.
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

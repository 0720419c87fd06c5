// SPDX-License-Identifier: AGPL-3.0-or-later

package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/internal/spdx"
	"github.com/prismeai/workspaces-release/internal/version"
)

// attested are the types of the statements that every platform should have.
var attested = []string{attest.ProvenanceType, attest.SBOMType, attest.ScanType}

// statement is a statement and the platform that it describes.
type statement struct {
	*attest.Statement
	platform string
	// image is the digest of the platform's image.
	image digest.Digest
}

// readAttestations reads all statements and reports missing ones.
func (v *verifier) readAttestations(ctx context.Context) error {
	v.beginChecks(Attestations)
	list, err := attest.List(ctx, v.img)
	if err != nil {
		return v.reportBrokenAttestation(ctx, err)
	}
	if len(list) == 0 && v.opts.AllowMissingAttestations {
		v.skipCheck(Attestations, "the image has none")
		return nil
	}
	if len(list) == 0 {
		v.addProblem(Attestations, "it has no statements: it was copied for one platform, or built without them; "+
			"skopeo copy --all and crane copy keep them")
		return nil
	}
	platforms := map[digest.Digest]string{}
	for i := range v.img.Manifests {
		platforms[v.img.Manifests[i].Descriptor.Digest] = v.img.Manifests[i].PlatformName()
	}
	reader := attest.NewReader(v.img)
	for _, a := range list {
		platform, ok := platforms[a.Image]
		if !ok {
			v.addProblem(Attestations, "%s is about %s, which is none of the images of the index", a.Digest, a.Image)
			continue
		}
		s, err := reader.Read(ctx, a)
		if err != nil {
			if err := v.reportBrokenAttestation(ctx, err); err != nil {
				return err
			}
			continue
		}
		v.statements = append(v.statements, statement{s, platform, a.Image})
	}
	v.countStatements()
	v.readParameters()
	return nil
}

// reportBrokenAttestation reports a problem of a statement. It returns errors that mean a failure to
// reach the statement.
func (v *verifier) reportBrokenAttestation(ctx context.Context, err error) error {
	var failure *registry.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isUnreachable(err):
		return err
	case errors.As(err, &failure):
		v.addProblem(Blobs, "%v", err)
	default:
		v.addProblem(Attestations, "%v", err)
	}
	return nil
}

// countStatements requires the statements of each type for every platform. Builders of other versions
// may make one bill of materials in place of several.
func (v *verifier) countStatements() {
	bills := attest.CountBills(v.manifest)
	for i := range v.img.Manifests {
		platform := v.img.Manifests[i].PlatformName()
		for _, kind := range attested {
			want := 1
			if kind == attest.SBOMType {
				want = bills
			}
			n := 0
			for _, s := range v.statements {
				if s.platform == platform && s.PredicateType == kind {
					n++
				}
			}
			switch {
			case n == want || n == 0 && v.opts.AllowMissingAttestations || n == 1 && !v.sameVersion():
			default:
				v.addPlatformProblem(Attestations, platform, "there are %d statements of type %s instead of %d", n, kind, want)
			}
		}
	}
}

// sameVersion reports whether a builder of this version made the image.
func (v *verifier) sameVersion() bool { return v.manifest.Tool.Version == version.Get().Version }

// readParameters reads the parameters of the build from the provenance.
func (v *verifier) readParameters() {
	for _, s := range v.statements {
		if s.PredicateType != attest.ProvenanceType {
			continue
		}
		p, err := s.Provenance()
		if err != nil {
			v.addPlatformProblem(Attestations, s.platform, "%v", err)
			continue
		}
		asked := p.BuildDefinition.ExternalParameters
		if v.parameters != nil && !reflect.DeepEqual(asked, *v.parameters) {
			v.addPlatformProblem(Attestations, s.platform, "its provenance has other parameters than that of another platform")
		}
		v.parameters = &asked
		v.config.Labels = asked.Labels
	}
}

// checkAttestations generates the statements from the manifest and the files, and compares them
// with those of the image.
func (v *verifier) checkAttestations(files []spdx.File) {
	if v.parameters != nil {
		v.checkParameters(*v.parameters)
	}
	for _, kind := range attested {
		v.checkKind(kind, files)
	}
	for _, s := range v.statements {
		if !slices.Contains(attested, s.PredicateType) {
			v.skipCheck(Attestations, "statements of type %s are not known", s.PredicateType)
		}
	}
}

// checkKind compares the statements of one type, for all platforms.
func (v *verifier) checkKind(kind string, files []spdx.File) {
	var generated []attest.Predicate
	type key struct {
		platform string
		index    int
	}
	seen := map[key]bool{}
	compared := map[*attest.Statement]string{}
	for _, s := range v.statements {
		if s.PredicateType != kind || kind == attest.ProvenanceType && v.parameters == nil {
			continue
		}
		if generated == nil || kind == attest.ScanType { // the scan alone says what it skipped
			var err error
			if generated, err = v.generatePredicates(s, files); err != nil {
				v.addPlatformProblem(Attestations, s.platform, "%v", err)
				return
			}
		}
		i := slices.IndexFunc(generated, func(p attest.Predicate) bool { return s.Matches(p, s.image) })
		if i < 0 {
			v.reportDifference(s, "its subject")
			continue
		}
		if k := (key{s.platform, i}); seen[k] {
			v.addPlatformProblem(Attestations, s.platform, "there are two statements of type %s about the same layers", kind)
		} else {
			seen[k] = true
		}
		difference, ok := compared[s.Statement]
		if !ok {
			difference = comparePredicates(s.Predicate, generated[i].Content)
			compared[s.Statement] = difference
		}
		if difference != "" {
			v.reportDifference(s, difference)
		}
	}
}

// generatePredicates returns the predicates of the type of a statement, as this builder would make them.
func (v *verifier) generatePredicates(s statement, files []spdx.File) ([]attest.Predicate, error) {
	release := &attest.Release{Manifest: v.manifest, ManifestDigest: v.config.ManifestDigest}
	var kinds attest.Kinds
	switch s.PredicateType {
	case attest.ProvenanceType:
		kinds.Provenance = true
		release.Parameters = *v.parameters
	case attest.SBOMType:
		kinds.SBOM = true
		if s.ListsFiles() {
			release.Files = files
		}
	case attest.ScanType:
		kinds.Scan = true
		release.Skipped = v.recordedSkips(s)
	}
	return release.Predicates(kinds)
}

// comparePredicates returns the path of the first difference between a predicate and the one that this
// builder would generate; empty if there is none.
func comparePredicates(got, want json.RawMessage) string {
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal(want, &b) != nil {
		return "its predicate, which is not JSON"
	}
	place, differ := findDifference("", a, b)
	if differ && place == "" {
		return "its predicate, which is not an object"
	}
	return place
}

// reportDifference reports that a statement is another one than this builder would generate.
func (v *verifier) reportDifference(s statement, place string) {
	if !v.sameVersion() {
		v.skipCheck(
			Attestations,
			"builder %s made the statements of type %s, and this version would make others (see %s): verify with the "+
				"same version",
			v.manifest.Tool.Version,
			s.PredicateType,
			place,
		)
		return
	}
	v.addPlatformProblem(Attestations, s.platform, "the statement of type %s does not follow from the release: see %s",
		s.PredicateType, place)
}

// findDifference returns the path of the first difference between two JSON values.
func findDifference(at string, a, b any) (place string, differ bool) {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return at, true
		}
		for _, key := range slices.Sorted(maps.Keys(mergeMaps(x, y))) {
			if place, differ := findDifference(at+"."+key, x[key], y[key]); differ {
				return place, true
			}
		}
		return "", false
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return at, true
		}
		for i := range x {
			if place, differ := findDifference(fmt.Sprintf("%s[%d]", at, i), x[i], y[i]); differ {
				return place, true
			}
		}
		return "", false
	default:
		return at, !reflect.DeepEqual(a, b)
	}
}

// recordedSkips returns the files that the scan skipped, which only the statement records. They must be a
// part of what ships.
func (v *verifier) recordedSkips(s statement) []attest.Skipped {
	stated, err := s.Scan()
	if err != nil {
		v.addPlatformProblem(Attestations, s.platform, "%v", err)
		return nil
	}
	list := stated.Coverage.Skipped
	total := int64(0)
	last := ""
	for _, skipped := range list {
		if skipped.Files < 1 || skipped.Files > v.files || skipped.Bytes < 0 || skipped.Reason <= last {
			v.addPlatformProblem(
				Attestations,
				s.platform,
				"the statement of the scan has a wrong entry for skipped content: %d files, %d bytes, reason %q",
				skipped.Files,
				skipped.Bytes,
				skipped.Reason,
			)
			return list
		}
		total += skipped.Bytes
		last = skipped.Reason
	}
	if total != stated.Coverage.SkippedBytes || total > v.bytes {
		v.addPlatformProblem(
			Attestations,
			s.platform,
			"the statement of the scan says that %d bytes were skipped, its entries add up to %d, and %d ship",
			stated.Coverage.SkippedBytes,
			total,
			v.bytes,
		)
	}
	return list
}

// containsAll reports whether list contains all items.
func containsAll(list, items []string) bool {
	return !slices.ContainsFunc(items, func(item string) bool { return !slices.Contains(list, item) })
}

// checkParameters compares the parameters of the build with the manifest.
func (v *verifier) checkParameters(p attest.Parameters) {
	m := v.manifest
	base := ""
	if m.Base != nil {
		base = m.Base.Name
	}
	var groups []attest.Group
	for i, g := range m.Groups {
		labels := g.Labels
		if v.keepsBase() && i < len(p.Groups) && containsAll(g.Labels, p.Groups[i].Labels) {
			labels = p.Groups[i].Labels // the group also has labels of the base
		}
		groups = append(groups, attest.Group{Name: g.Name, Labels: labels})
	}
	same := func(what string, asked, made any) {
		if !reflect.DeepEqual(asked, made) {
			v.addProblem(Attestations, "the provenance has %s %v, but the release has %v", what, asked, made)
		}
	}
	same("source", p.Source, attest.SourceParameters{URL: m.Source.URL, Ref: m.Source.Ref, Subdir: m.Source.Subdir})
	same("base", p.Base, base)
	same("repository", []string{p.Repository.ID, p.Repository.Directory},
		[]string{m.Repository.ID, m.Repository.Directory})
	if p.Repository.Name != "" {
		same("repository", p.Repository.Name, m.Repository.Name)
	}
	if p.Release != "" {
		same("release", p.Release, m.Name)
	}
	if len(p.Groups) > 0 {
		same("the list of groups", p.Groups, groups)
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/verify"
)

// forgeStatements returns the index with modified statements about arm64. If forge returns nil, the
// statement is left out.
func forgeStatements(t *testing.T, ref string, forge func(*attest.Statement) *attest.Statement) v1.ImageIndex {
	t.Helper()
	parsed, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(parsed)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	forged := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	var arm64 v1.Hash
	for _, desc := range manifest.Manifests {
		image, err := index.Image(desc.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if desc.Platform.Architecture == "arm64" {
			arm64 = desc.Digest
		}
		if desc.Annotations["vnd.docker.reference.digest"] == arm64.String() {
			image = forgeAttestation(t, image, forge)
			desc = v1.Descriptor{Annotations: desc.Annotations, Platform: desc.Platform}
		}
		forged = mutate.AppendManifests(forged, mutate.IndexAddendum{Add: image, Descriptor: desc})
	}
	return forged
}

func forgeAttestation(t *testing.T, image v1.Image, forge func(*attest.Statement) *attest.Statement) v1.Image {
	t.Helper()
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	forged := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, desc := range manifest.Layers {
		s := statementIn(t, image, desc.Digest)
		if s = forge(s); s == nil {
			continue
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		add := mutate.Addendum{Layer: static.NewLayer(data, desc.MediaType), MediaType: desc.MediaType,
			Annotations: desc.Annotations}
		if forged, err = mutate.Append(forged, add); err != nil {
			t.Fatal(err)
		}
	}
	return forged
}

func statementIn(t *testing.T, image v1.Image, digest v1.Hash) *attest.Statement {
	t.Helper()
	l, err := image.LayerByDigest(digest)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := l.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	data, err := io.ReadAll(blob)
	if err != nil {
		t.Fatal(err)
	}
	s, err := attest.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// replacing returns a function that replaces a text in the statements of a type, which must contain
// it.
func replacing(t *testing.T, predicateType, older, newer string) func(*attest.Statement) *attest.Statement {
	return func(s *attest.Statement) *attest.Statement {
		if s.PredicateType == predicateType {
			if !strings.Contains(string(s.Predicate), older) {
				t.Errorf("%q is not in %s", older, s.Predicate)
			}
			s.Predicate = json.RawMessage(strings.Replace(string(s.Predicate), older, newer, 1))
		}
		return s
	}
}

func TestVerifyAttestations(t *testing.T) {
	f := newFixture(t)
	f.opts.Labels, f.opts.Annotations = map[string]string{"team": "a"}, map[string]string{"ticket": "1"}
	built := f.mustBuild(t)
	scan, provenance := attest.ScanType, attest.ProvenanceType
	for name, test := range map[string]struct {
		forge func(*attest.Statement) *attest.Statement
		want  string
	}{
		"nothing":           {func(s *attest.Statement) *attest.Statement { return s }, ""},
		"scanned files":     {replacing(t, scan, `"files":`, `"files":1`), "coverage"},
		"scanned bytes":     {replacing(t, scan, `"bytes":`, `"bytes":1`), "coverage"},
		"scan of a layer":   {replacing(t, scan, built.Manifest.Layer.Digest.Encoded(), strings.Repeat("0", 64)), ".layer.digest"},
		"policy":            {replacing(t, scan, built.Manifest.Scan.Policy.Encoded(), strings.Repeat("0", 64)), ".policy"},
		"scanner":           {replacing(t, scan, `"scanners":[{"name":"`, `"scanners":[{"name":"x`), ".scanners[0].name"},
		"accepted findings": {replacing(t, scan, `"accepted":[]`, `"accepted":["00ff"]`), ".findings.accepted"},
		"open findings":     {replacing(t, scan, `"open":0`, `"open":1`), ".findings.open"},
		"what was skipped":  {replacing(t, scan, `"skippedBytes":`, `"skippedBytes":1`), "bytes were skipped"},
		"what was skipped, again": {replacing(t, scan, `"skipped":[`, `"skipped":[`+strings.Repeat(`{"reason":"x","files":1,"bytes":0},`, 2)),
			`1 files, 0 bytes, reason "x"`},
		"base":                          {replacing(t, provenance, f.base.Digest.Hex, strings.Repeat("0", 64)), "resolvedDependencies"},
		"builder":                       {replacing(t, provenance, "workspaces-release/builder", "other/builder"), "runDetails.builder.id"},
		"time":                          {replacing(t, provenance, `"sourceDateEpoch":`, `"sourceDateEpoch":1`), "sourceDateEpoch"},
		"name that was asked for":       {replacing(t, provenance, `"release":"v1"`, `"release":"v2"`), "the provenance has release v2"},
		"group that was asked for":      {replacing(t, provenance, `"labels":["core"]`, `"labels":["other"]`), "groups"},
		"label that was asked for":      {replacing(t, provenance, `"team":"a"`, `"team":"b"`), "label team"},
		"annotation that was asked for": {replacing(t, provenance, `"ticket":"1"`, `"ticket":"2"`), "annotation ticket"},
		"checksum of a file":            {replacing(t, attest.SBOMType, `"checksumValue":"`, `"checksumValue":"0`), "checksum"},
		"no scan": {func(s *attest.Statement) *attest.Statement {
			if s.PredicateType == scan {
				return nil
			}
			return s
		}, "0 statements of type " + scan},
		"another subject": {func(s *attest.Statement) *attest.Statement {
			s.Subject[0].Digest = attest.DigestSet{"sha256": strings.Repeat("0", 64)}
			return s
		}, "about another image"},
		"another type": {func(s *attest.Statement) *attest.Statement {
			s.PredicateType = "https://example.com/other"
			return s
		}, "its predicate is of type"},
	} {
		t.Run(name, func(t *testing.T) {
			r := f.verifyStrictly(t, f.reg.PushIndex(t, "forged:1", forgeStatements(t, f.reg.Ref("out:v1"), test.forge)).Ref)
			text := ""
			for _, p := range r.Problems {
				text += p.Message + "\n"
				if p.Check != verify.Attestations && p.Check != verify.Labels {
					t.Errorf("problem %+v", p)
				}
			}
			if !strings.Contains(text, test.want) || (test.want == "") != (text == "") || len(r.Unproven) > 0 {
				t.Errorf("%q is not among:\n%s%+v", test.want, text, r.Unproven)
			}
			if slices.Contains(r.Proven, verify.Attestations) != (test.want == "") {
				t.Errorf("proven: %v", r.Proven)
			}
		})
	}
}

func (f *fixture) verifyStrictly(t *testing.T, ref string) *verify.Report {
	t.Helper()
	r, err := pipeline.Verify(t.Context(), pipeline.VerifyOptions{Image: ref, Registry: f.opts.Registry,
		Limits: source.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerifyMissesAttestations(t *testing.T) {
	f := newFixture(t)
	f.opts.Attest = attest.Kinds{}
	f.mustBuild(t)
	if r := f.verifyStrictly(t, f.reg.Ref("out:v1")); !slices.Equal(checks(r), []verify.Check{verify.Attestations}) ||
		len(r.Problems) != 1 {
		t.Errorf("problems %+v", r.Problems)
	}
	r := f.verify(t, f.reg.Ref("out:v1"))
	if len(r.Problems) > 0 || len(r.Unproven) != 1 || r.Unproven[0].Check != verify.Attestations {
		t.Errorf("%+v", r)
	}
}

func TestVerifyReportsOtherEntries(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	index := forgeStatements(t, f.reg.Ref("out:v1"), func(s *attest.Statement) *attest.Statement { return s })
	index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: artifact()})
	report := f.verify(t, f.reg.PushIndex(t, "out:others", index).Ref)
	if got := checks(report); !slices.Equal(got, []verify.Check{verify.Platforms}) {
		t.Errorf("problems %v", report.Problems)
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/verify"
	"github.com/prismeai/workspaces-release/internal/release"
)

// verify verifies an image that may lack attestations.
func (f *fixture) verify(t *testing.T, ref string) *verify.Report {
	t.Helper()
	r, err := pipeline.Verify(t.Context(), pipeline.VerifyOptions{
		Image: ref, Registry: f.opts.Registry, Limits: source.DefaultLimits(), AllowMissingAttestations: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checks returns the checks that found problems, each once.
func checks(r *verify.Report) []verify.Check {
	var list []verify.Check
	for _, p := range r.Problems {
		if !slices.Contains(list, p.Check) {
			list = append(list, p.Check)
		}
		if p.Meaning == "" {
			list = append(list, "no meaning of "+p.Check)
		}
	}
	slices.Sort(list)
	return list
}

func TestVerifyWhatWasBuilt(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	for _, ref := range []string{f.reg.Ref("out:v1"), "oci-layout://" + f.out + "/image.tar"} {
		r := f.verify(t, ref)
		if len(r.Problems)+len(r.Unproven) > 0 || r.Release != "v1" || r.Files == 0 || len(r.Platforms) != 2 {
			t.Errorf("%s: %+v", ref, r)
		}
	}
	f.opts.BaseRef, f.opts.Outputs[0].Names = "", []string{f.reg.Ref("scratch:v1")}
	f.mustBuild(t)
	if r := f.verify(t, f.reg.Ref("scratch:v1")); len(r.Problems)+len(r.Unproven) > 0 {
		t.Errorf("from scratch: %+v", r)
	}
}

// forgeries each change one thing in an image, and name the checks that find it. Unless a forgery
// is clumsy, it also updates the layers in the manifest and the digest of the manifest in the
// labels.
var forgeries = map[string]struct {
	forge  func(t *testing.T, p *parts)
	clumsy bool
	want   []verify.Check
}{
	"nothing": {forge: func(*testing.T, *parts) {}},

	// Files.
	"content of a file": {forge: func(_ *testing.T, p *parts) {
		p.entry("www/workspaces/crm/index.yml").data = []byte("id: id-crm\nname: Samples\nslug: crm\n")
	}, want: []verify.Check{verify.Scan, verify.Workspaces}},
	"content of a file, of the same size": {forge: func(_ *testing.T, p *parts) {
		e := p.entry("www/workspaces/crm/automations/handle-request-0.yml")
		e.data = append(slices.Clone(e.data[:len(e.data)-2]), "#\n"...)
	}, want: []verify.Check{verify.Workspaces}},
	"content of a file, clumsily": {clumsy: true, forge: func(_ *testing.T, p *parts) {
		e := p.entry("www/workspaces/crm/automations/handle-request-0.yml")
		e.data = append(slices.Clone(e.data[:len(e.data)-2]), "#\n"...)
	}, want: []verify.Check{verify.Layer, verify.Workspaces}},
	"a file more": {forge: func(_ *testing.T, p *parts) {
		p.add("www/workspaces/mail/more.yml", "a: 1\n")
	}, want: []verify.Check{verify.Scan, verify.Workspaces}},
	"an empty file more": {forge: func(_ *testing.T, p *parts) {
		p.add("www/workspaces/mail/more.yml", "")
	}, want: []verify.Check{verify.Scan, verify.Workspaces}},
	"a workspace more": {forge: func(_ *testing.T, p *parts) {
		p.add("www/workspaces/zoo/index.yml", "name: Zoo\n")
	}, want: []verify.Check{verify.Scan, verify.Workspaces}},
	"a file outside": {forge: func(_ *testing.T, p *parts) {
		p.add("www/services/index.js", "evil()")
	}, want: []verify.Check{verify.Files}},
	"a file in no workspace": {forge: func(_ *testing.T, p *parts) {
		p.add("www/workspaces/index.js", "evil()")
	}, want: []verify.Check{verify.Files}},
	"a path that leads out": {forge: func(_ *testing.T, p *parts) {
		p.add("www/workspaces/mail/../../services/index.js", "evil()")
	}, want: []verify.Check{verify.Files}},
	"a file less": {forge: func(_ *testing.T, p *parts) {
		p.remove("www/workspaces/crm/security.yml")
	}, want: []verify.Check{verify.Scan, verify.Workspaces}},
	"a workspace less": {forge: func(_ *testing.T, p *parts) {
		p.content = slices.DeleteFunc(p.content, func(e *entry) bool { return strings.Contains(e.Name, "/crm/") })
	}, want: []verify.Check{verify.Order, verify.Scan, verify.Workspaces}},
	"a file twice": {forge: func(_ *testing.T, p *parts) {
		e := *p.entry("www/workspaces/crm/index.yml")
		p.content = append(p.content, &e)
	}, want: []verify.Check{verify.Files, verify.Scan, verify.Workspaces}},
	"a directory above": {forge: func(_ *testing.T, p *parts) {
		e := *p.entry("www/workspaces/")
		e.Name = "www/"
		p.content = append([]*entry{&e}, p.content...)
	}, want: []verify.Check{verify.Files}},
	"mode of a file": {forge: func(_ *testing.T, p *parts) {
		p.entry("www/workspaces/crm/index.yml").Mode = 0o755
	}, want: []verify.Check{verify.Files}},
	"set-uid": {forge: func(_ *testing.T, p *parts) {
		p.entry("www/workspaces/crm/index.yml").Mode = 0o4644
	}, want: []verify.Check{verify.Files}},
	"mode of a directory": {forge: func(_ *testing.T, p *parts) {
		p.entry("www/workspaces/").Mode = 0o777
	}, want: []verify.Check{verify.Files}},
	"owner": {forge: func(_ *testing.T, p *parts) {
		p.entry("www/workspaces/crm/index.yml").Uid = 1000
	}, want: []verify.Check{verify.Files}},
	"group": {forge: func(_ *testing.T, p *parts) {
		p.entry("www/workspaces/crm/index.yml").Gid = 1000
	}, want: []verify.Check{verify.Files}},
	"name of the owner": {forge: func(_ *testing.T, p *parts) {
		p.entry("www/workspaces/crm/index.yml").Uname = "node"
	}, want: []verify.Check{verify.Files}},
	"time": {forge: func(_ *testing.T, p *parts) {
		p.entry("www/workspaces/crm/index.yml").ModTime = time.Unix(1, 0)
	}, want: []verify.Check{verify.Files}},
	"attribute": {forge: func(_ *testing.T, p *parts) {
		e := p.entry("www/workspaces/crm/index.yml")
		e.Format, e.PAXRecords = tar.FormatPAX, map[string]string{"SCHILY.xattr.security.capability": "x"}
	}, want: []verify.Check{verify.Files}},
	"symbolic link": {forge: func(_ *testing.T, p *parts) {
		p.add("www/workspaces/crm/link.yml", "")
		e := p.content[len(p.content)-1]
		e.Typeflag, e.Linkname = tar.TypeSymlink, "/etc/passwd"
	}, want: []verify.Check{verify.Files, verify.Scan, verify.Workspaces}},
	"no whiteout": {forge: func(_ *testing.T, p *parts) {
		p.remove("www/workspaces/.wh..wh..opq")
	}, want: []verify.Check{verify.Whiteout}},
	"a whiteout more": {forge: func(_ *testing.T, p *parts) {
		p.add("www/workspaces/crm/.wh.security.yml", "")
	}, want: []verify.Check{verify.Files}},

	// The manifest.
	"manifest, clumsily": {clumsy: true, forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Source.Commit = strings.Repeat("0", 40) })
	}, want: []verify.Check{verify.Labels, verify.Manifest}},
	"commit": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Source.Commit = strings.Repeat("0", 40) })
	}, want: []verify.Check{verify.Labels}},
	"name of the release": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Name = "v2" })
	}, want: []verify.Check{verify.Labels}},
	"version of a workspace": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Workspaces[0].Version = "v9" })
	}, want: []verify.Check{verify.Workspaces}},
	"app of a workspace": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Workspaces[0].App = "Other" })
	}, want: []verify.Check{verify.Workspaces}},
	"requirements of a workspace": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Workspaces[0].Requires.Secrets = nil })
	}, want: []verify.Check{verify.Workspaces}},
	"digest of a workspace": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Workspaces[0].Digest = digest.FromString("other") })
	}, want: []verify.Check{verify.Workspaces}},
	"count of files": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Workspaces[0].Files++ })
	}, want: []verify.Check{verify.Workspaces}},
	"a workspace that does not ship": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) {
			m.Workspaces = append(m.Workspaces, release.Workspace{Slug: "zoo", Digest: digest.FromString("zoo")})
			m.Groups[0].Workspaces = append(m.Groups[0].Workspaces, "zoo")
			m.Layers[0].Workspaces = append(m.Layers[0].Workspaces, "zoo")
		})
	}, want: []verify.Check{verify.Order, verify.Workspaces}},
	"group of a workspace": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) {
			m.Groups[0].Workspaces, m.Groups[1].Workspaces = m.Groups[1].Workspaces, m.Groups[0].Workspaces
		})
	}, want: []verify.Check{verify.Order}},
	"order of the groups": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { slices.Reverse(m.Groups) })
	}, want: []verify.Check{verify.Labels}},
	"labels of a group": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Groups[0].Labels = []string{"other"} })
	}, want: []verify.Check{verify.Environment}},
	"scanned files": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Scan.Files-- })
	}, want: []verify.Check{verify.Scan}},
	"scanned bytes": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Scan.Bytes-- })
	}, want: []verify.Check{verify.Scan}},
	"no scanner": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Scan.Scanners = nil })
	}, want: []verify.Check{verify.Scan}},
	"base digest": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Base.Digest = digest.FromString("other") })
	}, want: []verify.Check{verify.Labels}},
	"no base": {forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) { m.Base = nil })
	}, want: []verify.Check{verify.Base, verify.Labels}},
	"digest of the layer": {clumsy: true, forge: func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) {
			m.Layer.Digest = digest.FromString("other")
			m.Layers[0].Layer = m.Layer
		})
		p.label()
	}, want: []verify.Check{verify.Layer}},
	"a file beside the manifest": {forge: func(_ *testing.T, p *parts) {
		header := p.entry(manifestName).Header
		header.Name = "www/services/index.js"
		p.about = append(p.about, &entry{header, []byte("evil()")})
	}, want: []verify.Check{verify.Manifest}},
	"no manifest": {clumsy: true, forge: func(_ *testing.T, p *parts) { p.remove(manifestName) }, want: []verify.Check{verify.Manifest}},
	"two manifests": {forge: func(_ *testing.T, p *parts) {
		e := *p.entry(manifestName)
		p.about = append(p.about, &e)
	}, want: []verify.Check{verify.Manifest}},
	"broken manifest": {clumsy: true, forge: func(_ *testing.T, p *parts) { p.entry(manifestName).data = []byte("{}") }, want: []verify.Check{verify.Manifest}},

	"a file beside the workspaces of the manifest": {forge: func(_ *testing.T, p *parts) {
		header := p.entry(workspacesName).Header
		header.Name = "www/services/index.js"
		p.listed = append(p.listed, &entry{header, []byte("evil()")})
	}, want: []verify.Check{verify.Manifest}},
	"no workspaces of the manifest": {clumsy: true, forge: func(_ *testing.T, p *parts) {
		p.remove(workspacesName)
	}, want: []verify.Check{verify.Manifest}},
	"other workspaces in the manifest": {clumsy: true, forge: func(_ *testing.T, p *parts) {
		e := p.entry(workspacesName)
		e.data = bytes.Replace(e.data, []byte(`"files":`), []byte(`"files":1`), 1)
	}, want: []verify.Check{verify.Manifest}},
	"a manifest that hides its workspaces": {forge: func(_ *testing.T, p *parts) {
		p.about = append(p.about, p.entry("www/release/.wh..wh..opq"))
	}, want: []verify.Check{verify.Manifest}},
	"files of the manifest in another order": {clumsy: true, forge: func(_ *testing.T, p *parts) {
		p.listed, p.about = p.about, p.listed
	}, want: []verify.Check{verify.Manifest}},

	// The configuration.
	"label of the manifest": {clumsy: true, forge: func(_ *testing.T, p *parts) {
		delete(p.config.Config.Labels, release.LabelManifestDigest)
	}, want: []verify.Check{verify.Manifest}},
	"another label of ours": {forge: func(_ *testing.T, p *parts) {
		p.config.Config.Labels["org.opencontainers.image.version"] = "v2"
	}, want: []verify.Check{verify.Labels}},
	"a label of ours more": {forge: func(_ *testing.T, p *parts) {
		p.config.Config.Labels["org.opencontainers.image.revision"] = "0123"
	}, want: []verify.Check{verify.Labels}},
	"an annotation": {forge: func(_ *testing.T, p *parts) {
		p.annotations["org.opencontainers.image.base.digest"] = digest.FromString("other").String()
	}, want: []verify.Check{verify.Labels}},
	"time of creation": {forge: func(_ *testing.T, p *parts) {
		p.config.Created = v1.Time{Time: time.Unix(99, 0)}
	}, want: []verify.Check{verify.Labels}},
	"a variable of ours": {forge: func(_ *testing.T, p *parts) {
		p.setenv("WORKSPACES_STORAGE_GIT_PLATFORM_release_DIRPATH", "/srv/evil")
	}, want: []verify.Check{verify.Environment}},
	"a variable of ours, once more": {forge: func(_ *testing.T, p *parts) {
		p.config.Config.Env = append(p.config.Config.Env, "WORKSPACES_STORAGE_GIT_PLATFORM_release_MODE=read-only")
	}, want: []verify.Check{verify.Environment}},
	"a variable of ours less": {forge: func(_ *testing.T, p *parts) {
		p.config.Config.Env = slices.DeleteFunc(p.config.Config.Env,
			func(e string) bool { return strings.Contains(e, "_MODE=") })
	}, want: []verify.Check{verify.Environment}},
	"another repository": {forge: func(_ *testing.T, p *parts) {
		p.config.Config.Env = append(p.config.Config.Env, "WORKSPACES_STORAGE_GIT_PLATFORM_x_TYPE=filesystem",
			"WORKSPACES_STORAGE_GIT_PLATFORM_x_DIRPATH=/www")
	}, want: []verify.Check{verify.Environment}},
	"a variable of the base": {forge: func(_ *testing.T, p *parts) { p.setenv("NODE_ENV", "development") }, want: []verify.Check{verify.Environment}},
	"a variable more": {forge: func(_ *testing.T, p *parts) {
		p.config.Config.Env = append(p.config.Config.Env, "NODE_OPTIONS=--require /tmp/evil.js")
	}, want: []verify.Check{verify.Environment}},
	"entrypoint":   {forge: func(_ *testing.T, p *parts) { p.config.Config.Entrypoint = []string{"/evil"} }, want: []verify.Check{verify.Environment}},
	"user":         {forge: func(_ *testing.T, p *parts) { p.config.Config.User = "root" }, want: []verify.Check{verify.Environment}},
	"architecture": {forge: func(_ *testing.T, p *parts) { p.config.Architecture = "s390x" }, want: []verify.Check{verify.Base}},

	// Layers.
	"a layer of the base":     {forge: func(_ *testing.T, p *parts) { p.below[0] = registrytest.Layer("other") }, want: []verify.Check{verify.Base}},
	"a layer less":            {forge: func(_ *testing.T, p *parts) { p.below = p.below[1:] }, want: []verify.Check{verify.Base}},
	"a layer more":            {forge: func(_ *testing.T, p *parts) { p.below = append(p.below, registrytest.Layer("other")) }, want: []verify.Check{verify.Base}},
	"layers in another order": {forge: func(_ *testing.T, p *parts) { slices.Reverse(p.below) }, want: []verify.Check{verify.Base}},
	"no layer of ours":        {clumsy: true, forge: func(_ *testing.T, p *parts) { p.content, p.about = p.about, p.content }, want: []verify.Check{verify.Manifest}},
}

func TestVerifyFindsForgeries(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	for name, test := range forgeries {
		t.Run(name, func(t *testing.T) {
			p := dissect(t, pull(t, f.reg.Ref("out:v1"), "linux/amd64")).honest(t) // compressed differently
			test.forge(t, p)
			if !test.clumsy {
				p.honest(t)
			}
			r := f.verify(t, f.reg.PushImage(t, "forged:1", p.image(t)).Ref)
			slices.Sort(test.want)
			got := checks(r)
			if !slices.Equal(test.want, got) {
				t.Errorf("checks %v instead of %v:\n%+v", got, test.want, r.Problems)
			}
		})
	}
}

// setenv changes a variable in place.
func (p *parts) setenv(name, value string) {
	i := slices.IndexFunc(p.config.Config.Env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
	p.config.Config.Env[i] = name + "=" + value
}

// All platforms must ship the same workspaces.
func TestVerifyComparesPlatforms(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	for name, forge := range map[string]func(*parts){
		"nothing":    func(*parts) {},
		"content":    func(p *parts) { p.add("www/workspaces/mail/more.yml", "a: 1\n") },
		"time alone": func(p *parts) { p.content[3].ModTime = time.Unix(7, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			var index v1.ImageIndex = empty.Index
			for _, platform := range platforms {
				p := dissect(t, pull(t, f.reg.Ref("out:v1"), platform))
				if platform == "linux/arm64" {
					forge(p)
				}
				index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: p.honest(t).image(t)})
			}
			r := f.verify(t, f.reg.PushIndex(t, "forged:1", index).Ref)
			if got := slices.Contains(checks(r), verify.Platforms); got != (name != "nothing") || name == "nothing" &&
				len(r.Problems) > 0 {
				t.Errorf("%+v", r.Problems)
			}
		})
	}
}

func TestVerifyWithoutTheBase(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	opts := pipeline.VerifyOptions{Image: "oci-layout://" + f.out + "/image.tar", Registry: f.opts.Registry,
		Limits: source.DefaultLimits(), AllowMissingAttestations: true}
	for name, prepare := range map[string]func(){
		"not asked": func() { opts.SkipBase = true },
		"gone":      func() { opts.SkipBase = false; f.reg.Close() },
	} {
		prepare()
		r, err := pipeline.Verify(t.Context(), opts)
		if err != nil || len(r.Problems) > 0 || len(r.Unproven) != 1 || r.Unproven[0].Check != verify.Base ||
			slices.Contains(r.Proven, verify.Base) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// A broken connection is not a problem of the image; a missing blob is.
func TestVerifyTellsTheWayFromTheImage(t *testing.T) {
	f := newFixture(t)
	built := f.mustBuild(t)
	ref := f.reg.Ref("out:v1")
	opts := pipeline.VerifyOptions{Image: ref, Registry: f.opts.Registry, Limits: source.DefaultLimits()}
	list := f.statements(t, ref)
	for what, blob := range map[string]digest.Digest{"layer": built.Manifest.Layer.Digest, "statement": list[0].Digest} {
		serve := func(answer func(http.ResponseWriter)) {
			f.hook.on(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, blob.String()) {
					return false
				}
				answer(w)
				return true
			})
		}
		serve(func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", fmt.Sprint(built.Manifest.Layer.Size))
			w.Write([]byte{0x1f, 0x8b})
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		_, err := pipeline.Verify(t.Context(), opts)
		if failure, ok := errors.AsType[*pipeline.Error](err); !ok || failure.Kind != pipeline.Registry {
			t.Errorf("%s: error %v of a connection that breaks", what, err)
		}
		serve(func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) })
		if r := f.verifyStrictly(t, ref); !slices.Contains(checks(r), verify.Blobs) {
			t.Errorf("%s that is not there: %+v", what, r.Problems)
		}
	}
}

// statements lists the attestations of an image.
func (f *fixture) statements(t *testing.T, ref string) []attest.Attached {
	t.Helper()
	inspected, err := pipeline.Inspect(t.Context(), f.opts.Registry, ref)
	if err != nil || len(inspected.Attestations) == 0 {
		t.Fatalf("%+v, %v", inspected, err)
	}
	return inspected.Attestations
}

// Platforms share the statements about the layers with the workspaces, and verify reads each once.
func TestVerifyReadsASharedStatementOnce(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	var shared []string
	for _, a := range f.statements(t, f.reg.Ref("out:v1")) {
		if a.PredicateType != attest.ProvenanceType && !slices.Contains(shared, a.Digest.String()) {
			shared = append(shared, a.Digest.String())
		}
	}
	reads := func() int {
		return len(slices.DeleteFunc(f.reg.Requests(), func(r registrytest.Request) bool {
			return r.Method != http.MethodGet || !slices.Contains(shared, path.Base(r.Path))
		}))
	}
	before := reads()
	if r := f.verify(t, f.reg.Ref("out:v1")); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}
	if n := reads() - before; n != len(shared) || n != 2 {
		t.Errorf("%d reads of %d shared statements", n, len(shared))
	}
}

func TestVerifyReadsNoFileOverTheLimit(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	limits := source.DefaultLimits()
	limits.FileSize = 60
	r, err := pipeline.Verify(t.Context(), pipeline.VerifyOptions{Image: f.reg.Ref("out:v1"), Registry: f.opts.Registry,
		Limits: limits})
	if err != nil || !slices.Contains(checks(r), verify.Files) || !strings.Contains(r.Problems[0].Message,
		"more than --max-file-size") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	p := dissect(t, pull(t, f.reg.Ref("out:v1"), "linux/amd64"))
	for i := range 200 {
		p.add(fmt.Sprintf("www/evil/%d", i), "")
	}
	r := f.verify(t, f.reg.PushImage(t, "forged:1", p.honest(t).image(t)).Ref)
	if n := len(r.Problems); n != 51 || r.Problems[n-1].Message != "and more of the same kind" {
		t.Errorf("%d problems", n)
	}
}

// Forgeries that do not require a comparison with the base are found without it.
func TestVerifyFindsForgedVariablesWithoutTheBase(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	for _, name := range []string{"a variable of ours", "a variable of ours, once more", "a variable of ours less",
		"another repository"} {
		p := dissect(t, pull(t, f.reg.Ref("out:v1"), "linux/amd64")).honest(t)
		forgeries[name].forge(t, p)
		r, err := pipeline.Verify(t.Context(), pipeline.VerifyOptions{
			Image: f.reg.PushImage(t, "forged:1", p.image(t)).Ref, Registry: f.opts.Registry,
			Limits: source.DefaultLimits(), AllowMissingAttestations: true, SkipBase: true,
		})
		if err != nil || !slices.Equal(checks(r), []verify.Check{verify.Environment}) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// Images of older builders have the release manifest in one document.
func TestManifestInOneDocument(t *testing.T) {
	f := newFixture(t)
	built := f.mustBuild(t)
	p := dissect(t, pull(t, f.reg.Ref("out:v1"), "linux/amd64")).honest(t).asBefore(t)
	older := f.reg.PushImage(t, "older:1", p.image(t)).Ref
	if r := f.verify(t, older); len(r.Problems) > 0 {
		t.Errorf("problems %+v", r.Problems)
	}
	inspected, err := pipeline.Inspect(t.Context(), client(t, nil), older)
	if err != nil || inspected.Manifest.Name != built.Manifest.Name || inspected.Files.Workspaces != nil {
		t.Errorf("%+v, %v", inspected, err)
	}
	f.opts.BaseRef = older
	f.mustBuild(t)
	if r := f.verify(t, f.reg.Ref("out:v1")); len(r.Problems) > 0 {
		t.Errorf("problems of a release on an older one %+v", r.Problems)
	}
}

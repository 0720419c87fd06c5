// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"archive/zip"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// instance is one of the platforms that workspaces are transferred between.
type instance struct {
	*platformtest.Platform
	token   string
	opts    platformtest.Options
	faults  []platformtest.Fault
	prepare func(*platformtest.Platform)
}

// instanceVariants are what may be unusual about such a platform.
var instanceVariants = map[string]func(*instance){
	"export-by-get": func(i *instance) { i.opts.ExportByGet = 404 },
	"export-by-405": func(i *instance) { i.opts.ExportByGet = 405 },
	"processing":    func(i *instance) { i.opts.ArchiveProcessing = true },
	"other-slug":    func(i *instance) { i.opts.LoseSlugs = true },
	"october-2024":  func(i *instance) { i.opts.V27 = false },
	"small":         func(i *instance) { i.opts.GatewayLimit = 2 << 10 },
	"failing": func(i *instance) {
		i.prepare = func(p *platformtest.Platform) { p.Fail("mail-sender", "must have property do, token "+i.token) }
	},
	"reset-after": func(i *instance) { i.fault(platformtest.Fault{Op: "import", Kind: platformtest.ResetAfter}) },
	"gateway-408": func(i *instance) {
		i.fault(platformtest.Fault{Op: "import", Kind: platformtest.AnswerAfter, Status: 408,
			Body: `{"error":"TimeoutError","timeout":60000}`})
	},
	"deaf": func(i *instance) {
		i.opts.ArchiveProcessing = true
		for _, op := range []string{"events", "status"} {
			i.fault(platformtest.Fault{Op: op, Times: -1, Kind: platformtest.Answer, Status: 403,
				Body: `{"error":"ForbiddenError"}`})
		}
	},
	"status-only": func(i *instance) {
		i.opts.ArchiveProcessing = true
		i.fault(platformtest.Fault{Op: "events", Times: -1, Kind: platformtest.Answer, Status: 404, Body: `{}`})
	},
	"locked": func(i *instance) {
		i.fault(platformtest.Fault{Op: "import", Kind: platformtest.Answer, Status: 423,
			Body: `{"error":"resource_locked","message":"Workspace is locked"}`})
	},
	"busy": func(i *instance) {
		i.fault(platformtest.Fault{Op: "import", Kind: platformtest.Answer, Status: 429,
			Body: `{"error":"TooManyRequests","details":{"retryAfter":0.2}}`})
	},
	"html": func(i *instance) {
		i.fault(platformtest.Fault{Times: -1, Kind: platformtest.Answer, Body: platformtest.HTML})
	},
	"ignores": func(i *instance) {
		i.fault(platformtest.Fault{Op: "import", Kind: platformtest.Answer, Body: `{"imported":[]}`})
	},
	"no-secrets": func(i *instance) {
		i.fault(platformtest.Fault{Op: "other", Times: -1, Kind: platformtest.Answer, Status: 403,
			Body: `{"error":"ForbiddenError"}`})
	},
	"hostile-export": func(i *instance) {
		i.fault(platformtest.Fault{Op: "export", Times: -1, Kind: platformtest.Answer, Body: "PK\x03\x04 no archive"})
	},
}

func (i *instance) fault(f platformtest.Fault) { i.faults = append(i.faults, f) }

// startInstance starts a platform without workspaces: NAME is then its URL, and file
// NAME.token has its token, which no output may have.
func startInstance(ts *testscript.TestScript, _ bool, args []string) {
	i := &instance{token: "at:" + rand.Text()}
	i.opts.Token = i.token
	i.opts.PullsPerMinute = -1
	i.opts.CreatesPerMinute = -1
	i.opts.V27 = true
	i.opts.Apps = []string{"Audit Trail", "Claims Intake", "Customer Directory", "Document Reader", "Knowledge Client"}
	for _, arg := range args[1:] {
		variant, ok := instanceVariants[arg]
		if !ok {
			ts.Fatalf("unknown variant %s", arg)
		}
		variant(i)
	}
	i.Platform = platformtest.New(i.opts)
	ts.Defer(i.Close)
	if i.prepare != nil {
		i.prepare(i.Platform)
	}
	i.NewPod("pod-0", &platformtest.Release{ID: "release"}).SetReady(true)
	gateway := i.NewGateway()
	gateway.Faults = new(platformtest.Script).Add(i.faults...)
	server, err := platformtest.Listen(gateway, "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL+"/v2")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".token"), []byte(i.token+"\n"), 0o600))
	p := ts.Value(plantedKey).(*planted)
	p.tokens = append(p.tokens, i.token)
	p.instances[args[0]] = i
}

// install puts a workspace into an instance, by the name of its directory.
func install(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[1])
	slug := filepath.Base(dir)
	i := ts.Value(plantedKey).(*planted).instances[args[0]]
	ts.Check(i.Install(platformtest.Installed{ID: "id-" + slug, Slug: slug, Name: slug}, os.DirFS(dir)))
	i.SetSecret(slug, "mailGateway", i.token)
}

// content writes what a workspace of an instance has into a file of JSON, by path.
func content(ts *testscript.TestScript, _ bool, args []string) {
	files := ts.Value(plantedKey).(*planted).instances[args[0]].Content(args[1])
	data, err := json.Marshal(map[string]any{"files": files, "count": len(files)})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o600))
}

// zipDirectory makes an archive of a directory, in a directory of the archive if its name is given.
func zipDirectory(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	w := zip.NewWriter(file)
	dir := ts.MkAbs(args[1])
	ts.Check(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
		if len(args) > 2 {
			name = args[2] + "/" + name
		}
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(data)
		}
		return err
	}))
	ts.Check(w.Close())
}

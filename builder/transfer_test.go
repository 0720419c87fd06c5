// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// shopAt serves a platform with the workspace shop.
func shopAt(t *testing.T, o platformtest.Options, faults ...platformtest.Fault) (*platformtest.Platform, string) {
	t.Helper()
	p := platformtest.New(o)
	p.NewPod("pod-0", &platformtest.Release{ID: "release"}).SetReady(true)
	gateway := p.NewGateway()
	gateway.Faults = new(platformtest.Script).Add(faults...)
	server, err := platformtest.Listen(gateway, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); p.Close() })
	err = p.Install(platformtest.Installed{ID: "ids", Slug: "shop", Name: "Shop"}, fstest.MapFS{
		"index.yml":         {Data: []byte("name: Shop\nslug: shop\n")},
		"automations/a.yml": {Data: []byte("slug: a\nname: A\ndo: []\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return p, server.URL
}

// An interrupted import reports that the platform continues, and leaves no file behind.
func TestInterruptedImportContinues(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			_, from := shopAt(t, platformtest.Options{Token: "at:from"})
			reached := make(chan struct{})
			p, to := shopAt(t, platformtest.Options{Token: "at:to"},
				platformtest.Fault{Op: "import", Kind: platformtest.Pass, Before: func() { close(reached) }})
			p.Hold("shop")
			report, temp := t.TempDir()+"/report.json", t.TempDir()
			run := builder(t, map[string]string{
				"BUILDER_FROM_TOKEN": "at:from",
				"BUILDER_TO_TOKEN":   "at:to",
				"TMPDIR":             temp,
			},
				"transfer", "--from-api-url", from, "--workspace", "shop", "--to-api-url", to, "--progress", "plain",
				"--report", "json="+report)
			run.interruptAfter(t, reached, sig)
			run.says(t, "interrupted: the platform continues the import")
			run.says(t, "activity of the workspace shop")
			checkUnknownOutcome(t, report)
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("%v, %v is left", err, left)
			}
			p.Resume("shop")
		})
	}
}

// Neither the platforms' tokens nor the workspaces' secrets appear in any output or in requests to
// others, in any display.
func TestSecretsOfATransferAreNotShown(t *testing.T) {
	for _, mode := range []string{"plain", "tty", "rawjson", "quiet"} {
		t.Run(mode, func(t *testing.T) {
			w := world{canaries: canaries{}}
			fromToken, toToken, stored := w.canaries.plant("from"), w.canaries.plant("to"), w.canaries.plant("stored")
			_, from := shopAt(t, platformtest.Options{Token: fromToken})
			target, to := shopAt(t, platformtest.Options{Token: toToken, ArchiveProcessing: true})
			target.SetSecret("shop", "key", stored)
			target.Fail("shop", "invalid: token "+toToken+" of Bearer "+toToken)
			out := t.TempDir()
			run := builder(t, map[string]string{"BUILDER_FROM_TOKEN": fromToken, "BUILDER_TO_TOKEN": toToken},
				"transfer", "--from-api-url", from, "--workspace", "shop", "--to-api-url", to, "--progress", mode,
				"--report", "json="+out+"/report.json", "--report", "junit="+out+"/report.xml", "--scan-report",
				"json="+out+"/scan.json", "--backup", out+"/backup.zip")
			var term *terminal
			if mode == "tty" {
				term = newTerminal(t)
				run.Stderr = term.tty
			}
			run.run(t, 10)
			if term != nil {
				run.stderr.WriteString(term.text())
			}
			w.silent(t, "standard output", run.stdout.Bytes())
			w.silent(t, "standard error", run.stderr.Bytes())
			files := tree(t, out)
			for name, text := range files {
				w.silent(t, name, []byte(text))
			}
			if len(files) != 4 || !strings.Contains(files["report.json"], "token ***") {
				t.Errorf("reports %v", files)
			}
			for path, text := range target.Content("shop") {
				w.silent(t, "imported "+path, []byte(text))
			}
			run.says(t, "token ***")
		})
	}
}

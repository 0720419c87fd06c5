// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"crypto/md5" // the checksums of the platform are MD5
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/dsul"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
)

type files = workspacetest.Files

// collect returns the diagnostics of Finish and Plan.
func collect(options Options, fs files) (*Repository, *Plan, []diagnostic.Diagnostic) {
	c := NewCollector(options)
	for _, name := range slices.Sorted(maps.Keys(fs)) {
		c.Add(source.NewFile(name, []byte(fs[name])))
	}
	repo, ds := c.Finish()
	plan, order := repo.Plan()
	return repo, plan, append(ds, order...)
}

// brief is a diagnostic without its texts.
func brief(ds []diagnostic.Diagnostic) []string {
	var out []string
	for _, d := range ds {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Severity, d.Rule, d.Position())))
	}
	return out
}

// pair is a repository of two workspaces: beta uses the app of alpha.
func pair() files {
	return workspacetest.Repository(
		workspacetest.Sample{Slug: "alpha", Groups: []string{"base1"}, App: "Alpha App", Labels: []string{"core"}},
		workspacetest.Sample{Slug: "beta", Groups: []string{"base2"}, Uses: []string{"Alpha App"}},
	)
}

func replace(file, old, new string) func(files) {
	return func(fs files) {
		if !strings.Contains(fs[file], old) {
			panic(fmt.Sprintf("%s does not hold %q:\n%s", file, old, fs[file]))
		}
		fs[file] = strings.Replace(fs[file], old, new, 1)
	}
}

func write(file, text string) func(files) { return func(fs files) { fs[file] = text } }

func remove(names ...string) func(files) {
	return func(fs files) {
		for _, n := range names {
			delete(fs, n)
		}
	}
}

func appendTo(file, text string) func(files) {
	return func(fs files) { fs[file] += text }
}

// both combines two changes.
func both(one, two func(files)) func(files) { return func(fs files) { one(fs); two(fs) } }

func removeAll(fs files) {
	for name := range fs {
		delete(fs, name)
	}
}

func hex256(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
func hex128(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }

// bomb is the "billion laughs" document: each level contains the one below ten times.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < levels; i++ {
		ref := fmt.Sprintf("*a%d", i-1)
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.Join(slices.Repeat([]string{ref}, 10), ", "))
	}
	return b.String()
}

func TestRules(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fs := pair()
			c.change(fs)
			_, _, ds := collect(c.options, fs)
			if diff := cmp.Diff(c.want, brief(ds)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			for _, d := range ds {
				if d.Message == "" || d.Help == "" {
					t.Errorf("%s has no message or no help: %+v", d.Rule, d)
				}
			}
		})
	}
}

func TestEveryRuleHasACase(t *testing.T) {
	tested := map[string]bool{
		"dependency-cycle":       true, // TestCycles
		"release-file-workspace": true, // TestFillerReportsConflicts
		"version-name-stamp":     true, // TestNameThatCannotBeStampedIsReported
		"checksum-refreshed":     true, // TestChecksumsAreRefreshed
		"checksum-not-refreshed": true, // TestChecksumWithAliasIsNotRefreshed
		"base-clash":             true, // TestReportsClashesWithBase
		"base-group-unknown":     true, // TestReportsUnknownGroupOfBase
	}
	for _, c := range cases {
		for _, w := range c.want {
			tested[strings.Fields(w)[1]] = true
		}
	}
	for _, r := range dsul.Rules() {
		tested[r.ID] = true // tested by their own package
	}
	for _, r := range Rules() {
		if !tested[r.ID] {
			t.Errorf("no case provokes rule %s", r.ID)
		}
		delete(tested, r.ID)
	}
	if len(tested) > 0 {
		t.Errorf("cases name rules that do not exist: %v", tested)
	}
}

func TestOrderOfFilesDoesNotMatter(t *testing.T) {
	fs := pair()
	fs["beta/automations/handle-request-0.yml"] += "# later\n"
	_, _, want := collect(Options{}, fs)
	c := NewCollector(Options{})
	names := slices.Sorted(maps.Keys(fs))
	slices.Reverse(names)
	for _, name := range names {
		c.Add(source.NewFile(name, []byte(fs[name])))
	}
	_, got := c.Finish()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diagnostics (-sorted +reversed):\n%s", diff)
	}
}

func TestMessagesHoldNoContent(t *testing.T) {
	const canary = "xK9$hunter2!canary"
	for name, text := range map[string]string{
		"beta/index.yml": "name: " + canary + "\nslug: " + canary + "\nlabels: ['" + canary + "']\n" +
			canary + ": 1\n" + canary + ": 2\n",
		"beta/.import.yml": "workspaceId: " + canary + "\ngroups: ['" + canary + "']\ndependsOn: ['" +
			canary + "', 'app/" + canary + "']\napp: {slug: '" + canary + "'}\nchecksums: {automations: {a: '" +
			canary + "'}, pages: {'" + canary + "': 0}}\n",
		"beta/imports/x.yml":       "appSlug: '" + canary + "'\n",
		"beta/x.yml":               "password: *" + canary + "\n",
		"beta/automations/y.yml":   "password: \"" + canary + "\n",
		"beta/automations/z.yml":   "password: !!int " + canary + "\n  x\n",
		"beta/automations/tag.yml": "password: !" + canary + "! a\n",
	} {
		t.Run(name, func(t *testing.T) {
			fs := pair()
			fs[name] = text
			_, _, ds := collect(Options{}, fs)
			if len(ds) == 0 {
				t.Error("nothing was reported, so nothing was tested")
			}
			for _, d := range ds {
				if strings.Contains(d.Message+d.Help, "hunter2") {
					t.Errorf("%s prints content: %s", d.Rule, d.Message)
				}
			}
		})
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

// Package workspacetest generates repositories of workspaces for tests. They are valid, look like
// exports of the platform, and are the same in every run.
package workspacetest

import (
	"crypto/md5" // the checksums of the platform are MD5
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Files maps paths, with slashes, to the content of the files of a workspace or a repository.
type Files map[string]string

// Sample describes a workspace. Only Slug and Groups are required.
type Sample struct {
	Slug   string
	Groups []string
	// Version is the version name; "v1.0.0" if empty.
	Version string
	// App is the slug of the app that the workspace publishes.
	App string
	// Uses are the slugs of the apps that it imports and depends on.
	Uses   []string
	Labels []string
	// Automations is the number of automations, at least 1.
	Automations int
	// Bytes is the approximate size of all automations.
	Bytes int
}

// Files returns the files of the workspace, including .import.yml with checksums.
func (s Sample) Files() Files {
	f := Files{
		"index.yml": s.index(),
		"security.yml": "authorizations:\n  roles:\n    editor: {}\n  rules:\n    - role: editor\n      action: " +
			"manage\n      subject: workspaces\n",
	}
	n := max(s.Automations, 1)
	for i := range n {
		slug := fmt.Sprintf("handle-request-%d", i)
		f["automations/"+slug+".yml"] = automation(s.Slug, slug, s.Bytes/n)
	}
	for _, app := range s.Uses {
		f["imports/"+app+".yml"] = fmt.Sprintf("appSlug: %s\nslug: %s\nconfig:\n  apiKey: '{{secret.apiKey}}'\n", app,
			app)
	}
	f[".import.yml"] = s.metadata() + Checksums(f)
	return f
}

func (s Sample) index() string {
	text := fmt.Sprintf("id: id-%s\nname: Sample\nslug: %s\n%s", s.Slug, s.Slug, list("labels", "", s.Labels))
	if s.App != "" {
		text += "photo: https://files.example.com/" + s.Slug + ".svg\n"
	}
	if len(s.Uses) > 0 {
		text += "secrets:\n  schema:\n    apiKey: {type: string}\n"
	}
	return text
}

func (s Sample) metadata() string {
	version := s.Version
	if version == "" {
		version = "v1.0.0"
	}
	text := fmt.Sprintf("workspaceId: id-%s\nversion:\n  type: export\n  name: %q\n", s.Slug, version)
	text += list("groups", "", s.Groups) + list("dependsOn", "app/", s.Uses)
	if s.App != "" {
		text += fmt.Sprintf("app:\n  slug: %s\n  name: %s\n", s.App, s.App)
	}
	return text
}

// list returns a YAML list, or "" if it is empty.
func list(key, prefix string, items []string) string {
	if len(items) == 0 {
		return ""
	}
	return key + ":\n  - " + prefix + strings.Join(items, "\n  - "+prefix) + "\n"
}

// automation returns a file of about size bytes that differs between workspaces.
func automation(workspace, slug string, size int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "slug: %s\nname: %s of %s\ndo:\n", slug, slug, workspace)
	for i := 0; i == 0 || b.Len() < size; i++ {
		fmt.Fprintf(&b, "  - set:\n      name: answer%d\n      value: >-\n        Dear {{customer.name}}, your "+
			"request number %d has reached the team of %s.\n        We will answer within two working days.\n", i, i,
			workspace)
	}
	b.WriteString("output: '{{answer0}}'\n")
	return b.String()
}

// Checksums returns the checksums block of .import.yml as the platform writes it: the MD5 of each
// file, by slug.
func Checksums(files Files) string {
	var b strings.Builder
	b.WriteString("checksums:\n")
	for _, section := range []string{"automations", "pages", "imports"} {
		heading := "  " + section + ":\n"
		for _, name := range slices.Sorted(maps.Keys(files)) {
			within, ok := strings.CutPrefix(name, section+"/")
			if !ok || path.Ext(within) != ".yml" {
				continue
			}
			sum := md5.Sum([]byte(files[name]))
			fmt.Fprintf(&b, "%s    %s: %s\n", heading, strings.TrimSuffix(within, ".yml"),
				quoteSum(hex.EncodeToString(sum[:])))
			heading = ""
		}
	}
	return b.String()
}

// quoteSum quotes a checksum, like js-yaml, if it would be parsed as a number.
func quoteSum(sum string) string {
	if strings.Trim(sum, "0123456789") == "" || strings.Count(sum, "e") == 1 && strings.Trim(sum, "0123456789e") == "" {
		return "'" + sum + "'"
	}
	return sum
}

// Repository returns the files of several workspaces, each in a directory named after its slug.
func Repository(samples ...Sample) Files {
	repo := Files{}
	for _, s := range samples {
		for name, text := range s.Files() {
			repo[s.Slug+"/"+name] = text
		}
	}
	return repo
}

// Many returns n samples of about size bytes each, distributed over the groups. The first sample of
// each group publishes an app that the others use.
func Many(n, size int, groups ...string) []Sample {
	samples := make([]Sample, 0, n)
	for i := range n {
		group := groups[i%len(groups)]
		s := Sample{Slug: fmt.Sprintf("workspace-%05d", i), Groups: []string{group}, Bytes: size, Automations: 8}
		if i < len(groups) {
			s.App = "Core " + group
		} else {
			s.Uses = []string{"Core " + group}
		}
		samples = append(samples, s)
	}
	return samples
}

// Write writes files into a new temporary directory and returns it.
func Write(tb testing.TB, files Files) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

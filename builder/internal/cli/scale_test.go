// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
)

// TestManyProblemsFitAScreen checks that one wrong group name in 2,000 workspaces takes less than 150
// lines, with every rule and its remedy once, and that JSON has every diagnostic.
func TestManyProblemsFitAScreen(t *testing.T) {
	const workspaces, lines = 2000, 150
	dir := t.TempDir()
	for i := range workspaces {
		slug := fmt.Sprintf("ws-%04d", i)
		files := map[string]string{
			"index.yml":   "name: " + slug + "\nslug: " + slug + "\n",
			".import.yml": "groups: [bsae1]\nversion: {name: v1}\n",
		}
		if i%10 == 0 {
			files["automations/a.yml"] = "slug: a\nname: A\ndo: [{emitt: {event: x}}]\n"
		}
		for name, text := range files {
			file := filepath.Join(dir, slug, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := func(args ...string) string {
		var out, errors bytes.Buffer
		args = append([]string{"validate", dir, "--group", "base1"}, args...)
		if code := cli.Run(t.Context(), args, cli.IO{Out: &out, Err: &errors}); code != 3 {
			t.Fatalf("exit code %d: %s", code, errors.String())
		}
		return out.String()
	}
	human := run()
	if n := strings.Count(human, "\n"); n >= lines {
		t.Errorf("%d lines, want less than %d", n, lines)
	}
	for _, once := range []string{"2000  error    group-unknown", "200  warning  dsul-unknown-instruction",
		"… and 2101 more"} {
		if n := strings.Count(human, once); n != 1 {
			t.Errorf("%q is there %d times in\n%.2000s", once, n, human)
		}
	}
	if n := strings.Count(human, "help: "); n > strings.Count(human, "\n")-101 {
		t.Errorf("%d remedies", n)
	}
	var report struct{ Diagnostics []struct{ Rule, URL string } }
	if err := json.Unmarshal([]byte(run("--format", "json")), &report); err != nil {
		t.Fatal(err)
	}
	if n := len(report.Diagnostics); n < workspaces*11/10 || !strings.HasSuffix(report.Diagnostics[0].URL,
		"#"+report.Diagnostics[0].Rule) {
		t.Errorf("JSON has %d diagnostics, the first of which is %+v", n, report.Diagnostics[0])
	}
}

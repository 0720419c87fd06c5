// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// exampleFile is the commented example file for users.
const exampleFile = "../../../examples/release.yaml"

// flagSet declares flags of every kind that the builder uses.
func flagSet() *pflag.FlagSet {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.String("base", "default", "")
	flags.Bool("strict", false, "")
	flags.StringArray("group", nil, "")
	flags.StringArray("registry-mirror", nil, "")
	flags.StringArray("registry-client-cert", nil, "")
	return flags
}

func flagNames() []string {
	return []string{"base", "strict", "group", "registry-mirror", "registry-client-cert", "digest-file"}
}

func TestFlagWinsOverEnvironmentOverFileOverDefault(t *testing.T) {
	file := &File{Base: "file"}
	tests := []struct {
		name string
		args []string
		env  map[string]string
		file *File
		want string
	}{
		{"default", nil, nil, nil, "default"},
		{"file", nil, nil, file, "file"},
		{"environment", nil, map[string]string{"BUILDER_BASE": "env"}, file, "env"},
		{"flag", []string{"--base", "flag"}, map[string]string{"BUILDER_BASE": "env"}, file, "flag"},
		{"empty environment is a value", nil, map[string]string{"BUILDER_BASE": ""}, file, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			flags := flagSet()
			if err := flags.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			if err := Resolve("build", flags, test.env, test.file, flagNames(), nil); err != nil {
				t.Fatal(err)
			}
			if got, _ := flags.GetString("base"); got != test.want {
				t.Errorf("base is %q instead of %q", got, test.want)
			}
		})
	}
}

func TestRepeatedFlags(t *testing.T) {
	flags := flagSet()
	file := &File{Groups: []Group{{Name: "base1", Labels: []string{"a", "b"}}, {Name: "base2"}}}
	file.Registry.Mirrors = map[string][]string{"z": {"m3"}, "a": {"m1", "m2"}}
	file.Registry.ClientCertificates = map[string]ClientCertificate{"z": {"c", "k"}, "a": {Certificate: "both"}}
	if err := Resolve("build", flags, nil, file, flagNames(), nil); err != nil {
		t.Fatal(err)
	}
	certs, _ := flags.GetStringArray("registry-client-cert")
	if diff := cmp.Diff([]string{"a=both", "z=c,k"}, certs); diff != "" {
		t.Error(diff)
	}
	groups, _ := flags.GetStringArray("group")
	if diff := cmp.Diff([]string{"base1=a,b", "base2"}, groups); diff != "" {
		t.Error(diff)
	}
	mirrors, _ := flags.GetStringArray("registry-mirror")
	if diff := cmp.Diff([]string{"a=m1", "a=m2", "z=m3"}, mirrors); diff != "" {
		t.Error(diff)
	}

	flags = flagSet()
	if err := Resolve("build", flags, map[string]string{"BUILDER_GROUP": "x=1,2 y"}, file,
		flagNames(), nil); err != nil {
		t.Fatal(err)
	}
	groups, _ = flags.GetStringArray("group")
	if diff := cmp.Diff([]string{"x=1,2", "y"}, groups); diff != "" {
		t.Error(diff)
	}
}

func TestMisspeltEnvironmentIsRefused(t *testing.T) {
	err := Resolve("build", flagSet(), map[string]string{"BUILDER_BSAE": "x"}, nil, flagNames(),
		[]string{"BUILDER_GIT_TOKEN"})
	if err == nil || !strings.Contains(err.Error(), "BUILDER_BSAE") {
		t.Errorf("error %v", err)
	}
	ok := map[string]string{"BUILDER_GIT_TOKEN": "x", "BUILDER_DIGEST_FILE": "of another command", "PATH": "/bin"}
	if err := Resolve("build", flagSet(), ok, nil, flagNames(), []string{"BUILDER_GIT_TOKEN"}); err != nil {
		t.Error(err)
	}
}

func TestWrongValueNamesItsOrigin(t *testing.T) {
	err := Resolve("build", flagSet(), map[string]string{"BUILDER_STRICT": "perhaps"}, nil, flagNames(), nil)
	if err == nil || !strings.Contains(err.Error(), "BUILDER_STRICT") {
		t.Errorf("error %v", err)
	}
}

func TestExampleFileIsValid(t *testing.T) {
	file, err := ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"repository-id": {"release"}, "directory": {"/www/workspaces"}, "strict": {"false"}, "check-live": {"false"},
		"group": {"base1=production:app:base1", "base2=production:app:base2",
			"extended=production:app:extended"},
		"max-file-size": {"50MiB"}, "max-total-size": {"2GiB"}, "max-files": {"200000"},
	}
	got := map[string][]string{}
	for flag, values := range file.settings() {
		if len(values) > 0 {
			got[flag] = values
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWrongFilesAreRefused(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"unknown key":   {"bse: x\n", `line 1: unknown key "bse"`},
		"wrong type":    {"tags: x\n", "line 1"},
		"two documents": {"base: x\n---\nbase: y\n", "more than one"},
		"too large":     {"# " + strings.Repeat("x", maxFileSize) + "\n", "larger than"},
		"not YAML":      {"base: [\n", "line"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "release.yaml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadFile(path)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v names neither the file nor %q", err, test.want)
			}
		})
	}
}

func TestPrintShowsEveryValue(t *testing.T) {
	flags := flagSet()
	if err := flags.Parse([]string{"--group", "base1=a", "--group", "base2"}); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Print(&out, flags); err != nil {
		t.Fatal(err)
	}
	want := "base: default\ngroup:\n  - base1=a\n  - base2\nregistry-client-cert: []\nregistry-mirror: []\nstrict: " +
		"\"false\"\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecode(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	f.Add("groups: [{name: a, labels: [b]}]")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := decodeFile(strings.NewReader(text))
		if (file == nil) == (err == nil) {
			t.Fatalf("file %v, error %v", file, err)
		}
		if file != nil {
			file.settings()
		}
	})
}

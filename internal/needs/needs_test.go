// SPDX-License-Identifier: Apache-2.0

package needs

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// child is the variable with the request of the test binary when it runs as a child.
const child = "NEEDS_TEST_CHILD"

// TestChild runs in the child process of the tests below.
func TestChild(t *testing.T) {
	switch os.Getenv(child) {
	case "":
		t.Skip("TestMissing runs it")
	case "program":
		t.Run("sub", func(t *testing.T) { Program(t, "shellcheck") })
	case "machine":
		Machine(t, "a moon")
	}
}

func TestMissing(t *testing.T) {
	const record = "program\tshellcheck\tapt-get install shellcheck\tTestChild\n"
	for _, test := range []struct {
		name, kind, ci string
		recorded       bool
		want, output   string
		fails          bool
	}{
		{name: "program", kind: "program", recorded: true, want: record, output: "--- SKIP: TestChild/sub"},
		{name: "program in CI", kind: "program", ci: "true", recorded: true, want: record, output: "--- SKIP: TestChild/sub"},
		{
			name: "program without a record", kind: "program",
			output: "not tested without shellcheck (apt-get install shellcheck)",
		},
		{name: "program in CI without a record", kind: "program", ci: "true", output: "--- FAIL: TestChild/sub", fails: true},
		{
			name: "machine", kind: "machine", recorded: true,
			want: "machine\ta moon\t-\tTestChild\n", output: "--- SKIP: TestChild",
		},
		{name: "machine in CI without a record", kind: "machine", ci: "true", output: "--- SKIP: TestChild"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "record")
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.v")
			cmd.Env = []string{"PATH=" + t.TempDir(), "CI=" + test.ci, child + "=" + test.kind}
			if test.recorded {
				cmd.Env = append(cmd.Env, RecordVariable+"="+path)
			}
			out, err := cmd.CombinedOutput()
			if (err != nil) != test.fails || !strings.Contains(string(out), test.output) {
				t.Errorf("%v, want %q:\n%s", err, test.output, out)
			}
			got, _ := os.ReadFile(path)
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOurBuildsComeFirst(t *testing.T) {
	want, err := filepath.Abs(root + "/.tools/bin/helm")
	if err != nil {
		t.Fatal(err)
	}
	if got := Program(t, "helm"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestReport runs `.ci/programs run`, the last step of `make test`.
func TestReport(t *testing.T) {
	const machine = `printf 'machine\troot\t-\tTestM\n' >>"$NOT_TESTED_FILE"`
	const records = machine + `
		printf 'program\tb\tapt-get install b\tTestB\n' >>"$NOT_TESTED_FILE"
		for test in TestY TestX TestX; do
			printf 'program\ta\tmake .tools/bin/a\t%s\n' "$test" >>"$NOT_TESTED_FILE"
		done`
	const report = "NOT TESTED: this machine lacks root: TestM\n" +
		"NOT TESTED: a is missing (make .tools/bin/a): TestX, TestY\n" +
		"NOT TESTED: b is missing (apt-get install b): TestB\n"
	const failure = "In CI, a missing program is a failure.\n"
	bin := withoutCompiler(t)
	for _, test := range []struct {
		name, ci, script, want string
		code                   int
	}{
		{name: "nothing missing", ci: "true", script: "echo ok", want: "ok\n"},
		{name: "missing", script: records + "; echo ok", want: "ok\n" + report},
		{name: "missing in CI", ci: "true", script: records, want: report + failure, code: 1},
		{name: "machine in CI", ci: "true", script: machine, want: "NOT TESTED: this machine lacks root: TestM\n"},
		{name: "failed", ci: "true", script: records + "; exit 7", want: report, code: 7},
		{
			name: "race detector without a compiler", script: `"$PROGRAMS" has gcc 'go test -race' || echo skipped`,
			want: "not tested without gcc: go test -race\nskipped\n" +
				"NOT TESTED: gcc is missing (apt-get install gcc libc6-dev): go test -race\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			programs, err := filepath.Abs(root + "/.ci/programs")
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), programs, "run", "bash", "-c", test.script)
			cmd.Env = []string{"PATH=" + bin, "CI=" + test.ci, "TMPDIR=" + t.TempDir(), "PROGRAMS=" + programs}
			out, _ := cmd.CombinedOutput()
			if diff := cmp.Diff(test.want, string(out)); diff != "" || cmd.ProcessState.ExitCode() != test.code {
				t.Errorf("exit %d, want %d (-want +got):\n%s", cmd.ProcessState.ExitCode(), test.code, diff)
			}
		})
	}
}

// withoutCompiler returns a directory with the programs that the script runs, except gcc.
func withoutCompiler(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"bash", "env", "grep", "awk", "sort", "mktemp", "rm", "dirname"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestEverySkipIsRecorded checks that tests request programs from this package, and only listed
// ones.
func TestEverySkipIsRecorded(t *testing.T) {
	asked := regexp.MustCompile(`needs\.Program\(t, "([^"]+)"\)`)
	listed := readInstallers()
	used := 0
	for path, text := range testFiles(t) {
		if strings.Contains(text, "exec."+"LookPath(") && !strings.HasPrefix(path, "internal/needs/") {
			t.Errorf("%s looks for a program: needs.Program records a missing one", path)
		}
		for _, match := range asked.FindAllStringSubmatch(text, -1) {
			used++
			if listed[match[1]] == "" {
				t.Errorf("%s: programs.txt does not list %s", path, match[1])
			}
		}
	}
	if used < 10 {
		t.Errorf("only %d programs are asked for: this test checks nothing", used)
	}
}

func testFiles(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (path == ".git" || path == ".tools" || path == "bin") {
			return fs.SkipDir
		}
		isTest := strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test")
		if !isTest || !entry.Type().IsRegular() {
			return nil
		}
		data, err := fs.ReadFile(tree, path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestScriptsAreClean(t *testing.T) {
	scripts, err := filepath.Glob(root + "/.ci/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) < 3 {
		t.Fatalf("only %d scripts", len(scripts))
	}
	out, err := exec.CommandContext(t.Context(), Program(t, "shellcheck"), scripts...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// parsed is a Spec that can be compared.
type parsed struct {
	Dir, URL, Ref, Subdir string
	Username, Password    string
	Relative              bool
}

func flatten(s Spec) parsed {
	p := parsed{
		Dir: s.dir, Ref: s.ref, Subdir: s.subdir,
		Username: s.remote.Username.Reveal(), Password: s.remote.Password.Reveal(), Relative: s.remote.Relative,
	}
	if s.remote.URL != nil {
		p.URL = s.remote.URL.String()
	}
	return p
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		source string
		want   parsed
		text   string // what String returns, if not the source
	}{
		{".", parsed{Dir: "."}, ""},
		{"work/spaces/", parsed{Dir: "work/spaces"}, "work/spaces"},
		{"/srv/a:b@c", parsed{Dir: "/srv/a:b@c"}, ""},
		{"./a:b@c/d", parsed{Dir: "a:b@c/d"}, "a:b@c/d"},
		{"dir#1", parsed{Dir: "dir#1"}, ""},
		{"me@home", parsed{Dir: "me@home"}, ""},
		{"https://host/org/repo.git", parsed{URL: "https://host/org/repo.git"}, ""},
		{"https://host:8443/org/repo.git#main", parsed{URL: "https://host:8443/org/repo.git", Ref: "main"}, ""},
		{"https://host/repo#a/b:c/d", parsed{URL: "https://host/repo", Ref: "a/b", Subdir: "c/d"}, ""},
		{"https://host/repo#:c/../d/", parsed{URL: "https://host/repo", Subdir: "d"}, "https://host/repo#:d"},
		{"https://host/repo#main:.", parsed{URL: "https://host/repo", Ref: "main"}, "https://host/repo#main"},
		{"https://host/repo#main:.hidden", parsed{URL: "https://host/repo", Ref: "main", Subdir: ".hidden"}, ""},
		{"https://host/repo#", parsed{URL: "https://host/repo"}, "https://host/repo"},
		{"https://host/repo#pkg@1.2.0", parsed{URL: "https://host/repo", Ref: "pkg@1.2.0"}, ""},
		{"https://user:p%40%2F%3A@host/repo", parsed{URL: "https://host/repo", Username: "user", Password: "p@/:"}, "https://host/repo"},
		{"https://t0ken@host/repo#v1", parsed{URL: "https://host/repo", Username: "t0ken", Ref: "v1"}, "https://host/repo#v1"},
		{"https://host/a%40b/c%20d", parsed{URL: "https://host/a%40b/c%20d"}, ""},
		{"https://[::1]:3000/repo", parsed{URL: "https://[::1]:3000/repo"}, ""},
		{"http://host/repo", parsed{URL: "http://host/repo"}, ""},
		{"ssh://git@host:2222/org/repo.git", parsed{URL: "ssh://host:2222/org/repo.git", Username: "git"}, "ssh://host:2222/org/repo.git"},
		{"git@host:org/repo.git#main:sub", parsed{URL: "ssh://host/org/repo.git", Username: "git", Relative: true, Ref: "main", Subdir: "sub"}, "ssh://host/org/repo.git#main:sub"},
		{"git@host:/srv/repo.git", parsed{URL: "ssh://host/srv/repo.git", Username: "git"}, "ssh://host/srv/repo.git"},
		{"git@[::1]:repo", parsed{URL: "ssh://[::1]/repo", Username: "git", Relative: true}, "ssh://[::1]/repo"},
		{"git@host:a b%c?d", parsed{URL: "ssh://host/a%20b%25c%3Fd", Username: "git", Relative: true}, "ssh://host/a%20b%25c%3Fd"},
		{"file:///srv/repo.git#main:sub", parsed{URL: "file:///srv/repo.git", Ref: "main", Subdir: "sub"}, ""},
		{"file:///srv/a@b", parsed{URL: "file:///srv/a@b"}, ""},
	} {
		spec, err := Parse(test.source)
		if err != nil {
			t.Errorf("%s: %v", test.source, err)
			continue
		}
		equal(t, test.source, flatten(spec), test.want)
		if test.text == "" {
			test.text = test.source
		}
		if spec.String() != test.text {
			t.Errorf("%s is printed as %s, want %s", test.source, spec, test.text)
		}
	}
}

// Whatever the mistake, no error shows a part of what may have been a password.
func TestParseErrorsQuoteNothing(t *testing.T) {
	for source, want := range map[string]string{
		"":                                         "is empty",
		"ftp://user:canary@host/repo":              "unknown scheme",
		"canary://host/repo":                       "unknown scheme",
		"https://host":                             "no host or no repository",
		"https://host/":                            "no host or no repository",
		"https:///canary":                          "no host or no repository",
		"https://user:canary@":                     "no host or no repository",
		"https://host/repo?token=canary":           "has a query",
		"https://host/repo?":                       "has a query",
		"https://user:can%ary@host/repo":           "not a valid URL",
		"https://user:can/ary@host/repo":           "not a valid URL",
		"https://user:12/canary@host/repo":         "write / in a password as %2F",
		"https://user:12#canary@host/repo":         "no host or no repository",
		"https://user:12?canary@host/repo":         "has a query",
		"https://can/ary@host/repo":                "write / in a password as %2F",
		"https://user:p@canary/x@host/repo":        "write / in a password as %2F",
		"https://user:canary\x7f@host/repo":        "not a valid URL",
		"https:user:canary@host/repo":              "is not a Git URL",
		"https:/user:canary@host/repo":             "is not a Git URL",
		"user:canary@host:repo":                    "is not a Git URL",
		"host:repo":                                "is not a Git URL",
		"git@host:":                                "is not a Git URL",
		"git@-oProxyCommand=canary:repo":           "is not a Git URL",
		"git@host:-canary":                         "starts with a dash",
		"ssh://git@host/-canary":                   "starts with a dash",
		"file://host/repo":                         "without an absolute path",
		"file://repo":                              "without an absolute path",
		"https://host/repo#main:../out":            "leads out of the source",
		"https://host/repo#main:/etc":              "leads out of the source",
		"https://host/repo#ma\x1bin":               "control character",
		"https://host/repo#main:a\nb":              "control character",
		"ssh://git@host/":                          "no host or no repository",
		"http://user:canary@host:port/canary/repo": "not a valid URL",
	} {
		spec, err := Parse(source)
		switch {
		case err == nil:
			t.Errorf("%q is taken as %+v", source, flatten(spec))
		case !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "can") ||
			strings.Contains(err.Error(), "ary"):
			t.Errorf("%q: error %q, want %q", source, err, want)
		}
	}
}

func TestWith(t *testing.T) {
	const url = "https://host/repo"
	for _, test := range []struct{ source, ref, subdir, want, problem string }{
		{source: url, want: url},
		{source: url, ref: "v1", subdir: "a", want: url + "#v1:a"},
		{source: url + "#v1:a", want: url + "#v1:a"},
		{source: url + "#v1:a", ref: "v1", subdir: "./a/", want: url + "#v1:a"},
		{source: url + "#v1", ref: "v2", problem: "set only one of them"},
		{source: url + "#:a", subdir: "b", problem: "set only one of them"},
		{source: "dir", subdir: "a/b", want: "dir#:a/b"},
		{source: "dir", subdir: "..", problem: "leads out"},
		{source: "dir", subdir: "a\tb", problem: "control character"},
		{source: "dir", ref: "v1", problem: "--ref needs a Git URL"},
	} {
		spec, err := parse(t, test.source).With(test.ref, test.subdir)
		switch {
		case test.problem == "" && (err != nil || spec.String() != test.want):
			t.Errorf("%+v: %s, %v", test, spec, err)
		case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
			t.Errorf("%+v: error %v", test, err)
		}
	}
}

// What was parsed is safe to print, to join with a directory and to send to a server.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		".", "a/b", "https://u:p@host/repo#ref:sub", "git@host:org/repo", "ssh://git@host:22/repo", "file:///srv/repo", "https://h/%2e%2e/x",
		"https:x@y", "a:b", "git@[::1]:x", "http://[::1%25eth0]/x", "#", "://", "https://h/r#:..", "ssh://h/-x", "https://u:p%40@h/r?q",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		spec, err := Parse(s)
		if err != nil {
			if (flatten(spec) != parsed{}) {
				t.Fatalf("an error comes with %+v", flatten(spec))
			}
			return
		}
		p := flatten(spec)
		if (p.Dir == "") == (p.URL == "") {
			t.Fatalf("%+v is not one of directory and URL", p)
		}
		if p.Subdir != "" && (!filepath.IsLocal(p.Subdir) || p.Subdir == ".") {
			t.Fatalf("subdirectory %q", p.Subdir)
		}
		if spec.remote.URL != nil && (spec.remote.URL.User != nil || strings.Contains(spec.remote.URL.EscapedPath(), "@") &&
			spec.remote.URL.Scheme != "file") {
			t.Fatalf("%s may hold user-info", spec)
		}
		shown := spec.String() + fmt.Sprintf("%v %+v %#v", spec, spec, &spec)
		if len(p.Password) > 8 && strings.Count(s, p.Password) == 1 && strings.Contains(shown, p.Password) {
			t.Fatalf("the password %q is shown: %s", p.Password, shown)
		}
		if p.URL == "" {
			return
		}
		again, err := Parse(spec.String())
		if err != nil {
			t.Fatalf("%s is printed as %s, which is none: %v", s, spec, err)
		}
		p.Username, p.Password, p.Relative = "", "", false
		if got := flatten(again); got != p {
			t.Fatalf("%+v is printed as %s, which is %+v", p, spec, got)
		}
	})
}

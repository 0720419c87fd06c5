// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/needs"
)

// triple is a comparable login.
type triple struct{ Machine, Username, Password string }

func TestParseNetrc(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []triple
	}{
		{"empty", "", nil},
		{"one line", "machine a login u password p", []triple{{"a", "u", "p"}}},
		{"many lines", "machine a\n\tlogin u\n\tpassword p\nmachine b\npassword q\nlogin v\n", []triple{{"a", "u", "p"}, {"b", "v", "q"}}},
		{"account", "machine a login u account x password p", []triple{{"a", "u", "p"}}},
		{"default", "machine a password p default login u password q", []triple{{"a", "", "p"}, {"", "u", "q"}}},
		{"keywords as values", "machine machine login password password login", []triple{{"machine", "password", "login"}}},
		{"comment", "# machine a login u password p\n  # too\nmachine b password #q", []triple{{"b", "", "#q"}}},
		{"macro", "machine a password p\nmacdef init\nmachine b password q\n\nmachine c password r", []triple{{"a", "", "p"}, {"c", "", "r"}}},
		{"macro without end", "macdef init\nmachine b password q", nil},
		{"unknown word", "port 22 machine a password p", []triple{{"a", "", "p"}}},
		{"in front of the first", "login u password p machine a", []triple{{"a", "", ""}}},
		{"cut short", "machine a login u password", []triple{{"a", "u", ""}}},
		{"no name", "machine a password p machine", []triple{{"a", "", "p"}, {"", "", ""}}},
		{"carriage returns", "machine a\r\nlogin u\r\npassword p\r\n", []triple{{"a", "u", "p"}}},
		{"quotes", `machine a login "u v" password "p \"q\" \\ \t."`, []triple{{"a", "u v", "p \"q\" \\ \t."}}},
		{"quote without end", `machine a password "p q`, []triple{{"a", "", "p q"}}},
		{"quote in a word", `machine a password p"q"`, []triple{{"a", "", `p"q"`}}},
	} {
		var got []triple
		for _, l := range parseNetrc(test.text) {
			got = append(got, triple{l.machine, l.username, l.password.Reveal()})
		}
		equal(t, test.name, got, test.want)
	}
}

func TestFindLogin(t *testing.T) {
	logins := parseNetrc(`machine a login u password p1
machine a login v password p2
machine empty login u
machine b password p3
default login w password p4
machine late password p5`)
	for _, test := range []struct{ host, username, want string }{
		{"a", "", "u:p1"},
		{"A", "", "u:p1"},
		{"a", "u", "u:p1"},
		{"a", "v", "v:p2"},
		{"a", "w", "w:p4"},
		{"a", "x", ":"},
		{"empty", "", "w:p4"},
		{"b", "x", ":p3"},
		{"c", "", "w:p4"},
		{"a.example", "u", ":"},
		{"late", "", "w:p4"}, // like curl, ignore entries after the default entry
	} {
		l, _ := findLogin(logins, test.host, test.username)
		if got := l.username + ":" + l.password.Reveal(); got != test.want {
			t.Errorf("%s@%s: %s, want %s", test.username, test.host, got, test.want)
		}
	}
}

func TestReadNetrc(t *testing.T) {
	home := gittest.WriteFiles(t, map[string]string{".netrc": "machine a password home",
		"other": "machine a password other", "large": strings.Repeat(" ", maxNetrc+1)})
	t.Chdir(home) // a netrc in the working directory must be ignored
	absent := t.TempDir()
	for _, test := range []struct {
		name, netrc, home, want, problem string
	}{
		{name: "home", home: home, want: "home"},
		{name: "NETRC first", home: home, netrc: filepath.Join(home, "other"), want: "other"},
		{name: "no home"},
		{name: "none in home", home: absent},
		{name: "named but absent", home: home, netrc: filepath.Join(absent, "netrc"), problem: "read netrc: open"},
		{name: "too large", netrc: filepath.Join(home, "large"), problem: "larger than"},
		{name: "directory", netrc: home, problem: "read netrc"},
	} {
		t.Run(test.name, func(t *testing.T) {
			logins, err := readNetrc(gittest.Environment("NETRC", test.netrc, "HOME", test.home))
			found, _ := findLogin(logins, "a", "")
			if got := found.password.Reveal(); got != test.want {
				t.Errorf("password %q, want %q", got, test.want)
			}
			if test.problem == "" && err != nil || test.problem != "" &&
				(err == nil || !strings.Contains(err.Error(), test.problem)) {
				t.Errorf("error %v, want %q", err, test.problem)
			}
		})
	}
	t.Run("not ours to read", func(t *testing.T) {
		needs.AsNobody(t, func() {
			locked := gittest.WriteFiles(t, map[string]string{".netrc": "machine a password p"})
			if err := os.Chmod(filepath.Join(locked, ".netrc"), 0); err != nil {
				t.Error(err)
			}
			if logins, err := readNetrc(gittest.Environment("HOME", locked)); len(logins) > 0 || err != nil {
				t.Errorf("%d logins, %v", len(logins), err)
			}
			if _, err := readNetrc(gittest.Environment("NETRC", filepath.Join(locked, ".netrc"))); err == nil {
				t.Error("a netrc that is named and cannot be read is no error")
			}
		})
	})
}

// Every login contains only words from the file, and none comes from another host's entry.
func FuzzNetrc(f *testing.F) {
	for _, seed := range []string{
		"machine a login u password p", "default password p", "macdef x\nmachine a password p\n\n", "# c\nmachine a", "machine a machine b password p", "\xff password",
	} {
		f.Add(seed, "a", "u")
	}
	f.Fuzz(func(t *testing.T, text, host, username string) {
		words := map[string]bool{"": true}
		for _, word := range strings.Fields(text) {
			words[word] = true
		}
		logins := parseNetrc(text)
		for _, l := range logins {
			if !words[l.machine] || !words[l.username] || !words[l.password.Reveal()] {
				t.Fatalf("%+v is not in %q", l, text)
			}
			if p := l.password.Reveal(); len(p) > 8 && strings.Contains(fmt.Sprintf("%v %+v %#v", l, l, l), p) {
				t.Fatalf("the password %q is shown", p)
			}
		}
		l, ok := findLogin(logins, host, username)
		if ok && (l.machine != "" && !strings.EqualFold(l.machine, host) || username != "" && l.username != "" &&
			l.username != username || l.password.Empty()) {
			t.Fatalf("%+v for %q@%q", l, username, host)
		}
	})
}

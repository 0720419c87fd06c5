// SPDX-License-Identifier: Apache-2.0

package inputs

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
)

const tokenCanary = "at:canary-6b0e19d2"

func inUTF16(s string, first, second func(uint16) byte) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = append(out, first(unit), second(unit))
	}
	return string(out)
}

func low(u uint16) byte  { return byte(u) }
func high(u uint16) byte { return byte(u >> 8) }

// TestMalformedTokens checks that each error describes the problem without showing the token.
func TestMalformedTokens(t *testing.T) {
	half := len(tokenCanary) / 2
	for name, c := range map[string]struct{ content, want string }{
		"empty":                   {"", "is empty"},
		"white space":             {" \n\t\n", "only white space"},
		"line break":              {tokenCanary[:half] + "\n" + tokenCanary[half:], "contains a line break"},
		"carriage return":         {tokenCanary[:half] + "\r\n" + tokenCanary[half:] + "\r\n", "contains a line break"},
		"NUL":                     {tokenCanary[:half] + "\x00" + tokenCanary[half:], "NUL"},
		"NUL at its end":          {tokenCanary + "\x00", "NUL"},
		"byte order mark":         {"\ufeff" + tokenCanary, "starts with a byte order mark"},
		"UTF-16, little endian":   {inUTF16("\ufeff"+tokenCanary, low, high), "UTF-16"},
		"UTF-16, big endian":      {inUTF16("\ufeff"+tokenCanary, high, low), "UTF-16"},
		"UTF-16 without a mark":   {inUTF16(tokenCanary, low, high), "UTF-16"},
		"big endian without mark": {inUTF16(tokenCanary, high, low), "UTF-16"},
		"double quotes":           {`"` + tokenCanary + `"`, "quotation mark"},
		"single quotes":           {"'" + tokenCanary + "'\n", "quotation mark"},
		"one quote":               {tokenCanary + `"`, "quotation mark"},
		"Bearer":                  {"Bearer " + tokenCanary, `starts with "Bearer"`},
		"bearer":                  {"bearer  " + tokenCanary + "\n", `starts with "Bearer"`},
		"space":                   {tokenCanary[:half] + " " + tokenCanary[half:], "contains a space"},
		"tab":                     {tokenCanary[:half] + "\t" + tokenCanary[half:], "not visible ASCII"},
		"escape":                  {tokenCanary + "\x1b[0m", "not visible ASCII"},
		"soft hyphen":             {tokenCanary[:half] + "\u00ad" + tokenCanary[half:], "not visible ASCII"},
		"Latin-1":                 {tokenCanary + "\xe9", "not visible ASCII"},
		"placeholder of a shell":  {"${PRISMEAI_TOKEN}", "placeholder"},
		"placeholder of Helm":     {"{{ .Values.token }}", "placeholder"},
		"encoded twice":           {base64.StdEncoding.EncodeToString([]byte(tokenCanary)), "base64"},
		"JWT encoded twice":       {base64.StdEncoding.EncodeToString([]byte("eyJhbGciOiJSUzI1NiJ9.e30.c2ln")), "base64"},
	} {
		t.Run(name, func(t *testing.T) {
			path := put(t, filepath.Join(t.TempDir(), "token"), c.content)
			v, err := readSecret(t.Context(), path)
			if !errors.Is(err, importer.ErrToken) || !strings.Contains(err.Error(), path+" ") ||
				!strings.Contains(err.Error(), c.want) {
				t.Fatalf("%q: %v, want %q", v.Reveal(), err, c.want)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(),
				base64.StdEncoding.EncodeToString([]byte(tokenCanary))) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

func TestTokensThatAreFine(t *testing.T) {
	for name, content := range map[string]string{
		"plain": tokenCanary, "line feed": tokenCanary + "\n", "line feeds": "\n" + tokenCanary + "\n\n",
		"CRLF": tokenCanary + "\r\n", "no-break space": tokenCanary + "\u00a0\n", "spaces": "  " + tokenCanary + "\t",
	} {
		v, err := readSecret(t.Context(), put(t, filepath.Join(t.TempDir(), "token"), content))
		if err != nil || v.Reveal() != tokenCanary {
			t.Errorf("%s: %q, %v", name, v.Reveal(), err)
		}
	}
	for _, jwt := range []string{"eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "iak_acme_0190a0a8-2f5c-7000-8000-000000000000"} {
		if v, err := readSecret(t.Context(), put(t, filepath.Join(t.TempDir(), "token"), jwt)); err != nil ||
			v.Reveal() != jwt {
			t.Errorf("%s: %v", jwt, err)
		}
	}
}

func TestTokenFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	closed := put(t, filepath.Join(dir, "closed"), tokenCanary)
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		filepath.Join(dir, "none"):           "the Secret lacks this key",
		filepath.Join(dir, "nowhere", "key"): "the Secret is not mounted there",
		dir:                                  "a subPath mount creates one if the Secret lacks the key",
	}
	if os.Getuid() != 0 { // root can read everything
		cases[closed] = "defaultMode"
	}
	for path, want := range cases {
		if _, err := readSecret(t.Context(), path); !errors.Is(err, importer.ErrToken) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	denied := describeUnreadable(closed, &os.PathError{Op: "open", Path: closed, Err: os.ErrPermission})
	if !errors.Is(denied, importer.ErrToken) || !strings.Contains(denied.Error(), "defaultMode") {
		t.Error(denied)
	}
}

func FuzzFaultOf(f *testing.F) {
	for _, seed := range []string{"", "\ufeffa", "a\nb", `"a"`, "Bearer a", "\xff\xfea\x00", tokenCanary} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		plain := strings.TrimSpace(string(data))
		if fault := findFault(data, plain); fault == "" && strings.ContainsFunc(plain, notInHeader) {
			t.Errorf("%q would be sent", plain)
		}
	})
}

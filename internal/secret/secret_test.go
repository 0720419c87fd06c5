// SPDX-License-Identifier: Apache-2.0

package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// canary must not appear in any output.
const canary = "hunter2-canary"

// holder has secrets in fields on which formatters call methods, and in fields on which they do
// not.
type holder struct {
	Exported   secret.Value
	Pointer    *secret.Value
	List       []secret.Value
	Map        map[string]secret.Value
	Any        any
	unexported secret.Value
	nested     struct{ list []secret.Value }
	hidden     map[string]*secret.Value
}

func newHolder() holder {
	v := secret.New(canary)
	h := holder{Exported: v, Pointer: &v, List: []secret.Value{v}, Map: map[string]secret.Value{"k": v}, Any: v,
		unexported: v}
	h.nested.list = []secret.Value{v}
	h.hidden = map[string]*secret.Value{"k": &v}
	return h
}

func TestNothingPrintsASecret(t *testing.T) {
	v, h := secret.New(canary), newHolder()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%p", "%T", "%U",
		"%10.3s", "%!", "%w"} {
		for _, arg := range []any{v, &v, h, &h, []any{v, h}, h.unexported, h.nested} {
			refuse(t, fmt.Sprintf("Sprintf %s of %T", verb, arg), fmt.Sprintf(verb, arg))
		}
	}
	refuse(t, "Sprint", fmt.Sprint(v, h)+fmt.Sprintln(v, h)+v.String())
	refuse(t, "an error", fmt.Errorf("refused: %v, %w", h, errors.New(fmt.Sprint(v))).Error())
}

func TestNoEncoderWritesASecret(t *testing.T) {
	v, h := secret.New(canary), newHolder()
	for name, encode := range map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"yaml": yaml.Marshal,
	} {
		for _, value := range []any{v, h} {
			out, err := encode(value)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			refuse(t, name, string(out))
			if !strings.Contains(string(out), secret.Mask) {
				t.Errorf("%s has no mask: %s", name, out)
			}
		}
	}
}

func TestNoLogHasASecret(t *testing.T) {
	var buf bytes.Buffer
	options := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&buf, options), slog.NewJSONHandler(&buf, options)} {
		v, h := secret.New(canary), newHolder()
		slog.New(handler).With("with", v).WithGroup("g").Info("message", "value", v, "pointer", &v, "holder", h, "any",
			[]any{v, h})
	}
	refuse(t, "log", buf.String())
	if got := strings.Count(buf.String(), `"with":"***"`) + strings.Count(buf.String(), "with=***"); got != 2 {
		t.Errorf("%d masks of the attribute, want 2:\n%s", got, &buf)
	}
}

// refuse reports a canary in the output, in any notation of fmt.
func refuse(t *testing.T, what, printed string) {
	t.Helper()
	for _, leak := range []string{canary, canary[:3], fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary),
		fmt.Sprintf("% x", canary), fmt.Sprint([]byte(canary))} {
		if strings.Contains(printed, leak) {
			t.Errorf("%s shows the secret: %s", what, printed)
		}
	}
}

func TestValue(t *testing.T) {
	v := secret.New(canary)
	if v.Reveal() != canary || v.Empty() || v.String() != secret.Mask {
		t.Errorf("reveals %q, empty %t, prints %q", v.Reveal(), v.Empty(), v)
	}
	for name, empty := range map[string]secret.Value{"zero value": {}, "empty string": secret.New("")} {
		if empty.Reveal() != "" || !empty.Empty() || empty.String() != "" || fmt.Sprint(empty) != "" {
			t.Errorf("%s: reveals %q, empty %t, prints %q", name, empty.Reveal(), empty.Empty(), empty)
		}
	}
	if reflect.TypeFor[secret.Value]().Comparable() {
		t.Error("values can be compared with ==, which would compare addresses")
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ content, want, err string }{
		"plain":                 {content: canary, want: canary},
		"line feed":             {content: canary + "\n", want: canary},
		"white space":           {content: " \t\r\n" + canary + " \r\n", want: canary},
		"inner space":           {content: "two words\n", want: "two words"},
		"as large as it may be": {content: strings.Repeat("a", 64<<10), want: strings.Repeat("a", 64<<10)},
		"empty":                 {err: "the file is empty"},
		"blank":                 {content: " \n\t", err: "the file is empty"},
		"too large":             {content: canary + strings.Repeat("a", 64<<10), err: "larger than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := secret.ReadFile(file)
			if got.Reveal() != c.want {
				t.Errorf("read %d bytes, want %d", len(got.Reveal()), len(c.want))
			}
			switch {
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), file)):
				t.Errorf("error %v, want %q and the path", err, c.err)
			case err != nil:
				refuse(t, "error", err.Error())
			}
		})
	}
}

func TestReadFileOfOtherKinds(t *testing.T) {
	dir := t.TempDir()
	if _, err := secret.ReadFile(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
	if _, err := secret.ReadFile(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v for a directory", err)
	}
}

func TestSplitURL(t *testing.T) {
	for in, want := range map[string]struct{ clean, user, password string }{
		"https://git.example.com/a/b.git":                    {clean: "https://git.example.com/a/b.git"},
		"https://u:p@git.example.com:8443/a":                 {"https://git.example.com:8443/a", "u", "p"},
		"https://token@git.example.com/a":                    {"https://git.example.com/a", "token", ""},
		"https://u:p%40%2F@git.example.com/a%2Fb":            {"https://git.example.com/a%2Fb", "u", "p@/"},
		"https://git.example.com/a?private_token=p#access=p": {clean: "https://git.example.com/a"},
		"https://git.example.com/a?":                         {clean: "https://git.example.com/a"},
		"https://git.example.com/a@v1/b:c":                   {clean: "https://git.example.com/a@v1/b:c"},
		"ssh://git@git.example.com/a":                        {"ssh://git.example.com/a", "git", ""},
		"https:u:p@git.example.com/a":                        {clean: "https:git.example.com/a"},
		"file:///srv/a":                                      {clean: "file:///srv/a"},
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		clean, user, password := secret.SplitURL(u)
		if clean.String() != want.clean || user != want.user || password.Reveal() != want.password {
			t.Errorf("%s: %s, user %q, password %q; want %v", in, clean, user, password.Reveal(), want)
		}
		if u.String() != in {
			t.Errorf("%s changed to %s", in, u)
		}
	}
}

// FuzzSplitURL checks that everything before an @ of the authority is removed.
func FuzzSplitURL(f *testing.F) {
	f.Add("https", "user", "password", "host/path")
	f.Add("ssh", "", "p@ss:word", "host:22/~/x?y=z#a")
	f.Fuzz(func(t *testing.T, scheme, user, password, rest string) {
		u, err := url.Parse(scheme + "://" + url.UserPassword(user, canary+password).String() + "@" + rest)
		if err != nil || strings.Contains(rest, canary) || strings.Contains(scheme, canary) || u.User == nil {
			return
		}
		clean, gotUser, gotPassword := secret.SplitURL(u)
		refuse(t, "clean URL", clean.String())
		// The last @ of the authority ends the user info, so an @ in rest would move it.
		if !strings.Contains(rest, "@") && (gotUser != user || gotPassword.Reveal() != canary+password) {
			t.Errorf("user %q, password %q", gotUser, gotPassword.Reveal())
		}
		if again, user, password := secret.SplitURL(clean); again.String() != clean.String() || user != "" ||
			!password.Empty() {
			t.Errorf("split again: %s, %q, %v", again, user, password)
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

package limit_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/limit"
)

func TestErrorText(t *testing.T) {
	for want, err := range map[string]limit.Error{
		"larger than 5 bytes":                            {Max: 5},
		"a.txt is larger than 5 bytes":                   {Subject: "a.txt", Max: 5},
		"more than 5 files":                              {Unit: "files", Max: 5},
		"the source has more than 5 files: remove some":  {Subject: "the source", Unit: "files", Max: 5, Advice: "remove some"},
		"a.txt is larger than 5 bytes: raise --max-size": {Subject: "a.txt", Max: 5, Advice: "raise --max-size"},
	} {
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("text (-want +got):\n%s", diff)
		}
	}
}

// A reader returns all that is within the limit, and then an error: never io.EOF, and never
// more.
func TestReader(t *testing.T) {
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole":           func(r io.Reader) io.Reader { return r },
		"byte by byte":    iotest.OneByteReader,
		"data with error": iotest.DataErrReader,
	} {
		for _, test := range []struct {
			max      int64
			want     string
			exceeded bool
		}{
			{6, "abcdef", false}, {7, "abcdef", false}, {5, "abcde", true}, {1, "a", true}, {0, "", true},
		} {
			r := limit.NewReader(wrap(strings.NewReader("abcdef")), "text", test.max)
			data, err := io.ReadAll(r)
			var over *limit.Error
			if string(data) != test.want || errors.As(err, &over) != test.exceeded || r.Exceeded() != test.exceeded {
				t.Errorf("%s, at most %d bytes: %q, %v, exceeded %v", name, test.max, data, err, r.Exceeded())
			}
			if n, again := r.Read(make([]byte, 8)); n != 0 || test.exceeded && again != err {
				t.Errorf("%s, at most %d bytes: %d bytes after the end, %v", name, test.max, n, again)
			}
		}
	}
}

func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	if _, err := limit.ReadAll(iotest.ErrReader(broken), "text", 5); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if _, err := limit.ReadAll(strings.NewReader(""), "text", 0); err != nil {
		t.Errorf("error %v for nothing", err)
	}
}

func TestReadFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := limit.ReadFile(name, 3); string(data) != "abc" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	data, err := limit.ReadFile(name, 2)
	if data != nil || err == nil || err.Error() != name+" is larger than 2 bytes" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := limit.ReadFile(name+"x", 2); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestBuffer(t *testing.T) {
	b := &limit.Buffer{Subject: "answer", Max: 4}
	_, err := io.Copy(b, iotest.OneByteReader(strings.NewReader("abcdef")))
	if string(b.Bytes()) != "abcd" || err == nil || err.Error() != "answer is larger than 4 bytes" {
		t.Errorf("%q, %v", b.Bytes(), err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("abcdef"), int64(5), 2)
	f.Add([]byte{}, int64(0), 1)
	f.Fuzz(func(t *testing.T, data []byte, most int64, size int) {
		if most < 0 || size < 1 || size > 1<<16 {
			t.Skip()
		}
		r := limit.NewReader(bytes.NewReader(data), "text", most)
		var got []byte
		p := make([]byte, size)
		for {
			n, err := r.Read(p)
			got = append(got, p[:n]...)
			if err != nil {
				if tooLarge := int64(len(data)) > most; (err != io.EOF) != tooLarge {
					t.Fatalf("%d bytes, at most %d: %v", len(data), most, err)
				}
				break
			}
		}
		if want := data[:min(int64(len(data)), most)]; !bytes.Equal(got, want) {
			t.Fatalf("read %d bytes, want %d", len(got), len(want))
		}
	})
}

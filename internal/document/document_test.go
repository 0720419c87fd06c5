// SPDX-License-Identifier: Apache-2.0

package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestWrite(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{struct {
			A string `json:"a"`
		}{"<b> & c"}, "{\n  \"schemaVersion\": 1,\n  \"a\": \"<b> & c\"\n}\n"},
		{struct{}{}, "{\n  \"schemaVersion\": 1\n}\n"},
	} {
		var out bytes.Buffer
		if err := Write(&out, c.v); err != nil || out.String() != c.want {
			t.Errorf("%+v: %q, error %v", c.v, out.String(), err)
		}
	}
}

func TestWriteRejectsOtherValues(t *testing.T) {
	for _, v := range []any{[]int{1}, "text", nil, map[string]any(nil)} {
		var out bytes.Buffer
		if err := Write(&out, v); !errors.Is(err, errNoObject) || out.Len() > 0 {
			t.Errorf("%v: error %v, output %q", v, err, out.String())
		}
	}
	if err := Write(new(bytes.Buffer), func() {}); err == nil {
		t.Error("a function was encoded")
	}
}

func TestWriteMarkdown(t *testing.T) {
	type inner struct {
		B []int    `json:"b,omitempty"`
		C *inner   `json:"c,omitempty"`
		D struct{} `json:"-"`
	}
	kind := Kind{Title: "tool --json", Text: "A text.", Value: struct {
		A inner            `json:"a"`
		M map[string]inner `json:"m"`
		R json.RawMessage  `json:"r"`
		T time.Time        `json:"t"`
	}{}}
	const want = "## tool --json\n\nA text.\n\n| field | type | |\n|---|---|---|\n" +
		"| `schemaVersion` | number |  |\n| `a` | object |  |\n| `a.b` | list of numbers | optional |\n" +
		"| `a.c` | object | optional |\n| `m` | object with values of type object |  |\n" +
		"| `m.*.b` | list of numbers | optional |\n| `m.*.c` | object | optional |\n" +
		"| `r` | any object |  |\n| `t` | string |  |\n\n"
	var out bytes.Buffer
	if err := kind.WriteMarkdown(&out); err != nil || out.String() != want {
		t.Errorf("error %v, page:\n%s", err, out.String())
	}
}

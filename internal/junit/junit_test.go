// SPDX-License-Identifier: Apache-2.0

package junit

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" failures="1">
  <testsuite name="one" tests="3" failures="1" errors="0" skipped="1">
    <testcase classname="a &lt;b&gt;" name="fails" file="a/b.yml" time="1.500">
      <failure message="line&#xA;feed" type="kind">text &amp; more</failure>
    </testcase>
    <testcase classname="a" name="skipped">
      <skipped message="why"></skipped>
    </testcase>
    <testcase classname="a" name="passes">
      <system-out>bell ` + "\uFFFD" + `</system-out>
    </testcase>
  </testsuite>
  <testsuite name="two" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="" name="passes"></testcase>
  </testsuite>
</testsuites>
`

func suites() []Suite {
	return []Suite{
		{Name: "one", Cases: []Case{
			{Class: "a <b>", Name: "fails", File: "a/b.yml", Duration: 1500 * time.Millisecond, Failure: &Failure{"line\nfeed", "kind", "text & more"}, Skipped: "a failure counts more"},
			{Class: "a", Name: "skipped", Skipped: "why"},
			{Class: "a", Name: "passes", Output: "bell \a"},
		}},
		{Name: "two", Cases: []Case{{Name: "passes"}}},
	}
}

func TestWrite(t *testing.T) {
	var out strings.Builder
	if err := Write(&out, suites()...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

type full struct{ err error }

func (w full) Write([]byte) (int, error) { return 0, w.err }

func TestWriteErrors(t *testing.T) {
	full := full{errors.New("no space left")}
	if err := Write(full, suites()...); !errors.Is(err, full.err) {
		t.Errorf("error %v, want that of the writer", err)
	}
}

// FuzzWrite checks that any text results in valid XML with one case and its failure.
func FuzzWrite(f *testing.F) {
	f.Add("a", "b\x00", "]]>", "\xff\xfe")
	f.Fuzz(func(t *testing.T, class, name, message, text string) {
		var out strings.Builder
		err := Write(&out, Suite{Name: name, Cases: []Case{{Class: class, Name: name, Failure: &Failure{message, class, text},
			Output: text}}})
		if err != nil {
			t.Fatal(err)
		}
		var doc document
		if err := xml.Unmarshal([]byte(out.String()), &doc); err != nil {
			t.Fatalf("%v in %q", err, out.String())
		}
		if len(doc.Suites) != 1 || len(doc.Suites[0].Cases) != 1 || doc.Suites[0].Cases[0].Failure == nil ||
			doc.Failures != 1 {
			t.Errorf("read back as %+v", doc)
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

//go:build jsyaml

package yamltree

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// mutants is the number of documents that are generated from the seeds.
const mutants = 50_000

// TestAgainstJSYAML compares this package with js-yaml 4.1.0 in the directory JSYAML. "make
// compare-yaml" runs it.
func TestAgainstJSYAML(t *testing.T) {
	module := os.Getenv("JSYAML")
	if module == "" {
		t.Fatal("JSYAML must name the directory of js-yaml")
	}
	docs := mutate(seeds(t), mutants)
	want := load(t, module, docs)
	checkPinned(t, want[:len(seeds(t))])
	differences := 0
	for i, doc := range docs {
		got := verdict(doc)
		if got == want[i] || tolerated(got, want[i], doc) {
			continue
		}
		if differences++; differences <= 20 {
			t.Errorf("document %q\n js-yaml %.300s\n here    %.300s", doc, want[i], got)
		}
	}
	t.Logf("%d documents, %d differences", len(docs), differences)
}

// checkPinned compares the pinned verdicts of the seeds with js-yaml's, or updates them if UPDATE
// is set.
func checkPinned(t *testing.T, verdicts []string) {
	t.Helper()
	text := strings.Join(verdicts, "\n") + "\n"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("testdata/verdicts.txt", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pinned, err := os.ReadFile("testdata/verdicts.txt")
	if err != nil || string(pinned) != text {
		t.Errorf("testdata/verdicts.txt is not what js-yaml says (%v): UPDATE=1 pins it", err)
	}
}

// tolerated reports intended or irrelevant differences: limits, documents that 4.3.2 accepts and
// 4.1.0 rejects, dates as keys, base64 with text after its padding, and an alias within its own
// anchor.
func tolerated(got, want, doc string) bool {
	return got == "limit" || got == "noted" && want == "error" ||
		strings.Contains(want, "binary ") || got == "error" && strings.Contains(doc, "&b\n *b")
}

func load(t *testing.T, module string, docs []string) []string {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, doc := range docs {
		if err := enc.Encode(doc); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("node", "--stack-size=4000", "testdata/load.cjs", module)
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []string
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var answer struct{ Value, Error *string }
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Error != nil {
			verdicts = append(verdicts, "error")
		} else {
			verdicts = append(verdicts, *answer.Value)
		}
	}
	if len(verdicts) != len(docs) {
		t.Fatalf("%d answers to %d documents", len(verdicts), len(docs))
	}
	return verdicts
}

// pieces are inserted into mutants: indicators, and constructs on which parsers are known to
// differ.
var pieces = []string{
	" ", "  ", "\n", "\n  ", "\t", ":", ": ", "- ", "-", "? ", ",", "[", "]", "{", "}", "#", " #", "&a ", "*a", "!", "!!str ", "!!int ",
	"!!map ", "!!omap ", "!!set ", "!!null ", "!x ", "|", ">", "|-", ">+", "|2", "'", "''", "\"", "\\", "\\n", "\\u0041", "\\/", "%", "%YAML 1.2\n---\n",
	"@", "`", "---", "\n---\n", "\n...\n", "~", "null", "true", "0x1F", "1.0", "1e3", "61e9540", "1_000", "2026-02-15", "2026-02-15T10:00:00",
	"<<: ", "<<: *a", "{{x}}", "\u0085", "\u2028", "\x7f", "\x07", "\r", "\r\n", "é", "😀", "\u00a0", "a", "b: 1\n", "=", "key: value\n",
}

// mutate returns the seeds and documents that are generated from them deterministically.
func mutate(seeds []string, count int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	docs := append([]string{}, seeds...)
	for range count {
		doc := []rune(seeds[random.IntN(len(seeds))])
		for range 1 + random.IntN(3) {
			at := random.IntN(len(doc) + 1)
			switch piece := []rune(pieces[random.IntN(len(pieces))]); random.IntN(4) {
			case 0:
				doc = append(doc[:at:at], doc[min(at+1+random.IntN(3), len(doc)):]...)
			case 1:
				end := min(at+1+random.IntN(8), len(doc))
				doc = append(append(doc[:end:end], doc[at:end]...), doc[end:]...)
			default:
				doc = append(append(doc[:at:at], piece...), doc[at:]...)
			}
		}
		docs = append(docs, string(doc))
	}
	return docs
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/prismeai/workspaces-release/internal/needs"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

// minFamilies is the minimum number of families to plant.
const minFamilies = 40

// sighting is a secret found in a file. It contains a hash of the secret, so that a test
// failure does not print the secret.
type sighting struct {
	file, detector string
	secret         [sha256.Size]byte
}

func (s sighting) String() string {
	return fmt.Sprintf("%s in %s (%x)", s.detector, s.file, s.secret[:4])
}

// TestParity: we find everything that TruffleHog's program finds.
func TestParity(t *testing.T) {
	program := needs.Program(t, "trufflehog")
	corpus := plant(t)
	theirs := runProgram(t, program, corpus)
	ours := runDetector(t, corpus)
	for s := range theirs {
		if !ours[s] {
			t.Errorf("the program finds %v, we do not", s)
		}
	}
	t.Logf("%d files: the program finds %d secrets, we find %d", len(corpus), len(theirs), len(ours))
	checkCorpus(t, theirs)
}

// checkCorpus fails if the program finds too little, because parity on a broken corpus is
// meaningless.
func checkCorpus(t *testing.T, theirs map[sighting]bool) {
	t.Helper()
	places := map[string]map[string]bool{}
	for s := range theirs {
		dir := path.Dir(s.file)
		if places[dir] == nil {
			places[dir] = map[string]bool{}
		}
		places[dir][s.detector] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(places)) {
		t.Logf("%s: the program finds %d kinds", dir, len(places[dir]))
	}
	for _, f := range families {
		if !places["plain"][f.detector] {
			t.Errorf("the program does not find the planted %s", f.detector)
		}
	}
	if len(families) < minFamilies {
		t.Errorf("%d families are planted, want at least %d", len(families), minFamilies)
	}
}

// plant returns files with secrets: each family in plain text, encoded and in archives, and
// some across chunk boundaries.
func plant(t *testing.T) map[string][]byte {
	t.Helper()
	p, files := newPlanter(), map[string][]byte{}
	for _, f := range families {
		files["plain/"+f.detector+".yml"] = []byte("value: " + f.plant(p) + "\n")
	}
	plantBoundaries(t, p, files)
	plantEncoded(t, p, files)
	plantArchives(t, p, files)
	return files
}

// plantBoundaries places secrets so that a chunk boundary is before, within or after them.
func plantBoundaries(t *testing.T, p *scantest.Planter, files map[string][]byte) {
	t.Helper()
	boundaries := []int{10 << 10, 13 << 10, 20 << 10, 23 << 10, 30 << 10, 100 << 10}
	for i, f := range families {
		for _, boundary := range boundaries {
			text := f.plant(p)
			for _, before := range []int{0, 1, len(text) / 2, len(text), len(text) + 1} {
				start := boundary - before
				name := fmt.Sprintf("boundary/%d/%02d-%d.txt", boundary, i, before)
				files[name] = []byte(filler(start-1) + "\n" + text + "\n" + filler(5000))
			}
		}
	}
}

// encodings are functions that encode a text.
var encodings = map[string]func(string) string{
	"base64":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64url": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"twice": func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(s))))
	},
	"utf16le":       func(s string) string { return utf16Text(s, binary.LittleEndian) },
	"utf16be":       func(s string) string { return utf16Text(s, binary.BigEndian) },
	"escapes":       func(s string) string { return eachRune(s, `\u%04x`) },
	"html-decimal":  func(s string) string { return "<p>" + eachRune(s, "&#%d;") + "</p>" },
	"html-hex":      func(s string) string { return "<p>" + eachRune(s, "&#x%x;") + "</p>" },
	"html-markup":   func(s string) string { return "<html><body><p>key: <b>" + s + "</b></p></body></html>" },
	"base64-escape": func(s string) string { return eachRune(base64.StdEncoding.EncodeToString([]byte(s)), `\u%04x`) },
}

func eachRune(s, format string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

func utf16Text(s string, order binary.AppendByteOrder) string {
	data := order.AppendUint16(nil, 0xFEFF)
	for _, unit := range utf16.Encode([]rune(s)) {
		data = order.AppendUint16(data, unit)
	}
	return string(data)
}

func plantEncoded(t *testing.T, p *scantest.Planter, files map[string][]byte) {
	t.Helper()
	for name, encode := range encodings {
		for _, f := range families {
			text := f.plant(p)
			files["encoded/"+name+"/"+f.detector] = []byte(encode("value: "+text) + "\n")
			if !strings.HasPrefix(name, "utf16") {
				files["encoded/"+name+"-boundary/"+f.detector] = []byte(filler(10<<10-20) + " " + encode("value: "+text) + "\n" +
					filler(4000))
			}
		}
	}
}

// archives are functions that pack a file.
var archives = map[string]func(string, []byte) []byte{
	"zip":     zipOf,
	"tar":     tarOf,
	"gz":      func(_ string, data []byte) []byte { return gzipOf(data) },
	"tgz":     func(name string, data []byte) []byte { return gzipOf(tarOf(name, data)) },
	"zip.zip": func(name string, data []byte) []byte { return zipOf("inner.zip", zipOf(name, data)) },
	"tgz.zip": func(name string, data []byte) []byte { return zipOf("inner.tgz", gzipOf(tarOf(name, data))) },
}

func zipOf(name string, data []byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, _ := w.Create(name) // a buffer returns no errors
	f.Write(data)
	w.Close()
	return b.Bytes()
}

func tarOf(name string, data []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644})
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func gzipOf(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func plantArchives(t *testing.T, p *scantest.Planter, files map[string][]byte) {
	t.Helper()
	for name, pack := range archives {
		for _, f := range families {
			content := []byte("value: " + f.plant(p) + "\n")
			files["archive/"+f.detector+"."+name] = pack("secret.yml", content)
		}
		content := filler(10<<10-10) + families[0].plant(p) + "\n" + filler(4000)
		files["archive/boundary."+name] = pack("secret.yml", []byte(content))
	}
}

// runProgram runs TruffleHog's program on the files.
func runProgram(t *testing.T, program string, files map[string][]byte) map[sighting]bool {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Without --local-dev, the program runs itself as a child and sends it every signal, also those of Go's
	// scheduler. It exits with 1 if the child has just ended.
	cmd := exec.CommandContext(t.Context(), program, "filesystem", dir, "--json", "--no-verification", "--no-update",
		"--local-dev", "--concurrency=2", "--results=verified,unverified,unknown")
	cmd.Env = []string{"HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}
	log := new(bytes.Buffer)
	cmd.Stderr = log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("run %s: %v\n%s", program, err, log)
	}
	found := map[sighting]bool{}
	for line := range bytes.Lines(out) {
		found[parseSighting(t, dir, line)] = true
	}
	return found
}

func parseSighting(t *testing.T, dir string, line []byte) sighting {
	t.Helper()
	var r struct {
		DetectorName, Raw, RawV2 string
		SourceMetadata           struct {
			Data struct{ Filesystem struct{ File string } }
		}
	}
	if err := json.Unmarshal(line, &r); err != nil || r.DetectorName == "" {
		t.Fatalf("the program writes a line that is not a result (%d bytes)", len(line))
	}
	name, err := filepath.Rel(dir, r.SourceMetadata.Data.Filesystem.File)
	if err != nil {
		t.Fatal(err)
	}
	secret := r.RawV2
	if secret == "" {
		secret = r.Raw
	}
	return sighting{file: filepath.ToSlash(name), detector: r.DetectorName, secret: sha256.Sum256([]byte(secret))}
}

func runDetector(t *testing.T, files map[string][]byte) map[sighting]bool {
	t.Helper()
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[sighting]bool{}
	for name, data := range files {
		result, err := d.Scan(t.Context(), scan.File{Path: name, Data: data})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, m := range result.Matches {
			found[sighting{file: name, detector: m.Rule, secret: sha256.Sum256([]byte(m.Secret.Reveal()))}] = true
		}
	}
	return found
}

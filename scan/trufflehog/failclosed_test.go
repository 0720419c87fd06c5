// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/trufflesecurity/trufflehog/v3/pkg/detectors"
	"github.com/trufflesecurity/trufflehog/v3/pkg/pb/detector_typepb"

	"github.com/prismeai/workspaces-release/scan"
)

// content is a text that errors must not contain.
const content = "canary-content"

// fakeDetector finds the word trigger and runs a function of the test.
type fakeDetector struct {
	fromData func(ctx context.Context, verify bool, data []byte) ([]detectors.Result, error)
}

func (f fakeDetector) FromData(ctx context.Context, verify bool, data []byte) ([]detectors.Result, error) {
	return f.fromData(ctx, verify, data)
}
func (fakeDetector) Keywords() []string                 { return []string{"trigger"} }
func (fakeDetector) Type() detector_typepb.DetectorType { return detector_typepb.DetectorType_Github }
func (fakeDetector) Description() string                { return "a detector for tests" }

func nothing(context.Context, bool, []byte) ([]detectors.Result, error) { return nil, nil }

// newFake returns a detector with a timeout that no busy machine exceeds, and a small archive limit.
func newFake(verify bool, fromData func(context.Context, bool, []byte) ([]detectors.Result, error)) *Detector {
	d := newDetector([]detectors.Detector{fakeDetector{fromData}}, verify)
	d.timeout, d.unpacked = 5*time.Minute, 1<<20
	return d
}

// TestDetectorTrouble tests all failures of a detector that runs after a working one.
func TestDetectorTrouble(t *testing.T) {
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	tests := []struct {
		name     string
		fromData func(context.Context, bool, []byte) ([]detectors.Result, error)
		want     error
	}{
		{"error", func(_ context.Context, _ bool, data []byte) ([]detectors.Result, error) {
			return nil, errors.New(string(data))
		}, errFailed},
		{"error with results", func(_ context.Context, _ bool, data []byte) ([]detectors.Result, error) {
			return []detectors.Result{{Raw: data}}, errors.New(string(data))
		}, errFailed},
		{"panic", func(_ context.Context, _ bool, data []byte) ([]detectors.Result, error) {
			panic(string(data))
		}, errPanic},
		{"deadline obeyed", func(ctx context.Context, _ bool, _ []byte) ([]detectors.Result, error) {
			<-ctx.Done()
			return nil, nil
		}, errTimeout},
		{"deadline ignored", func(context.Context, bool, []byte) ([]detectors.Result, error) {
			<-released
			return nil, nil
		}, errTimeout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newFake(false, test.fromData)
			if test.want == errTimeout {
				d.timeout = 50 * time.Millisecond
			}
			err := scanOne(t, d, "dir/file.yml", []byte(content+" trigger"))
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			checkError(t, err, "dir/file.yml", "trufflehog", "Github")
		})
	}
}

// scanOne scans a file through a scanner, like programs do.
func scanOne(t *testing.T, d scan.Detector, path string, data []byte) error {
	t.Helper()
	scanner, err := scan.New(scan.Policy{}, d)
	if err != nil {
		t.Fatal(err)
	}
	run := scanner.Start(t.Context())
	if err := run.Add(t.Context(), scan.File{Path: path, Data: data}); err != nil {
		return err
	}
	report, err := run.Finish()
	if err != nil && report != nil {
		t.Error("there is a report beside the error")
	}
	return err
}

// checkError checks that an error contains the names and no content.
func checkError(t *testing.T, err error, names ...string) {
	t.Helper()
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q does not name %s", err, name)
		}
	}
	if strings.Contains(err.Error(), content) {
		t.Errorf("error %q shows content", err)
	}
}

func TestInterruption(t *testing.T) {
	cause := errors.New("the cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	d := newFake(false, func(ctx context.Context, _ bool, _ []byte) ([]detectors.Result, error) {
		cancel(cause)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if _, err := d.Scan(ctx, scan.File{Path: "f", Data: []byte("trigger")}); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause of the interruption", err)
	}
	if _, err := d.Scan(ctx, scan.File{Path: "f", Data: []byte("trigger")}); !errors.Is(err, cause) {
		t.Errorf("error %v of a scan that starts after it, want the cause of the interruption", err)
	}
}

// TestSlowVerification: the scan reports a secret even if its service does not answer.
func TestSlowVerification(t *testing.T) {
	for name, ask := range map[string]func(context.Context) error{
		"slow":    func(ctx context.Context) error { <-ctx.Done(); return nil },
		"refused": func(context.Context) error { return errors.New("no route") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newFake(true, func(ctx context.Context, verify bool, data []byte) ([]detectors.Result, error) {
				if verify {
					return nil, ask(ctx)
				}
				return []detectors.Result{{DetectorType: detector_typepb.DetectorType_Github, Raw: data}}, nil
			})
			if name == "slow" {
				d.timeout = time.Second // also that of the detection before it
			}
			result, err := d.Scan(t.Context(), scan.File{Path: "f", Data: []byte("trigger 12345")})
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Matches) != 1 || result.Matches[0].Verification != scan.Unknown {
				t.Errorf("matches %v, want one that is not known to be live", result.Matches)
			}
		})
	}
}

func TestArchiveTrouble(t *testing.T) {
	text := []byte(content + strings.Repeat(" text", 1000))
	whole := zipOf("a.txt", text)
	random := make([]byte, 4000)
	newPlanter().Fill(random)
	tests := map[string][]byte{
		"zip, its end cut":      whole[:len(whole)-30],
		"zip, its middle cut":   append(bytes.Clone(whole[:len(whole)/2]), whole[len(whole)/2+10:]...),
		"zip, a member damaged": flip(zipOf("a.txt", random), 2000),
		"zip, ends too early":   shortMember(text),
		"zip, encrypted":        encrypted(zip.Store, text),
		"zip, encrypted, small": encrypted(zip.Deflate, text),
		"zip in zip, encrypted": zipOf("inner.zip", encrypted(zip.Deflate, text)),
		"zip in zip, damaged":   zipOf("inner.zip", whole[:len(whole)-30]),
		"gzip, wrong checksum":  flip(gzipOf(random), len(gzipOf(random))-8),
		"tar, cut":              tarOf("a.txt", random)[:1500],
		"tar in gzip, cut":      gzipOf(tarOf("a.txt", random)[:1500]),
		"gzip bomb":             gzipOf(make([]byte, 2<<20)),
		"zip bomb":              zipOf("zeros.txt", bytes.Repeat([]byte("0 "), 1<<20)),
		"bomb of many members":  manyMembers(40, 64<<10),
		"nested too deeply":     nested(text, 12),
		"cut 7z":                append([]byte("7z\xBC\xAF\x27\x1C\x00\x04"), random[:100]...),
		"cut xz":                append([]byte("\xFD7zXZ\x00\x00\x04"), random[:100]...),
		"cut rar":               append([]byte("Rar!\x1A\x07\x01\x00"), random[:100]...),
		"cut bzip2":             append([]byte("BZh91AY&SY"), random[:100]...),
		"cut zstandard":         append([]byte("\x28\xB5\x2F\xFD"), random[:100]...),
	}
	d := newFake(false, nothing)
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			err := scanOne(t, d, "dir/file", data)
			if !errors.Is(err, errArchive) {
				t.Fatalf("error %v, want %v", err, errArchive)
			}
			checkError(t, err, "dir/file", "trufflehog")
		})
	}
}

// TestDetectorTroubleInArchive: a detector failure in an archive is not reported as an archive
// error.
func TestDetectorTroubleInArchive(t *testing.T) {
	d := newFake(false, func(context.Context, bool, []byte) ([]detectors.Result, error) { panic(content) })
	err := scanOne(t, d, "dir/file.zip", zipOf("a.txt", []byte(strings.Repeat("trigger ", 100))))
	if !errors.Is(err, errPanic) {
		t.Fatalf("error %v, want %v", err, errPanic)
	}
	checkError(t, err, "dir/file.zip", "trufflehog", "Github")
}

// TestCutStream: TruffleHog scans a truncated stream up to its end. The scan fails
// nevertheless, because the rest is missing.
func TestCutStream(t *testing.T) {
	random := make([]byte, 4000)
	newPlanter().Fill(random)
	found := false
	d := newFake(false, func(context.Context, bool, []byte) ([]detectors.Result, error) {
		found = true
		return nil, nil
	})
	err := scanOne(t, d, "file.gz", gzipOf(append([]byte("trigger\n"), random...))[:2000])
	checkError(t, err, "file.gz", "the scanner")
	if !found {
		t.Error("the start of the stream was not scanned")
	}
}

// TestUnread counts the files that the handlers skip in an archive.
func TestUnread(t *testing.T) {
	png := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00")
	tests := map[string]struct {
		data []byte
		want int
	}{
		"image":                   {png, 0}, // scanned as a plain file
		"by name":                 {zipOf("a.png", []byte("text")), 1},
		"by content":              {zipOf("a.txt", png), 1},
		"in gzip":                 {gzipOf(png), 1},
		"in tar in gzip in zip":   {zipOf("a.tgz", gzipOf(tarOf("a.png", png))), 1},
		"nothing":                 {zipOf("a.txt", []byte("text")), 0},
		"UTF-16":                  {[]byte(utf16Text("text", binary.LittleEndian)), 0},
		"UTF-16 without its mark": {[]byte(utf16Text("text", binary.LittleEndian))[2:], 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result, err := newFake(false, nothing).Scan(t.Context(), scan.File{Path: "file", Data: test.data})
			if err != nil {
				t.Fatal(err)
			}
			if result.Unread != test.want {
				t.Errorf("%d files are not looked into, want %d", result.Unread, test.want)
			}
		})
	}
}

func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 0xFF
	return data
}

// rawMember returns a zip with an unmodified member.
func rawMember(header zip.FileHeader, data []byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	header.Name = "a.txt"
	header.CompressedSize64 = uint64(len(data))
	f, _ := w.CreateRaw(&header) // a buffer returns no errors
	f.Write(data)
	w.Close()
	return b.Bytes()
}

// encrypted returns a zip with a member that is marked as encrypted.
func encrypted(method uint16, data []byte) []byte {
	return rawMember(zip.FileHeader{
		Flags: 1, Method: method, CRC32: crc32.ChecksumIEEE(data), UncompressedSize64: uint64(len(data)),
	}, data)
}

// shortMember returns a zip with a member that is shorter than declared.
func shortMember(data []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed) // the level is valid
	w.Write(data)
	w.Close()
	return rawMember(zip.FileHeader{
		Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(data), UncompressedSize64: uint64(len(data)) + 100,
	}, b.Bytes())
}

func manyMembers(n, size int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		f, _ := w.Create(strings.Repeat("a", i+1) + ".txt") // a buffer returns no errors
		f.Write(bytes.Repeat([]byte("0 "), size/2))
	}
	w.Close()
	return b.Bytes()
}

func nested(data []byte, depth int) []byte {
	for range depth {
		data = zipOf("inner.zip", data)
	}
	return data
}

// TestHugeLine: a secret at the end of a line of 20 MB is found.
func TestHugeLine(t *testing.T) {
	d, text := newDefault(t, Options{Include: []string{"github"}}), families[0].plant(newPlanter())
	before := strings.Repeat("text and more text, ", 1<<20)
	result, err := d.Scan(t.Context(), scan.File{Path: "w/pages/a.yml", Data: []byte(before + text)})
	if err != nil || len(result.Matches) == 0 || result.Bytes != int64(len(before)+len(text)) {
		t.Fatalf("%d matches, %d bytes, error %v", len(result.Matches), result.Bytes, err)
	}
	if m := result.Matches[0]; m.Line != 1 || m.Secret.Reveal() != text {
		t.Errorf("found at %d:%d", m.Line, m.Column)
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/trufflesecurity/trufflehog/v3/pkg/decoders"
	"github.com/trufflesecurity/trufflehog/v3/pkg/detectors"
	"github.com/trufflesecurity/trufflehog/v3/pkg/engine/ahocorasick"
	"github.com/trufflesecurity/trufflehog/v3/pkg/engine/defaults"
	"github.com/trufflesecurity/trufflehog/v3/pkg/sources"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/dsul"
)

// BenchmarkScan scans published workspaces with TruffleHog's library alone, used like its
// engine does, with each of our detectors, and with the complete scanner. It prints the
// throughputs as multiples of the library's.
//
// It runs them in turn and measures CPU time, so that the ratios are valid on a busy machine,
// too.
func BenchmarkScan(b *testing.B) {
	enableFeatures()
	files, theirs := samples(), newLibrary()
	ours, err := dsul.New(dsul.Options{})
	if err != nil {
		b.Fatal(err)
	}
	adapter, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	whole, err := scan.New(scan.Policy{}, adapter, ours)
	if err != nil {
		b.Fatal(err)
	}
	contenders := []struct {
		name string
		scan func()
		cpu  time.Duration
	}{
		{name: "library", scan: func() { each(b, files, theirs.Scan) }},
		{name: "trufflehog", scan: func() { each(b, files, adapter.Scan) }},
		{name: "dsul", scan: func() { each(b, files, ours.Scan) }},
		{name: "whole", scan: func() { all(b, files, whole) }},
	}
	for b.Loop() {
		for i := range contenders {
			before := cpuTime(b)
			contenders[i].scan()
			contenders[i].cpu += cpuTime(b) - before
		}
	}
	total := 0
	for _, data := range files {
		total += len(data)
	}
	for _, c := range contenders {
		b.ReportMetric(float64(total)*float64(b.N)/c.cpu.Seconds()/1e6, c.name+"-MB/s")
		b.ReportMetric(contenders[0].cpu.Seconds()/c.cpu.Seconds(), fmt.Sprintf("%s/library", c.name))
	}
	b.ReportMetric(0, "ns/op") // the total is meaningless
}

func each(b *testing.B, files map[string][]byte, scanFile func(context.Context, scan.File) (scan.Result, error)) {
	for path, data := range files {
		if _, err := scanFile(b.Context(), scan.File{Path: path, Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}

func all(b *testing.B, files map[string][]byte, scanner *scan.Scanner) {
	run := scanner.Start(b.Context())
	for path, data := range files {
		if err := run.Add(b.Context(), scan.File{Path: path, Data: data}); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := run.Finish(); err != nil {
		b.Fatal(err)
	}
}

// cpuTime returns the CPU time used by this process.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// library uses TruffleHog's library like its engine does: each chunk passes repeatedly through
// all decoders, and the output through the core to the detectors.
type library struct {
	core     *ahocorasick.Core
	decoders []decoders.Decoder
}

func newLibrary() *library {
	return &library{ahocorasick.NewAhoCorasickCore(defaults.DefaultDetectors()), decoders.DefaultDecoders()}
}

func (l *library) Scan(ctx context.Context, f scan.File) (scan.Result, error) {
	for start := 0; start < len(f.Data); start += sources.DefaultChunkSize {
		end := min(start+sources.TotalChunkSize, len(f.Data))
		if err := l.chunk(ctx, f.Data[start:end:end], 0, map[string]bool{}); err != nil {
			return scan.Result{}, err
		}
	}
	return scan.Result{}, nil
}

func (l *library) chunk(ctx context.Context, data []byte, depth int, seen map[string]bool) error {
	for i, decoder := range l.decoders {
		decoded := decoder.FromChunk(&sources.Chunk{Data: data})
		if decoded == nil || i == 0 && depth > 0 {
			continue
		}
		for _, m := range l.core.FindDetectorMatches(decoded.Data) {
			if err := l.detect(ctx, m); err != nil {
				return err
			}
		}
		if i > 0 && depth+1 < decodeDepth && !bytes.Equal(decoded.Data, data) && !seen[string(decoded.Data)] {
			seen[string(decoded.Data)] = true
			if err := l.chunk(ctx, decoded.Data, depth+1, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *library) detect(ctx context.Context, m *ahocorasick.DetectorMatch) error {
	for _, part := range m.Matches() {
		limited, cancel := context.WithTimeout(ctx, detectors.DefaultResponseTimeout)
		_, err := m.FromData(limited, false, part)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	thctx "github.com/trufflesecurity/trufflehog/v3/pkg/context"
	"github.com/trufflesecurity/trufflehog/v3/pkg/decoders"
	"github.com/trufflesecurity/trufflehog/v3/pkg/detectors"
	"github.com/trufflesecurity/trufflehog/v3/pkg/pb/detectorspb"
	"github.com/trufflesecurity/trufflehog/v3/pkg/sources"

	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/internal/lines"
)

// The errors of a scan. They do not include TruffleHog's messages, which may quote the file.
var (
	errFailed  = errors.New("failed")
	errTimeout = errors.New("did not end in time")
	errPanic   = errors.New("panicked")
	errArchive = errors.New(
		"it looks like an archive, by its first bytes, that cannot be read to its end (damaged, encrypted, too large or " +
			"nested too deeply)",
	)
)

// occurrences is the maximum number of reported positions of one secret in one file.
const occurrences = 100

// fileScan holds the state of scanning one file.
type fileScan struct {
	*Detector
	file   scan.File
	lines  lines.Starts
	result scan.Result
	// current is the running detector call; nil if there is none.
	current atomic.Pointer[call]
	deadline
}

// deadline is a context that expires some time after the timeout of a detector. Consecutive
// calls share one, because most of them take microseconds.
type deadline struct {
	ctx    context.Context //nolint:containedctx // one context serves many calls, which is faster than one for each
	cancel context.CancelFunc
	made   time.Time
}

// limit returns a context in which a detector can run for the timeout, and at most a quarter
// longer.
func (d *deadline) limit(ctx context.Context, now time.Time, timeout time.Duration) context.Context {
	if d.ctx == nil || now.Sub(d.made) > timeout/4 {
		d.stop()
		// Detectors take a logger from the context. The default one writes to standard error.
		d.ctx, d.cancel = context.WithTimeout(thctx.WithLogger(thctx.AddLogger(ctx), discard), timeout+timeout/4)
		d.made = now
	}
	return d.ctx
}

// stop releases the context.
func (d *deadline) stop() {
	if d.cancel != nil {
		d.cancel()
	}
}

// call is one run of a detector on a part of a file.
type call struct {
	detector string
	started  time.Time
}

func (c *call) failed(why error) error { return fmt.Errorf("its detector %s %w", c.detector, why) }

// Scan implements [scan.Detector]. If a detector hangs and ignores its deadline, Scan returns
// an error and leaks the goroutine.
func (d *Detector) Scan(ctx context.Context, f scan.File) (scan.Result, error) {
	s := &fileScan{Detector: d, file: f}
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	watch := time.NewTicker(max(d.timeout/2, time.Millisecond))
	defer watch.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				return scan.Result{}, err
			}
			return s.result, nil
		case <-ctx.Done():
			return scan.Result{}, context.Cause(ctx)
		case now := <-watch.C:
			if c := s.current.Load(); c != nil && now.Sub(c.started) > d.timeout+d.timeout/2 {
				return scan.Result{}, c.failed(errTimeout)
			}
		}
	}
}

func (s *fileScan) run(ctx context.Context) (err error) {
	defer func() {
		if recover() == nil { // the panic value may contain file content
			return
		}
		if err = errPanic; s.current.Load() != nil {
			err = s.current.Load().failed(errPanic)
		}
	}()
	defer s.stop()
	if err := s.scanBytes(ctx); err != nil {
		return err
	}
	s.result.Bytes = int64(len(s.file.Data))
	return s.scanArchive(ctx)
}

// scanBytes splits the data into chunks like TruffleHog does. Each chunk overlaps the next one,
// so that no secret is split.
func (s *fileScan) scanBytes(ctx context.Context) error {
	data := s.file.Data
	for start := 0; start < len(data); start += sources.DefaultChunkSize {
		end := min(start+sources.TotalChunkSize, len(data))
		if err := s.scanChunk(ctx, chunk{data: data[start:end:end], offset: start}); err != nil {
			return err
		}
	}
	return nil
}

// chunk is a part of a file, or of the content of an archive.
type chunk struct {
	data []byte
	// offset is the offset of the part in the file, in bytes.
	offset int
	inside bool
}

func (s *fileScan) scanChunk(ctx context.Context, c chunk) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, decoded := range s.decode(c.data) {
		for _, match := range s.keywords.find(decoded.Data) {
			if err := s.detect(ctx, c, decoded, match); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode applies all decoders to the data, and repeatedly to their output. It returns every
// intermediate form, because a secret may be visible in only one of them. It does not apply the
// plain decoder to the output of others, where it has no effect.
func (s *fileScan) decode(data []byte) []*decoders.DecodableChunk {
	var all []*decoders.DecodableChunk
	inputs := [][]byte{data}
	seen := [][]byte{}
	for depth := 0; depth < decodeDepth && len(inputs) > 0; depth++ {
		var next [][]byte
		for _, input := range inputs {
			for _, decoder := range s.decoders {
				plain := decoder.Type() == detectorspb.DecoderType_PLAIN
				if plain && depth > 0 || !mayDecode(decoder.Type(), input) {
					continue
				}
				decoded := decodeWith(decoder, input)
				if decoded == nil {
					continue
				}
				all = append(all, decoded)
				if !plain && !bytes.Equal(decoded.Data, input) &&
					!slices.ContainsFunc(seen, func(b []byte) bool { return bytes.Equal(b, decoded.Data) }) {
					seen = append(seen, decoded.Data)
					next = append(next, decoded.Data)
				}
			}
		}
		inputs = next
	}
	return all
}

// detect runs one detector on the parts of the chunk around its keywords.
func (s *fileScan) detect(ctx context.Context, c chunk, decoded *decoders.DecodableChunk, match match) error {
	falsePositive := detectors.GetFalsePositiveCheck(match.Detector)
	for _, part := range match.parts {
		results, err := s.fromData(ctx, match.Detector, decoded.Data[part.start:part.end])
		if err != nil {
			return err
		}
		for _, r := range results {
			matches := s.matches(c, decoded, r)
			if filtered, _ := falsePositive(r); !r.Verified && r.Raw != nil &&
				(filtered || isExample(r, decoded.Data, s.file.Path)) {
				s.result.Filtered++
				s.result.Dropped = append(s.result.Dropped, matches...)
				continue
			}
			s.result.Matches = append(s.result.Matches, matches...)
		}
	}
	return nil
}

// fromData runs a detector. If the detector fails with verification, fromData runs it again
// without, so that its findings are reported in any case.
func (s *fileScan) fromData(ctx context.Context, d detectors.Detector, part []byte) ([]detectors.Result, error) {
	results, err := s.call(ctx, d, part, s.verify)
	if !s.verify || err == nil {
		return results, err
	}
	results, err = s.call(ctx, d, part, false)
	for i := range results {
		results[i].SetVerificationError(errFailed)
	}
	return results, err
}

func (s *fileScan) call(
	ctx context.Context,
	d detectors.Detector,
	part []byte,
	verify bool,
) ([]detectors.Result, error) {
	c := &call{detector: d.Type().String(), started: time.Now()}
	limited := s.limit(ctx, c.started, s.timeout)
	s.current.Store(c)
	results, err := d.FromData(limited, verify, part)
	// Some detectors require this independently of the configuration.
	if cleaner, ok := d.(detectors.CustomResultsCleaner); ok && cleaner.ShouldCleanResultsIrrespectiveOfConfiguration() {
		results = cleaner.CleanResults(results, verify)
	}
	s.current.Store(nil)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case limited.Err() != nil:
		return nil, c.failed(errTimeout)
	case err != nil:
		return nil, c.failed(errFailed)
	default:
		return results, nil
	}
}

// matches returns a match for every occurrence of the secret in the chunk. A secret that only
// appears after decoding has the line of the decoded text. Because decoded HTML has different
// lines, a secret that also appears verbatim in the file has its position there.
func (s *fileScan) matches(c chunk, decoded *decoders.DecodableChunk, r detectors.Result) []scan.Match {
	m := scan.Match{
		Rule:         ruleOf(r),
		Secret:       secret.New(string(value(r))),
		Inside:       c.inside,
		Verification: s.verification(r),
	}
	if decoded.DecoderType != detectorspb.DecoderType_PLAIN {
		m.Encoding = decoded.DecoderType.String()
	}
	if c.inside {
		return []scan.Match{m}
	}
	if s.lines == nil {
		s.lines = lines.New(s.file.Data)
	}
	var list []scan.Match
	for _, at := range find(c.data, located(r)) {
		here := m
		here.Encoding = ""
		here.Line, here.Column = s.lines.Position(c.offset + at)
		list = append(list, here)
	}
	if len(list) > 0 || s.isCopy(m, c.data, located(r)) {
		return list
	}
	if m.Encoding == detectorspb.DecoderType_BASE64.String() {
		if at := findEncoded(c.data, located(r)); at >= 0 {
			m.Line, _ = s.lines.Position(c.offset + at)
			return []scan.Match{m}
		}
	}
	first, _ := s.lines.Position(c.offset)
	last, _ := s.lines.Position(c.offset + len(c.data))
	places := find(decoded.Data, located(r))
	if len(places) == 0 {
		m.Line = first
		return []scan.Match{m}
	}
	for _, at := range places {
		m.Line = min(last, first+bytes.Count(decoded.Data[:at], []byte("\n")))
		list = append(list, m)
	}
	return list
}

// findEncoded returns the offset of base64 that contains a text, or -1. The text may start at any
// of the three bytes of a group, so the groups at its ends are left out.
func findEncoded(data, text []byte) int {
	for skip := range base64Group {
		whole := (len(text) - skip) / base64Group * base64Group
		if whole < minBase64 {
			return -1
		}
		middle := base64.StdEncoding.EncodeToString(text[skip : skip+whole])
		if at := bytes.Index(data, []byte(middle)); at >= 0 {
			return at
		}
	}
	return -1
}

// base64Group is the number of bytes in a group of base64.
const base64Group = 3

// isCopy reports a secret that was found as it is, and whose text a decoder has only wrapped
// differently.
func (s *fileScan) isCopy(m scan.Match, data, text []byte) bool {
	same := func(known scan.Match) bool {
		return known.Encoding == "" && known.Rule == m.Rule && known.Secret.Reveal() == m.Secret.Reveal()
	}
	return slices.ContainsFunc(s.result.Matches, same) && bytes.Contains(withoutSpace(data), withoutSpace(text))
}

func withoutSpace(text []byte) []byte { return bytes.Join(bytes.Fields(text), nil) }

// value returns the complete secret, which consists of several parts for some detectors.
func value(r detectors.Result) []byte {
	if len(r.RawV2) > 0 {
		return r.RawV2
	}
	return r.Raw
}

// located returns the part of a secret that appears verbatim in the file.
func located(r detectors.Result) []byte {
	if primary := r.GetPrimarySecretValue(); primary != "" {
		return []byte(primary)
	}
	return r.Raw
}

// find returns the offsets of all non-overlapping occurrences of needle.
func find(data, needle []byte) []int {
	var places []int
	for at := 0; len(needle) > 0 && len(places) < occurrences; {
		next := bytes.Index(data[at:], needle)
		if next < 0 {
			break
		}
		places = append(places, at+next)
		at += next + len(needle)
	}
	return places
}

func (s *fileScan) verification(r detectors.Result) scan.Verification {
	switch {
	case !s.verify:
		return scan.NotChecked
	case r.Verified:
		return scan.Live
	case r.VerificationError() != nil:
		return scan.Unknown
	default:
		return scan.Dead
	}
}

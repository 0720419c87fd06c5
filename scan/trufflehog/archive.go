// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/go-logr/logr"
	thctx "github.com/trufflesecurity/trufflehog/v3/pkg/context"
	"github.com/trufflesecurity/trufflehog/v3/pkg/handlers"
	"github.com/trufflesecurity/trufflehog/v3/pkg/pb/source_metadatapb"
	"github.com/trufflesecurity/trufflehog/v3/pkg/sources"
)

// sniffed is how much of a file is looked at to tell text from an archive, in bytes.
const sniffed = 4096

// discard is TruffleHog's logger where nothing is to be learnt from it.
var discard = logr.Discard()

// scanArchive scans what TruffleHog's handlers get out of a file that is not text:
// zip, tar, gzip and many more, in each other. Their handlers log most errors and
// go on. Here the log is read, and every error fails the scan.
func (s *fileScan) scanArchive(ctx context.Context) error {
	if isText(s.file.Data) {
		return nil
	}
	log := new(trouble)
	skeleton := &sources.Chunk{SourceMetadata: &source_metadatapb.MetaData{
		Data: &source_metadatapb.MetaData_Filesystem{Filesystem: &source_metadatapb.Filesystem{File: s.file.Path}},
	}}
	err := handlers.HandleFile(thctx.WithLogger(thctx.AddLogger(ctx), logr.New(log)), bytes.NewReader(s.file.Data), skeleton, &insideReporter{s, ctx})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isOurs(err):
		return err
	case err != nil || log.seen.Load():
		return errArchive
	default:
		return nil
	}
}

// isText reports whether a file starts as text does. No archive does.
func isText(data []byte) bool {
	head := data[:min(len(data), sniffed)]
	// A character may be cut at the end.
	for i := 0; i < utf8.UTFMax && len(head) > 0 && !utf8.Valid(head); i++ {
		head = head[:len(head)-1]
	}
	return utf8.Valid(head) && bytes.IndexByte(head, 0) < 0
}

// insideReporter scans the chunks that the handlers report.
type insideReporter struct {
	scan *fileScan
	ctx  context.Context //nolint:containedctx // the interface gives another one, of TruffleHog's type
}

// ChunkOk implements TruffleHog's reporter.
func (r *insideReporter) ChunkOk(_ thctx.Context, c sources.Chunk) error {
	return r.scan.scanChunk(r.ctx, chunk{data: c.Data, line: 1, inside: true})
}

// ChunkErr implements TruffleHog's reporter.
func (r *insideReporter) ChunkErr(thctx.Context, error) error { return errArchive }

// trouble is a log sink that remembers whether something went wrong.
type trouble struct{ seen atomic.Bool }

// tellTale are the messages by which the handlers report, below the level of
// errors, that they have left something out that may hold secrets.
var tellTale = []string{"non-critical error processing chunk", "skipping file: size exceeds max allowed"}

// Init implements [logr.LogSink].
func (*trouble) Init(logr.RuntimeInfo) {}

// Enabled implements [logr.LogSink].
func (*trouble) Enabled(int) bool { return true }

// Info implements [logr.LogSink].
func (t *trouble) Info(_ int, msg string, _ ...any) {
	for _, text := range tellTale {
		if strings.HasPrefix(msg, text) {
			t.seen.Store(true)
		}
	}
}

// Error implements [logr.LogSink].
func (t *trouble) Error(error, string, ...any) { t.seen.Store(true) }

// WithValues implements [logr.LogSink].
func (t *trouble) WithValues(...any) logr.LogSink { return t }

// WithName implements [logr.LogSink].
func (t *trouble) WithName(string) logr.LogSink { return t }

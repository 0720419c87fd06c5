// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/go-logr/logr"
	thctx "github.com/trufflesecurity/trufflehog/v3/pkg/context"
	"github.com/trufflesecurity/trufflehog/v3/pkg/handlers"
	"github.com/trufflesecurity/trufflehog/v3/pkg/pb/source_metadatapb"
	"github.com/trufflesecurity/trufflehog/v3/pkg/sources"
)

// sniffed is the number of leading bytes that distinguish text from archives.
const sniffed = 4096

// discard is a logger that drops TruffleHog's messages.
var discard = logr.Discard()

// scanArchive scans the content that TruffleHog's handlers extract from a file that is not
// text: zip, tar, gzip and many other formats, including nested ones. The handlers log most
// errors and continue; scanArchive inspects the log, and returns errArchive if it contains an
// error. The handlers do not report a truncated compressed stream, and scan it up to its end.
func (s *fileScan) scanArchive(ctx context.Context) error {
	if isText(s.file.Data) {
		return nil
	}
	if unpacked := int64(0); !s.checkZip(ctx, s.file.Data, &unpacked) {
		return errArchive
	}
	log := new(handlersLog)
	skeleton := &sources.Chunk{SourceMetadata: &source_metadatapb.MetaData{
		Data: &source_metadatapb.MetaData_Filesystem{Filesystem: &source_metadatapb.Filesystem{File: s.file.Path}},
	}}
	reporter := &insideReporter{
		scan: func(c chunk) error { return s.scanChunk(ctx, c) }, unpacked: s.unpacked, log: log,
	}
	err := handlers.HandleFile(
		thctx.WithLogger(thctx.AddLogger(ctx), logr.New(log)),
		bytes.NewReader(s.file.Data),
		skeleton,
		reporter,
	)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case reporter.err != nil:
		return reporter.err
	case err != nil || log.trouble.Load():
		return errArchive
	default:
		s.result.Unread = int(log.unread.Load())
		return nil
	}
}

// isText reports whether a file starts like text. No archive does.
func isText(data []byte) bool {
	head := data[:min(len(data), sniffed)]
	// The last character may be incomplete.
	for i := 0; i < utf8.UTFMax && len(head) > 0 && !utf8.Valid(head); i++ {
		head = head[:len(head)-1]
	}
	return utf8.Valid(head) && bytes.IndexByte(head, 0) < 0
}

// zipStart is the signature of a non-empty zip.
const zipStart = "PK\x03\x04"

// checkZip reports whether every file in a zip, including nested zips, can be read completely.
// The handlers ignore files that are shorter than declared, which may happen when they extract
// an encrypted file.
func (s *fileScan) checkZip(ctx context.Context, data []byte, unpacked *int64) bool {
	if !bytes.HasPrefix(data, []byte(zipStart)) {
		return true
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(archive.File, func(f *zip.File) bool {
		return ctx.Err() == nil && !s.checkMember(ctx, f, unpacked)
	})
}

// maxNestedZip is the maximum size of a nested zip to check, in bytes.
const maxNestedZip = 32 << 20

// checkMember reads a file in a zip completely. It checks nested zips as well, and leaves
// compression methods that the standard library does not support to the handlers.
func (s *fileScan) checkMember(ctx context.Context, f *zip.File, unpacked *int64) bool {
	const encrypted = 1
	if f.Flags&encrypted != 0 {
		return false
	}
	r, err := f.Open()
	if err != nil {
		return errors.Is(err, zip.ErrAlgorithm)
	}
	defer r.Close()
	head := make([]byte, len(zipStart))
	n, err := io.ReadFull(r, head)
	if *unpacked += int64(n); err != nil {
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && uint64(n) == f.UncompressedSize64
	}
	rest := io.LimitReader(r, s.unpacked-*unpacked+1)
	if string(head) != zipStart {
		n, err := io.Copy(io.Discard, rest)
		*unpacked += n
		return err == nil && *unpacked <= s.unpacked
	}
	nested, err := io.ReadAll(io.LimitReader(rest, maxNestedZip))
	*unpacked += int64(len(nested))
	return err == nil && len(nested) < maxNestedZip && *unpacked <= s.unpacked &&
		s.checkZip(ctx, append(head, nested...), unpacked)
}

// insideReporter scans the chunks that the handlers report.
type insideReporter struct {
	// scan scans a chunk in the context of the file, not in the one of the handlers.
	scan func(chunk) error
	// unpacked is the maximum number of bytes to unpack.
	unpacked int64
	log      *handlersLog
	// bytes is the number of bytes unpacked so far.
	bytes int64
	// err is the first error of a chunk. It excludes errors of the archive.
	err error
}

// ChunkOk implements TruffleHog's reporter. It skips chunks of files that are not archives,
// because the caller has already scanned the file itself.
func (r *insideReporter) ChunkOk(_ thctx.Context, c sources.Chunk) error {
	if !r.log.archive.Load() {
		return nil
	}
	r.bytes += int64(len(c.Data))
	if r.bytes > r.unpacked {
		r.err = errArchive
	} else {
		r.err = r.scan(chunk{data: c.Data, inside: true})
	}
	return r.err
}

// ChunkErr implements TruffleHog's reporter.
func (r *insideReporter) ChunkErr(thctx.Context, error) error {
	r.err = errArchive
	return r.err
}

// handlersLog is a log sink that records what the handlers report only in the log. It
// recognizes the messages of the pinned version; tests with archives of each kind fail if the
// messages change.
type handlersLog struct {
	// archive: the file is an archive. trouble: content that may hold secrets was skipped.
	archive, trouble atomic.Bool
	// unread is the number of files skipped because of their type.
	unread atomic.Int64
}

// troubles are prefixes of messages below the error level that indicate skipped content.
var troubles = []string{
	"non-critical error processing chunk", "skipping file: size exceeds max allowed",
	"failed to process", "skipped malformed", "panic",
}

// Init implements [logr.LogSink].
func (*handlersLog) Init(logr.RuntimeInfo) {}

// Enabled implements [logr.LogSink].
func (*handlersLog) Enabled(int) bool { return true }

// Info implements [logr.LogSink].
func (l *handlersLog) Info(_ int, msg string, _ ...any) {
	switch {
	case msg == "Starting archive processing":
		l.archive.Store(true)
	case msg == "skipping file: extension is ignored" && l.archive.Load():
		l.unread.Add(1)
	case slices.ContainsFunc(troubles, func(start string) bool { return strings.HasPrefix(msg, start) }):
		l.trouble.Store(true)
	}
}

// Error implements [logr.LogSink].
func (l *handlersLog) Error(error, string, ...any) { l.trouble.Store(true) }

// WithValues implements [logr.LogSink]. The handlers add the name of each file in an archive.
func (l *handlersLog) WithValues(keysAndValues ...any) logr.LogSink {
	if slices.Contains(keysAndValues, any("filename")) {
		l.archive.Store(true)
	}
	return l
}

// WithName implements [logr.LogSink].
func (l *handlersLog) WithName(string) logr.LogSink { return l }

// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// EventArchiveImported is the event of an archive import, in the imported workspace (platform
// contract §1.6).
const EventArchiveImported = "workspaces.imported"

// ExportRequest requests the archive of a workspace in its current state (platform contract §12).
type ExportRequest struct {
	// Workspace is the ID of the workspace.
	Workspace string
	// Limit is the maximum size of the archive, in bytes.
	Limit int64
	// Wait bounds the whole download. 0 means [Options.Timeout].
	Wait time.Duration
}

// ExportArchive writes the archive of a workspace to a writer. There are two documented paths; it
// tries the second if the platform does not know the first. After an error the output is
// incomplete. An error of the writer is not an [*Error].
func (c *Client) ExportArchive(ctx context.Context, r ExportRequest, to io.Writer) (Meta, error) {
	base := "/v2/workspaces/" + url.PathEscape(r.Workspace)
	k := call{
		op:      OpExport,
		method:  http.MethodPost,
		path:    base + "/versions/current/export",
		timeout: r.Wait,
		media:   "application/octet-stream, application/zip",
	}
	meta, err := c.downloadArchive(ctx, k, r.Limit, to)
	e, ok := errors.AsType[*Error](err)
	if ok && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed) {
		k.method = http.MethodGet
		k.path = base + "/export"
		return c.downloadArchive(ctx, k, r.Limit, to)
	}
	return meta, err
}

// downloadArchive writes a response that is an archive.
func (c *Client) downloadArchive(ctx context.Context, k call, most int64, to io.Writer) (Meta, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(k.timeout, c.opts.Timeout), errTimeout)
	defer cancel()
	resp, a, failure := c.sendRequest(ctx, k)
	if failure != nil {
		c.opts.Observer(k.op, observedCode(a, failure), time.Since(start))
		return a.meta, failure
	}
	defer resp.Body.Close()
	err := c.copyArchive(ctx, k, &a, resp.Body, most, to)
	failure, _ = errors.AsType[*Error](err)
	c.opts.Observer(k.op, observedCode(a, failure), time.Since(start))
	return a.meta, err
}

func (c *Client) copyArchive(ctx context.Context, k call, a *answer, body io.Reader, most int64, to io.Writer) error {
	magic := []byte("PK")
	head := make([]byte, len(magic))
	n, err := io.ReadFull(body, head)
	whole := io.MultiReader(bytes.NewReader(head[:n]), body)
	if a.status != http.StatusOK || err != nil || !bytes.Equal(head, magic) {
		if failure := c.readBody(ctx, k, a, whole); failure != nil {
			return failure
		}
		if a.status == http.StatusOK {
			return a.newError(k.op, ClassMalformed, describeGarbage(*a))
		}
		return refusalError(k.op, *a)
	}
	watch := &errorReader{Reader: whole}
	limited := limit.NewReader(watch, "the archive", most)
	_, err = io.Copy(to, limited)
	switch {
	case watch.err != nil:
		return a.brokenError(ctx, k.op, watch.err)
	case limited.Exceeded():
		return a.newError(k.op, ClassTooLarge, limited.Err.Error())
	case err != nil:
		return fmt.Errorf("write the archive: %w", err)
	}
	return nil
}

// errorReader records the read error of a reader.
type errorReader struct {
	io.Reader
	err error
}

func (w *errorReader) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// ArchiveRequest requests the import of an archive of one workspace (platform contract §12).
type ArchiveRequest struct {
	// Workspace is the ID of the target. If empty, the platform creates a new workspace.
	Workspace string
	// Prune deletes files that are not in the archive.
	Prune bool
	// Archive is the archive of Size bytes.
	Archive io.ReaderAt
	Size    int64
	// Wait is how long to wait for the response. 0 means [Options.Timeout].
	Wait time.Duration
}

// ArchiveReport is the result of an import.
type ArchiveReport struct {
	// ID and Slug of the workspace are empty if the platform did not report them.
	ID, Slug          string
	Imported, Deleted []string // paths
	Created, Updated  []string // IDs of workspaces
	Errors            []FileProblem
	// ListsDeleted is true if the response lists the deleted files, even if there are none.
	// Platforms that do not support ?prune omit the list.
	ListsDeleted bool
}

// FileProblem is an error of one file, or of the whole import if File is empty.
type FileProblem struct {
	File string
	Problem
}

// ArchiveResult is the response to an accepted import.
type ArchiveResult struct {
	Meta
	// Report is nil if the import is still running. An event or the status then reports its end.
	Report *ArchiveReport
	// Message is the platform's message in that case.
	Message string
}

// ImportArchive imports an archive. It is not idempotent while the import runs: see
// [OutcomeUnknown].
func (c *Client) ImportArchive(ctx context.Context, r ArchiveRequest) (ArchiveResult, error) {
	k := call{
		op:      OpImport,
		method:  http.MethodPost,
		path:    "/v2/workspaces/import",
		timeout: r.Wait,
		body:    &upload{field: "archive", name: "workspace.zip", content: r.Archive, size: r.Size},
	}
	if r.Workspace != "" {
		k.path = "/v2/workspaces/" + url.PathEscape(r.Workspace) + "/import"
	}
	if r.Prune {
		k.query = url.Values{"prune": {"true"}}
	}
	var out archiveAnswer
	meta, err := c.doRequest(ctx, k, &out)
	if err != nil {
		return ArchiveResult{Meta: meta}, err
	}
	return ArchiveResult{Meta: meta, Report: out.report, Message: out.message}, nil
}

// archiveAnswer decodes both responses to an import.
type archiveAnswer struct {
	report  *ArchiveReport
	message string
}

func (a *archiveAnswer) UnmarshalJSON(data []byte) error {
	var shape struct {
		Processing bool            `json:"processing"`
		Message    lenient         `json:"message"`
		Imported   json.RawMessage `json:"imported"`
		Errors     []FileProblem   `json:"errors"`
	}
	if err := json.Unmarshal(data, &shape); err != nil {
		return err
	}
	switch {
	case shape.Imported != nil, len(shape.Errors) > 0:
		a.report = new(ArchiveReport)
		return json.Unmarshal(data, a.report)
	case shape.Processing:
		a.message = string(shape.Message)
		return nil
	}
	return errShape
}

// UnmarshalJSON implements [json.Unmarshaler]. It accepts responses and event payloads.
func (r *ArchiveReport) UnmarshalJSON(data []byte) error {
	var in struct {
		Imported  []lenient     `json:"imported"`
		Files     []lenient     `json:"files"`
		Deleted   *[]lenient    `json:"deleted"`
		Created   []lenient     `json:"createdWorkspaceIds"`
		Updated   []lenient     `json:"updatedWorkspaceIds"`
		Errors    []FileProblem `json:"errors"`
		Workspace struct {
			ID   lenient `json:"id"`
			Slug lenient `json:"slug"`
		} `json:"workspace"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*r = ArchiveReport{
		ID:           string(in.Workspace.ID),
		Slug:         string(in.Workspace.Slug),
		Imported:     toStrings(append(in.Imported, in.Files...)),
		Created:      toStrings(in.Created),
		Updated:      toStrings(in.Updated),
		Errors:       in.Errors,
		ListsDeleted: in.Deleted != nil,
	}
	if in.Deleted != nil {
		r.Deleted = toStrings(*in.Deleted)
	}
	return nil
}

// UnmarshalJSON implements [json.Unmarshaler]. It accepts any JSON.
func (p *FileProblem) UnmarshalJSON(data []byte) error {
	var in struct {
		Filepath lenient `json:"filepath"`
		Path     lenient `json:"path"`
		File     lenient `json:"file"`
	}
	_ = json.Unmarshal(data, &in) // anything but an object has no path
	p.File = cmp.Or(string(in.Filepath), string(in.Path), string(in.File))
	return p.Problem.UnmarshalJSON(data)
}

func toStrings(in []lenient) (out []string) {
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

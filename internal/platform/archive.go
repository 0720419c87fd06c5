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
)

// EventArchiveImported is the event of an archive's import, in the workspace itself (contract §1.6).
const EventArchiveImported = "workspaces.imported"

// ExportRequest asks for the archive of a workspace as it is now (contract §12).
type ExportRequest struct {
	// Workspace is the id.
	Workspace string
	// Limit bounds the archive, in bytes.
	Limit int64
	// Wait is how long all of it may take; 0 is [Options.Timeout].
	Wait time.Duration
}

// ExportArchive writes the archive of a workspace. Of the two paths that are documented,
// the second is asked where the first is not known. What was written before an error is
// no archive. The error is no [*Error] if it is that of the writer.
func (c *Client) ExportArchive(ctx context.Context, r ExportRequest, to io.Writer) (Meta, error) {
	base := "/v2/workspaces/" + url.PathEscape(r.Workspace)
	k := call{op: OpExport, method: http.MethodPost, path: base + "/versions/current/export", timeout: r.Wait,
		media: "application/octet-stream, application/zip"}
	meta, err := c.download(ctx, k, r.Limit, to)
	if e, ok := errors.AsType[*Error](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed) {
		k.method, k.path = http.MethodGet, base+"/export"
		return c.download(ctx, k, r.Limit, to)
	}
	return meta, err
}

// download writes an answer that is an archive.
func (c *Client) download(ctx context.Context, k call, limit int64, to io.Writer) (Meta, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(k.timeout, c.opts.Timeout), errTimeout)
	defer cancel()
	resp, a, failure := c.send(ctx, k)
	if failure != nil {
		c.opts.Observer(k.op, observedCode(a, failure), time.Since(start))
		return a.meta, failure
	}
	defer resp.Body.Close()
	err := c.copyArchive(ctx, k, &a, resp.Body, limit, to)
	failure, _ = errors.AsType[*Error](err)
	c.opts.Observer(k.op, observedCode(a, failure), time.Since(start))
	return a.meta, err
}

func (c *Client) copyArchive(ctx context.Context, k call, a *answer, body io.Reader, limit int64, to io.Writer) error {
	magic := []byte("PK")
	head := make([]byte, len(magic))
	n, err := io.ReadFull(body, head)
	whole := io.MultiReader(bytes.NewReader(head[:n]), body)
	if a.status != http.StatusOK || err != nil || !bytes.Equal(head, magic) {
		if failure := c.readAll(ctx, k, a, whole); failure != nil {
			return failure
		}
		if a.status == http.StatusOK {
			return a.error(k.op, ClassMalformed, describeGarbage(*a))
		}
		return refusal(k.op, *a)
	}
	limited := &io.LimitedReader{R: &watched{Reader: whole}, N: limit + 1}
	_, err = io.Copy(to, limited)
	switch broken := limited.R.(*watched).err; {
	case broken != nil:
		return a.broken(ctx, k.op, broken)
	case err != nil:
		return fmt.Errorf("write the archive: %w", err)
	case limited.N == 0:
		return a.error(k.op, ClassTooLarge, fmt.Sprintf("the archive is larger than %d bytes", limit))
	}
	return nil
}

// watched remembers why it could not be read.
type watched struct {
	io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// ArchiveRequest asks to import an archive of one workspace (contract §12).
type ArchiveRequest struct {
	// Workspace is the id of the one that gets the content; empty makes a new one.
	Workspace string
	// Prune deletes what the archive lacks.
	Prune bool
	// Archive has Size bytes.
	Archive io.ReaderAt
	Size    int64
	// Wait is how long the answer may take; 0 is [Options.Timeout].
	Wait time.Duration
}

// ArchiveReport is what an import did.
type ArchiveReport struct {
	// ID and Slug of the workspace, as far as they were told.
	ID, Slug          string
	Imported, Deleted []string // paths
	Created, Updated  []string // ids of workspaces
	Errors            []FileProblem
	// TellsDeleted reports that the answer says which files were deleted, if only that
	// none were. Platforms that do not know ?prune do not say.
	TellsDeleted bool
}

// FileProblem is an error of one file, or of the import if there is no file.
type FileProblem struct {
	File string
	Problem
}

// ArchiveResult is the answer of an import that was accepted.
type ArchiveResult struct {
	Meta
	// Report is nil when the import goes on, and an event or the status tells its end.
	Report *ArchiveReport
	// Message is the platform's text in that case.
	Message string
}

// ImportArchive imports an archive. It is not idempotent while it runs: see [OutcomeUnknown].
func (c *Client) ImportArchive(ctx context.Context, r ArchiveRequest) (ArchiveResult, error) {
	k := call{op: OpImport, method: http.MethodPost, path: "/v2/workspaces/import", timeout: r.Wait,
		body: &upload{field: "archive", name: "workspace.zip", content: r.Archive, size: r.Size}}
	if r.Workspace != "" {
		k.path = "/v2/workspaces/" + url.PathEscape(r.Workspace) + "/import"
	}
	if r.Prune {
		k.query = url.Values{"prune": {"true"}}
	}
	var out archiveAnswer
	meta, err := c.do(ctx, k, &out)
	if err != nil {
		return ArchiveResult{Meta: meta}, err
	}
	return ArchiveResult{Meta: meta, Report: out.report, Message: out.message}, nil
}

// archiveAnswer decodes either answer to an import.
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

// UnmarshalJSON implements [json.Unmarshaler]. It takes answers and payloads of events.
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
	*r = ArchiveReport{ID: string(in.Workspace.ID), Slug: string(in.Workspace.Slug), Imported: texts(append(in.Imported, in.Files...)),
		Created: texts(in.Created), Updated: texts(in.Updated), Errors: in.Errors, TellsDeleted: in.Deleted != nil}
	if in.Deleted != nil {
		r.Deleted = texts(*in.Deleted)
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
	_ = json.Unmarshal(data, &in) // what is no object has no path
	p.File = cmp.Or(string(in.Filepath), string(in.Path), string(in.File))
	return p.Problem.UnmarshalJSON(data)
}

func texts(in []lenient) (out []string) {
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

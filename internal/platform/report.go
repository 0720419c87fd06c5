// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"encoding/json"
	"errors"
	"time"
)

// errShape is returned for JSON without the required fields of a response.
var errShape = errors.New("unexpected shape")

// Status is the status of a workspace in reports and events. The platform may send other values.
type Status string

// Documented states of an import.
const (
	StatusImported Status = "imported"
	StatusSkipped  Status = "skipped"
	StatusError    Status = "error"
)

// ImportReport is the result of a bulk import: the response to a pull that waited for the end, and
// the payload of the completed event (platform contract §1.3).
type ImportReport struct {
	RepositoryID string
	Groups       []string
	Duration     time.Duration
	// Errors of the import as a whole.
	Errors                                []Problem
	Created, Updated, Skipped             []string // IDs of workspaces
	ImportedFilesCount, DeletedFilesCount int
	// Imported and Deleted are file names, in responses that list them.
	Imported, Deleted []string
	Workspaces        []WorkspaceReport
}

// WorkspaceReport is the result for one workspace.
type WorkspaceReport struct {
	Slug, ID, Name                        string
	Version                               string
	Status                                Status
	Reason                                string
	Errors                                []Problem
	ImportedFilesCount, DeletedFilesCount int
	// Imported and Deleted are file names, in responses that list them.
	Imported, Deleted []string
	Duration          time.Duration
	AppSlug           string
}

// Failed reports whether the workspace has an error status or errors.
func (w *WorkspaceReport) Failed() bool { return w.Status == StatusError || len(w.Errors) > 0 }

// DeletedFiles reports whether the platform deleted files of the workspace.
func (w *WorkspaceReport) DeletedFiles() bool { return w.DeletedFilesCount > 0 || len(w.Deleted) > 0 }

// Failed reports whether the import or any of its workspaces has an error. HTTP 200 does not mean
// success (platform contract §1.3).
func (r *ImportReport) Failed() bool {
	for i := range r.Workspaces {
		if r.Workspaces[i].Failed() {
			return true
		}
	}
	return len(r.Errors) > 0
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *ImportReport) UnmarshalJSON(data []byte) error {
	var in struct {
		RepositoryID string            `json:"repositoryId"`
		Groups       []string          `json:"groups"`
		Duration     count             `json:"duration"`
		Errors       []Problem         `json:"errors"`
		Created      []string          `json:"createdWorkspaceIds"`
		Updated      []string          `json:"updatedWorkspaceIds"`
		Skipped      []string          `json:"skippedWorkspaceIds"`
		Imported     count             `json:"importedFilesCount"`
		Deleted      count             `json:"deletedFilesCount"`
		ImportedList fileNames         `json:"imported"`
		DeletedList  fileNames         `json:"deleted"`
		Workspaces   []WorkspaceReport `json:"workspaces"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.RepositoryID == "" {
		return errShape
	}
	*r = ImportReport{
		RepositoryID:       in.RepositoryID,
		Groups:             in.Groups,
		Duration:           in.Duration.milliseconds(),
		Errors:             in.Errors,
		Created:            in.Created,
		Updated:            in.Updated,
		Skipped:            in.Skipped,
		ImportedFilesCount: int(in.Imported),
		DeletedFilesCount:  int(in.Deleted),
		Imported:           in.ImportedList,
		Deleted:            in.DeletedList,
		Workspaces:         in.Workspaces,
	}
	return nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (w *WorkspaceReport) UnmarshalJSON(data []byte) error {
	var in struct {
		Slug         lenient   `json:"slug"`
		ID           lenient   `json:"workspaceId"`
		Name         lenient   `json:"name"`
		Version      lenient   `json:"version"`
		Status       lenient   `json:"status"`
		Reason       lenient   `json:"reason"`
		Errors       []Problem `json:"errors"`
		Imported     count     `json:"importedFilesCount"`
		Deleted      count     `json:"deletedFilesCount"`
		ImportedList fileNames `json:"imported"`
		DeletedList  fileNames `json:"deleted"`
		Duration     count     `json:"duration"`
		App          struct {
			Slug lenient `json:"slug"`
		} `json:"app"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*w = WorkspaceReport{
		Slug:               string(in.Slug),
		ID:                 string(in.ID),
		Name:               string(in.Name),
		Version:            string(in.Version),
		Status:             Status(in.Status),
		Reason:             string(in.Reason),
		Errors:             in.Errors,
		ImportedFilesCount: int(in.Imported),
		DeletedFilesCount:  int(in.Deleted),
		Imported:           in.ImportedList,
		Deleted:            in.DeletedList,
		Duration:           in.Duration.milliseconds(),
		AppSlug:            string(in.App.Slug),
	}
	return nil
}

// maxFileNames is the maximum number of file names kept from a response.
const maxFileNames = 10_000

// fileNames is a list of files, each a string or an object with a path or a slug. Any other JSON is
// an empty list.
type fileNames []string

func (f *fileNames) UnmarshalJSON(data []byte) error {
	*f = nil
	var items []json.RawMessage
	if json.Unmarshal(data, &items) != nil {
		return nil
	}
	for _, item := range items[:min(len(items), maxFileNames)] {
		var object struct {
			Path     lenient `json:"path"`
			FilePath lenient `json:"filepath"`
			Slug     lenient `json:"slug"`
		}
		name := decodeString(item)
		if name == "" && json.Unmarshal(item, &object) == nil {
			name = cmp.Or(string(object.Path), string(object.FilePath), string(object.Slug))
		}
		if name != "" {
			*f = append(*f, name)
		}
	}
	return nil
}

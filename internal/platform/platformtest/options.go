// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"cmp"
	"net/http"
	"time"
)

// Options are the variants of a [Platform]: the points of the API that sources
// leave open. The zero value is what is documented or most likely.
type Options struct {
	// Token that the gateway accepts; with none it accepts no request.
	Token string
	// InternalKey that the gateway accepts for its readiness; "" accepts none.
	InternalKey string
	// ImportTime is how long the import of a workspace takes; nil is no time.
	ImportTime func(slug string) time.Duration

	// LockedStatus of a pull while the lock is held, 400 by default.
	LockedStatus int
	// LockedCode and LockedMessage of that answer.
	LockedCode, LockedMessage string
	// LockExpiry after which an abandoned lock is free, 30 minutes by default.
	LockExpiry time.Duration

	// RefuseHeaders makes pods refuse the identity headers of a direct call.
	RefuseHeaders bool
	// PodToken makes pods accept the token on a direct call.
	PodToken bool
	// PodEvents makes pods answer event queries, which belong to another service.
	PodEvents bool

	// UnknownRepositoryIs404 refuses a pull of an unknown repository, where
	// the default is the silent fallback to an ordinary pull.
	UnknownRepositoryIs404 bool
	// EmptyGroupIs400 refuses a pull of groups without a workspace, where the
	// default is a report without workspaces.
	EmptyGroupIs400 bool

	// SkipNewer skips a workspace too of which a later version is installed, by
	// the order of the names, as the guide to rollbacks suggests (contract §10).
	SkipNewer bool
	// HideLastPull leaves lastPull out of the list of workspaces.
	HideLastPull bool
	// VersionAfterFailure sets lastPull.version even where an import failed, so
	// that the next import skips the workspace.
	VersionAfterFailure bool
	// ErrorsInWorkspacesOnly leaves the errors of workspaces out of the report's own.
	ErrorsInWorkspacesOnly bool
	// NameDeleted names the files that an import deleted in the report of a workspace,
	// beside their number.
	NameDeleted bool
	// NestedErrors answers errors in the shape {"error":{"code","message"}}.
	NestedErrors bool
	// NoStatus answers 404 for the status of a workspace.
	NoStatus bool
	// PageCap bounds the size of a page of workspaces, whatever limit says.
	PageCap int

	// OnPush does what a push of a workspace does to the repository, such as a commit;
	// its error is the workspace's. nil does nothing. A dry run does not come here.
	OnPush func(Push) error
	// PushFrame frames the payload of an event of a push (started, progress or completed)
	// in its stream; nil is the plain framing.
	PushFrame func(kind, payload string) string
	// PushAsDocument answers a push as one document, although a stream was asked for.
	PushAsDocument bool
	// DryRunWithoutSummary ends a dry run with what it found at its start.
	DryRunWithoutSummary bool

	// ExportByGet refuses the documented path of an export with this status; 0 has no
	// other path.
	ExportByGet int
	// ArchiveProcessing answers the import of an archive before it ends.
	ArchiveProcessing bool
	// V27 plays what is documented of version 27 where the recorded service of October
	// 2024, which is the default, is older: automations in folders keep their path,
	// ?prune deletes, pulls read folders in folders, an archive needs index.yml, exports
	// have a whole .import.yml, label production:app publishes, and subjects and actions
	// of rules are not judged.
	V27 bool
	// Apps are installed beside those that workspaces publish.
	Apps []string
	// LoseSlugs gives new workspaces another slug than was asked for.
	LoseSlugs bool
	// UploadLimit of the service and GatewayLimit of the gateway, in bytes; 10 MB by default.
	UploadLimit, GatewayLimit int64
	// DropImported loses the events about imported archives.
	DropImported bool

	// DropCompleted loses the completed events, as oversized ones are.
	DropCompleted bool
	// EventLag is the time until an event can be found.
	EventLag time.Duration
	// NoReplica leaves source.host.replica out of events.
	NoReplica bool
	// HideEvent takes events out of an answer after its page is cut, as
	// permissions do. It gets the type of the event.
	HideEvent func(eventType string) bool

	// PullsPerMinute, CreatesPerMinute and EventReadsPerMinute of a user at the gateway,
	// 3, 3 and 40 by default; negative for no limit.
	PullsPerMinute, CreatesPerMinute, EventReadsPerMinute int
	// ProxyTimeout of the gateway, 60 s by default.
	ProxyTimeout time.Duration
	// KeepCorrelationID makes the gateway keep the id of the request.
	KeepCorrelationID bool
	// ReadinessNeedsPod makes the gateway not ready while no pod is.
	ReadinessNeedsPod bool
	// NativeGivesUp ends a native startup import when readiness does not come
	// within 5 minutes, where the default is to go on.
	NativeGivesUp bool
}

// defaultUpload is the largest upload, in bytes.
const defaultUpload = 10 << 20

func (o Options) withDefaults() Options {
	o.LockedStatus = cmp.Or(o.LockedStatus, http.StatusBadRequest)
	o.LockedCode = cmp.Or(o.LockedCode, "WorkspaceLocked")
	o.LockedMessage = cmp.Or(o.LockedMessage, "Workspace platform is locked: pull_in_progress")
	o.LockExpiry = cmp.Or(o.LockExpiry, 30*time.Minute)
	o.PullsPerMinute = cmp.Or(o.PullsPerMinute, 3)
	o.CreatesPerMinute = cmp.Or(o.CreatesPerMinute, 3)
	o.EventReadsPerMinute = cmp.Or(o.EventReadsPerMinute, 40)
	o.ProxyTimeout = cmp.Or(o.ProxyTimeout, time.Minute)
	o.UploadLimit = cmp.Or(o.UploadLimit, defaultUpload)
	o.GatewayLimit = cmp.Or(o.GatewayLimit, defaultUpload)
	if o.OnPush == nil {
		o.OnPush = func(Push) error { return nil }
	}
	if o.PushFrame == nil {
		o.PushFrame = func(_, payload string) string { return "data: " + payload + "\n\n" }
	}
	if o.ImportTime == nil {
		o.ImportTime = func(string) time.Duration { return 0 }
	}
	return o
}

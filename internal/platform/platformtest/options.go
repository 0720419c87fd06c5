// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"cmp"
	"net/http"
	"time"
)

// Options selects the variants of a [Platform], for behaviour that the sources about the API leave
// open. The zero value is the documented or most likely behaviour.
type Options struct {
	// Token is the token that the gateway accepts. If empty it accepts no request.
	Token string
	// InternalKey is the key that the gateway accepts for readiness. If empty it accepts none.
	InternalKey string
	// ImportTime returns the duration of a workspace's import. Nil means 0.
	ImportTime func(slug string) time.Duration

	// LockedStatus is the status of a pull while the lock is held. The default is 400.
	LockedStatus int
	// LockedCode and LockedMessage are the error of that response.
	LockedCode, LockedMessage string
	// LockExpiry is the age at which an abandoned lock is released. The default is 30 minutes.
	LockExpiry time.Duration

	// RefuseHeaders makes pods reject the identity headers of a direct call.
	RefuseHeaders bool
	// PodToken makes pods accept the token on a direct call.
	PodToken bool
	// PodEvents makes pods serve event queries, which belong to another service.
	PodEvents bool

	// UnknownRepositoryIs404 rejects a pull of an unknown repository. By default it silently falls
	// back to an ordinary pull.
	UnknownRepositoryIs404 bool
	// EmptyGroupIs400 rejects a pull of groups without workspaces. By default it responds with an
	// empty report.
	EmptyGroupIs400 bool

	// SkipNewer also skips a workspace if a later version is installed, by the order of the names,
	// as the guide to rollbacks suggests (platform contract §10).
	SkipNewer bool
	// HideLastPull omits lastPull from the list of workspaces.
	HideLastPull bool
	// VersionAfterFailure sets lastPull.version even if an import failed, so that the next import
	// skips the workspace.
	VersionAfterFailure bool
	// ErrorsInWorkspacesOnly omits the errors of workspaces from the report's own errors.
	ErrorsInWorkspacesOnly bool
	// NameDeleted lists the deleted files in the report of a workspace, in addition to their
	// number.
	NameDeleted bool
	// NestedErrors uses the error shape {"error":{"code","message"}}.
	NestedErrors bool
	// NoStatus responds with 404 to the status of a workspace.
	NoStatus bool
	// PageCap caps the page size of the list of workspaces.
	PageCap int

	// OnPush writes a pushed workspace to the repository, for example as a commit. Its error is
	// reported for the workspace. Nil does nothing. A dry run does not call it.
	OnPush func(Push) error
	// PushFrame encodes the payload of a push event (started, progress or completed) for the
	// stream. Nil uses the standard encoding.
	PushFrame func(kind, payload string) string
	// PushAsDocument responds to a push with one document, even if a stream was requested.
	PushAsDocument bool
	// DryRunWithoutSummary ends a dry run after the started event.
	DryRunWithoutSummary bool

	// ExportByGet rejects the documented export path with this status, and serves the other path. 0
	// disables the other path.
	ExportByGet int
	// ArchiveProcessing responds to the import of an archive before it ends.
	ArchiveProcessing bool
	// V27 implements the documented behaviour of version 27. The default is the recorded service of
	// October 2024. Differences: automations in folders keep their path, ?prune deletes, pulls read
	// nested folders, an archive needs index.yml, exports have a complete .import.yml, the label
	// production:app publishes, and the subjects and actions of rules are not validated.
	V27 bool
	// Apps are installed in addition to the apps of workspaces.
	Apps []string
	// LoseSlugs gives new workspaces another slug than requested.
	LoseSlugs bool
	// UploadLimit is the limit of the service and GatewayLimit the limit of the gateway, in bytes.
	// The default is 10 MB.
	UploadLimit, GatewayLimit int64
	// DropImported drops the events about imported archives.
	DropImported bool

	// DropCompleted drops completed events, like oversized ones.
	DropCompleted bool
	// EventLag is the delay until an event can be found.
	EventLag time.Duration
	// NoReplica omits source.host.replica from events.
	NoReplica bool
	// HideEvent removes events of a type from a page after it is cut, like missing permissions do.
	HideEvent func(eventType string) bool

	// PullsPerMinute, CreatesPerMinute and EventReadsPerMinute are rate limits per user at the
	// gateway. The defaults are 3, 3 and 40; negative means unlimited.
	PullsPerMinute, CreatesPerMinute, EventReadsPerMinute int
	// ProxyTimeout is the timeout of the gateway. The default is 60 s.
	ProxyTimeout time.Duration
	// KeepCorrelationID makes the gateway keep the correlation ID of the request.
	KeepCorrelationID bool
	// ReadinessNeedsPod makes the gateway not ready while no pod is ready.
	ReadinessNeedsPod bool
	// NativeGivesUp ends a native startup import after 5 minutes without readiness. By default it
	// keeps waiting.
	NativeGivesUp bool
}

// defaultUpload is the default upload limit, in bytes.
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

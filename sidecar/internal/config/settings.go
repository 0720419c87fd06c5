// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// EnvPrefix is the prefix of the sidecar's environment variables.
const EnvPrefix = "SIDECAR_"

// Setting describes one setting.
type Setting struct {
	// Name is the name of the flag and the key in the file.
	Name string
	// Section is the heading in the documentation.
	Section string
	// Usage describes the setting in a few words, with the placeholder of its value in backquotes.
	Usage string
	// Alias is a second environment variable. It has lower precedence, and is ignored if empty.
	Alias string
	// Fixed settings take effect only after a restart.
	Fixed bool
	// NotInFile settings are not allowed in the file.
	NotInFile bool
	value     value
}

// EnvironmentVariable returns the environment variable of the setting.
func (s *Setting) EnvironmentVariable() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Value returns the current value in the notation of the flag.
func (s *Setting) Value() string { return s.value.String() }

// Sections of the documentation.
const (
	sectionRelease  = "Release"
	sectionPlatform = "Platform"
	sectionImport   = "Import"
	sectionWait     = "Waits and retries"
	sectionHTTP     = "Server"
	sectionProgram  = "General"
)

// Settings returns all settings, backed by the fields of c, in the order of the documentation.
func (c *Config) Settings() []Setting {
	return slices.Concat(
		c.releaseSettings(), c.platformSettings(), c.importSettings(),
		c.waitSettings(), c.httpSettings(), c.programSettings(),
	)
}

func (c *Config) releaseSettings() []Setting {
	return []Setting{
		{Name: "manifest", Section: sectionRelease, value: text{&c.Manifest},
			Usage: "read the release manifest from this `file`, and its workspaces from the file beside it " +
				"(empty: /www/release/manifest.json if it exists)"},
		{Name: "repository", Section: sectionRelease, value: text{&c.Repository}, Alias: "STARTUP_IMPORT_REPOSITORY",
			Usage: "import from the platform repository with this `id` (empty: the one in the manifest)"},
		{Name: "groups", Section: sectionRelease, value: list{&c.Groups}, Alias: "STARTUP_IMPORT_GROUPS",
			Usage: "import these groups in this order: `names`, separated by commas " +
				"(empty: the groups in the manifest)"},
		{Name: "current-release-file", Section: sectionRelease, value: text{&c.CurrentReleaseFile},
			Usage: "read the current release from this `file`: sha256:DIGEST of its manifest, or an image reference; " +
				"a pod of another release imports nothing (empty: every pod imports its own release)"},
		{Name: "image", Section: sectionRelease, value: text{&c.Image},
			Usage: "compare this image `reference` of the service container in this pod with --current-release-file"},
		{Name: "service-env", Section: sectionRelease, value: list{&c.ServiceEnv},
			Usage: "assume that the service has these environment variables when check looks for values that the " +
				"workspaces require: `names`, separated by commas"},
	}
}

func (c *Config) platformSettings() []Setting {
	return []Setting{
		{Name: "platform-url", Section: sectionPlatform, value: text{&c.PlatformURL},
			Usage: "use the workspaces service of this pod at this `URL`, with or without /v2; " +
				"localhost means both 127.0.0.1 and ::1"},
		{Name: "gateway-url", Section: sectionPlatform, value: text{&c.GatewayURL},
			Usage: "query the public API at this `URL`, with or without /v2, for events, readiness of services " +
				"and expiry of the token (empty: do not query it)"},
		{Name: "token-file", Section: sectionPlatform, value: text{&c.TokenFile},
			Usage: "read the access token of a super admin from this `file`"},
		{Name: "internal-key-file", Section: sectionPlatform, value: text{&c.InternalKeyFile},
			Usage: "read the internal API key of the platform from this `file`, " +
				"to query the readiness of services without a token"},
		{Name: "identity", Section: sectionPlatform, value: newChoice(&c.Identity, IdentityHeaders, IdentityToken,
			IdentityBoth),
			Usage: "authenticate to the service of the pod with this `kind` of identity: headers, token or both"},
		{Name: "identity-headers", Section: sectionPlatform, value: headers{&c.IdentityHeaders},
			Usage: "send these identity headers instead of the default ones: `name=value`, separated by commas"},
		{Name: "ca-file", Section: sectionPlatform, value: text{&c.CAFile},
			Usage: "trust the certificate authorities in this PEM `file`, in addition to those of the system"},
		{Name: "request-timeout", Section: sectionPlatform, value: duration{&c.RequestTimeout},
			Usage: "time out requests other than imports after this `duration`"},
	}
}

func (c *Config) importSettings() []Setting {
	p := &c.Policy
	return []Setting{
		{Name: "mode", Section: sectionImport,
			value: newChoice(&p.Mode, importer.ModeAuto, importer.ModeImport, importer.ModeObserve),
			Usage: "run in this `mode`: import (the sidecar imports), observe (the service imports on its own), " +
				"auto (import if the pod accepts the identity)"},
		{Name: "gate", Section: sectionImport, value: gate{&c.Gate},
			Usage: "open the readiness gate by this `policy`: strict (once the release is confirmed), " +
				"open-after=DURATION (after that time at the latest), off (never closed)"},
		{Name: "force", Section: sectionImport,
			value: newChoice(&p.Force, importer.ForceNever, importer.ForceAlways, importer.ForceAuto),
			Usage: "apply this `policy` to workspaces that already have the version: never reimport them, always, " +
				"or auto (after a failure, or when the content differs)"},
		{Name: "tolerate", Section: sectionImport, value: newChoices(&p.Tolerate, state.TolerableReasons()...),
			Usage: "confirm a release despite workspaces that fail for these `reasons` only, separated by commas: " +
				"missing-photo, orphaned-app"},
		{Name: "reconcile", Section: sectionImport,
			value: newChoice(&p.Reconcile, importer.ReconcileNever, importer.ReconcileReport, importer.ReconcileRepair),
			Usage: "apply this `policy` to workspaces that were changed after the import: " +
				"never (do not check), report, or repair"},
		{Name: "reconcile-interval", Section: sectionImport, value: duration{&p.ReconcileEvery},
			Usage: "compare the workspaces at this `interval`"},
		{Name: "group-pause", Section: sectionImport, value: duration{&p.GroupPause},
			Usage: "pause for this `duration` after a group that imported something " +
				"(the service's own import pauses 30s)"},
		{Name: "pod-name", Section: sectionImport, value: text{&p.PodName},
			Usage: "recognize the events of this pod by this `name` (empty: the host name)"},
	}
}

func (c *Config) waitSettings() []Setting {
	p := &c.Policy
	return []Setting{
		{Name: "services", Section: sectionWait, value: list{&p.Services},
			Usage: "wait until --gateway-url reports these services ready: `names`, separated by commas " +
				"(empty: do not wait)"},
		{Name: "services-timeout", Section: sectionWait, value: duration{&p.ServicesTimeout},
			Usage: "start the import after this `duration` even if --services are not ready"},
		{Name: "group-timeout", Section: sectionWait, value: duration{&p.GroupTimeout},
			Usage: "time out one attempt at a group after this `duration`"},
		{Name: "pull-wait", Section: sectionWait, value: duration{&p.PullWait},
			Usage: "wait up to this `duration` for the response to an import (0: --group-timeout); " +
				"choose less than the timeout of any proxy in between"},
		{Name: "poll", Section: sectionWait, value: duration{&p.Poll},
			Usage: "poll the lock and the events at this `interval`"},
		{Name: "lock-expiry", Section: sectionWait, value: duration{&p.LockExpiry},
			Usage: "expect the platform to drop a write lock after this `duration` " +
				"(WORKSPACE_WRITE_LOCK_TIMEOUT_MINUTES)"},
		{Name: "retry-min", Section: sectionWait, value: duration{&p.RetryMin},
			Usage: "wait this `duration` before the first retry, and twice as long before each further one"},
		{Name: "retry-max", Section: sectionWait, value: duration{&p.RetryMax},
			Usage: "wait up to this `duration` between two retries"},
		{Name: "timeout", Section: sectionWait, value: duration{&c.Timeout},
			Usage: "time out once and check after this `duration` (0: never); run is not affected"},
	}
}

func (c *Config) httpSettings() []Setting {
	return []Setting{
		{Name: "listen", Section: sectionHTTP, value: text{&c.Listen}, Fixed: true,
			Usage: "serve probes, metrics and status on this `address`"},
		{Name: "enable-lifecycle", Section: sectionHTTP, value: boolean{&c.EnableLifecycle}, Fixed: true,
			Usage: "serve POST /-/reload and POST /-/import"},
		{Name: "admin-token-file", Section: sectionHTTP, value: text{&c.AdminTokenFile},
			Usage: "require the token in this `file` for the requests of --enable-lifecycle " +
				"(empty: accept them from this pod only)"},
		{Name: "cluster", Section: sectionHTTP, value: text{&c.Cluster}, Fixed: true,
			Usage: "show this `name` of the cluster on the status page"},
		{Name: "namespace", Section: sectionHTTP, value: text{&c.Namespace}, Fixed: true,
			Usage: "show this `name` of the namespace on the status page (empty: the namespace of the service account)"},
		{Name: "runbook-url", Section: sectionHTTP, value: text{&c.RunbookURL}, Fixed: true,
			Usage: "link from the status page to the runbooks at this `URL` (empty: the runbooks of this project)"},
		{Name: "drain-delay", Section: sectionHTTP, value: duration{&c.DrainDelay},
			Usage: "delay the response to GET /drain by at least this `duration`, because " +
				"requests still arrive while the endpoint of the pod is being removed"},
		{Name: "drain-timeout", Section: sectionHTTP, value: duration{&c.DrainTimeout},
			Usage: "wait up to this `duration` in GET /drain for a running import; " +
				"choose less than terminationGracePeriodSeconds"},
		{Name: "metrics-workspaces", Section: sectionHTTP, value: boolean{&c.MetricsWorkspaces}, Fixed: true,
			Usage: "export a metric for each workspace, up to 1000"},
	}
}

func (c *Config) programSettings() []Setting {
	return []Setting{
		{Name: "config", Section: sectionProgram, value: text{&c.File}, Fixed: true, NotInFile: true,
			Usage: "read settings from this YAML `file`, and reload them when it changes"},
		{Name: "print-config", Section: sectionProgram, value: boolean{&c.PrintConfig}, NotInFile: true,
			Usage: "print all settings in the format of --config, and exit"},
		{Name: "watch-interval", Section: sectionProgram, value: duration{&c.WatchInterval},
			Usage: "check files at this `interval` if the system does not report their changes"},
		{Name: "termination-log", Section: sectionProgram, value: text{&c.TerminationLog}, Fixed: true,
			Usage: "write the reason for an unconfirmed release to this `file`, if it exists (terminationMessagePath)"},
		{Name: "log-format", Section: sectionProgram, value: newChoice(&c.LogFormat, LogAuto, LogJSON, LogText), Fixed: true,
			Usage: "write the log in this `format`: json, text or auto (text on a terminal)"},
		{Name: "log-level", Section: sectionProgram, value: newChoice(&c.LogLevel, "debug", "info", "warn", "error"),
			Usage: "log messages of this `level` and above: debug, info, warn or error"},
	}
}

// SplitUsage splits the usage into the placeholder, which is empty for a boolean, and the text without
// backquotes.
func (s *Setting) SplitUsage() (placeholder, usage string) {
	before, rest, ok := strings.Cut(s.Usage, "`")
	if !ok {
		return "", s.Usage
	}
	name, after, _ := strings.Cut(rest, "`")
	return name, before + name + after
}

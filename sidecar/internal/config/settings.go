// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// EnvPrefix starts the names of the sidecar's environment variables.
const EnvPrefix = "SIDECAR_"

// Setting describes one setting.
type Setting struct {
	// Name is the flag, and the key of the file.
	Name string
	// Section is the heading under which it is documented.
	Section string
	// Usage says in a few words what it is, the name of its value in backquotes.
	Usage string
	// Alias is a second environment variable, of less weight, that counts unless empty.
	Alias string
	// Fixed settings need a new process to change.
	Fixed bool
	// NotInFile settings cannot stand in the file.
	NotInFile bool
	value     value
}

// Env is the environment variable of the setting.
func (s *Setting) Env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Value is the value in force, in the notation of the flag.
func (s *Setting) Value() string { return s.value.String() }

// The sections.
const (
	sectionRelease  = "What is imported"
	sectionPlatform = "The platform"
	sectionImport   = "How it is imported"
	sectionWait     = "Waiting and retries"
	sectionHTTP     = "What the sidecar serves"
	sectionProgram  = "The program"
)

// Settings lists all settings with the values of c, in the order of the documentation.
func (c *Config) Settings() []Setting {
	return slices.Concat(c.releaseSettings(), c.platformSettings(), c.importSettings(), c.waitSettings(), c.httpSettings(), c.programSettings())
}

func (c *Config) releaseSettings() []Setting {
	return []Setting{
		{Name: "manifest", Section: sectionRelease, value: text{&c.Manifest},
			Usage: "`file` with the release manifest (empty: /www/release/manifest.json if it exists)"},
		{Name: "repository", Section: sectionRelease, value: text{&c.Repository}, Alias: "STARTUP_IMPORT_REPOSITORY",
			Usage: "`id` of the platform repository (empty: the manifest's)"},
		{Name: "groups", Section: sectionRelease, value: list{&c.Groups}, Alias: "STARTUP_IMPORT_GROUPS",
			Usage: "`names` of the groups in import order, with commas (empty: the manifest's)"},
		{Name: "current-release-file", Section: sectionRelease, value: text{&c.CurrentReleaseFile},
			Usage: "`file` that says which release is the current one: sha256:DIGEST of its manifest, or an image reference; a pod of another release imports nothing (empty: every pod imports its own)"},
		{Name: "image", Section: sectionRelease, value: text{&c.Image},
			Usage: "`reference` of the image of the service's container in this pod, to compare with --current-release-file"},
		{Name: "service-env", Section: sectionRelease, value: list{&c.ServiceEnv},
			Usage: "`names` of environment variables that the service has, with commas: check looks for the values there that the workspaces require"},
	}
}

func (c *Config) platformSettings() []Setting {
	return []Setting{
		{Name: "platform-url", Section: sectionPlatform, value: text{&c.PlatformURL},
			Usage: "`URL` of the workspaces service of this pod, with or without /v2; localhost means both 127.0.0.1 and ::1"},
		{Name: "gateway-url", Section: sectionPlatform, value: text{&c.GatewayURL},
			Usage: "`URL` of the public API, with or without /v2: for events, readiness of services, expiry of the token (empty: none)"},
		{Name: "token-file", Section: sectionPlatform, value: text{&c.TokenFile},
			Usage: "`file` with the access token of a super admin"},
		{Name: "internal-key-file", Section: sectionPlatform, value: text{&c.InternalKeyFile},
			Usage: "`file` with the platform's internal API key, for the readiness of services without a token"},
		{Name: "identity", Section: sectionPlatform, value: oneOf(&c.Identity, IdentityHeaders, IdentityToken, IdentityBoth),
			Usage: "`kind` of identity towards the service of the pod: headers, token or both"},
		{Name: "identity-headers", Section: sectionPlatform, value: headers{&c.IdentityHeaders},
			Usage: "`name=value` of the identity headers, with commas; replaces all of them"},
		{Name: "ca-file", Section: sectionPlatform, value: text{&c.CAFile},
			Usage: "`file` with certificate authorities to trust beside the system's"},
		{Name: "request-timeout", Section: sectionPlatform, value: duration{&c.RequestTimeout},
			Usage: "`time` for a request other than an import"},
	}
}

func (c *Config) importSettings() []Setting {
	p := &c.Policy
	return []Setting{
		{Name: "mode", Section: sectionImport, value: oneOf(&p.Mode, importer.ModeAuto, importer.ModeImport, importer.ModeObserve),
			Usage: "`mode`: import (the sidecar imports), observe (the service does by itself), auto (import if the pod accepts the identity)"},
		{Name: "gate", Section: sectionImport, value: gate{&c.Gate},
			Usage: "`policy` of readiness: strict (Ready once the release is confirmed), open-after=DURATION (or after that time), off"},
		{Name: "force", Section: sectionImport, value: oneOf(&p.Force, importer.ForceNever, importer.ForceAlways, importer.ForceAuto),
			Usage: "`policy` for workspaces that have the version already: never import them again, always, or auto (after a failure, or when the content differs)"},
		{Name: "tolerate", Section: sectionImport, value: someOf(&p.Tolerate, state.Tolerable()...),
			Usage: "`reasons` that do not keep a release from being confirmed if a workspace has no other, with commas: missing-photo, orphaned-app"},
		{Name: "reconcile", Section: sectionImport, value: oneOf(&p.Reconcile, importer.ReconcileNever, importer.ReconcileReport, importer.ReconcileRepair),
			Usage: "`policy` for workspaces that were changed after the import: never look, report, or repair"},
		{Name: "reconcile-interval", Section: sectionImport, value: duration{&p.ReconcileEvery},
			Usage: "`time` between two comparisons"},
		{Name: "group-pause", Section: sectionImport, value: duration{&p.GroupPause},
			Usage: "`time` between a group that imported something and the next one (the service's own import takes 30s)"},
		{Name: "pod-name", Section: sectionImport, value: text{&p.PodName},
			Usage: "`name` of this pod, by which its events are known (empty: the host name)"},
	}
}

func (c *Config) waitSettings() []Setting {
	p := &c.Policy
	return []Setting{
		{Name: "services", Section: sectionWait, value: list{&p.Services},
			Usage: "`names` of services that shall be ready before the import, asked of --gateway-url (empty: none)"},
		{Name: "services-timeout", Section: sectionWait, value: duration{&p.ServicesTimeout},
			Usage: "`time` after which the import starts without them"},
		{Name: "group-timeout", Section: sectionWait, value: duration{&p.GroupTimeout}, Usage: "`time` for one attempt at a group"},
		{Name: "pull-wait", Section: sectionWait, value: duration{&p.PullWait},
			Usage: "`time` that the platform may hold the answer to an import (0: --group-timeout); below the gateway's time-out if it goes through one"},
		{Name: "poll", Section: sectionWait, value: duration{&p.Poll}, Usage: "longest `time` between two looks at the lock or at events"},
		{Name: "lock-expiry", Section: sectionWait, value: duration{&p.LockExpiry},
			Usage: "`age` at which the platform drops a write lock (WORKSPACE_WRITE_LOCK_TIMEOUT_MINUTES)"},
		{Name: "retry-min", Section: sectionWait, value: duration{&p.RetryMin}, Usage: "`time` before the first retry, doubled with each one"},
		{Name: "retry-max", Section: sectionWait, value: duration{&p.RetryMax}, Usage: "longest `time` between two retries"},
		{Name: "timeout", Section: sectionWait, value: duration{&c.Timeout},
			Usage: "`time` after which once and check give up (0: never); run never does"},
	}
}

func (c *Config) httpSettings() []Setting {
	return []Setting{
		{Name: "listen", Section: sectionHTTP, value: text{&c.Listen}, Fixed: true, Usage: "`address` of probes, metrics and status"},
		{Name: "enable-lifecycle", Section: sectionHTTP, value: boolean{&c.EnableLifecycle}, Fixed: true,
			Usage: "answer POST /-/reload and POST /-/import"},
		{Name: "admin-token-file", Section: sectionHTTP, value: text{&c.AdminTokenFile},
			Usage: "`file` with the token that these two want (empty: they answer to this pod only)"},
		{Name: "cluster", Section: sectionHTTP, value: text{&c.Cluster}, Fixed: true, Usage: "`name` of the cluster, for the status page"},
		{Name: "namespace", Section: sectionHTTP, value: text{&c.Namespace}, Fixed: true,
			Usage: "`name` of the pod's namespace, for the status page (empty: as its service account says)"},
		{Name: "runbook-url", Section: sectionHTTP, value: text{&c.RunbookURL}, Fixed: true,
			Usage: "`URL` of a copy of docs/runbooks that the status page links to (empty: that of this project)"},
		{Name: "drain-delay", Section: sectionHTTP, value: duration{&c.DrainDelay},
			Usage: "shortest `time` that GET /drain takes: requests still arrive while the pod's endpoint is being removed"},
		{Name: "drain-timeout", Section: sectionHTTP, value: duration{&c.DrainTimeout},
			Usage: "longest `time` that GET /drain waits for the end of an import; below terminationGracePeriodSeconds"},
		{Name: "metrics-workspaces", Section: sectionHTTP, value: boolean{&c.MetricsWorkspaces}, Fixed: true,
			Usage: "export a metric for each workspace, at most 1000"},
	}
}

func (c *Config) programSettings() []Setting {
	return []Setting{
		{Name: "config", Section: sectionProgram, value: text{&c.File}, Fixed: true, NotInFile: true, Usage: "`file` with settings, in YAML; reloaded when it changes"},
		{Name: "print-config", Section: sectionProgram, value: boolean{&c.PrintConfig}, NotInFile: true,
			Usage: "print the settings in force as such a file, and stop"},
		{Name: "watch-interval", Section: sectionProgram, value: duration{&c.WatchInterval},
			Usage: "`time` between two looks at files whose change nobody told"},
		{Name: "termination-log", Section: sectionProgram, value: text{&c.TerminationLog}, Fixed: true,
			Usage: "`file` that says why the release was not confirmed, if it exists (terminationMessagePath)"},
		{Name: "log-format", Section: sectionProgram, value: oneOf(&c.LogFormat, LogAuto, LogJSON, LogText), Fixed: true,
			Usage: "`format` of the log: json, text or auto (text on a terminal)"},
		{Name: "log-level", Section: sectionProgram, value: oneOf(&c.LogLevel, "debug", "info", "warn", "error"),
			Usage: "`level` of the log: debug, info, warn or error"},
	}
}

// Text splits the usage into the name of the value, empty for a switch, and the
// text without backquotes.
func (s *Setting) Text() (placeholder, usage string) {
	before, rest, ok := strings.Cut(s.Usage, "`")
	if !ok {
		return "", s.Usage
	}
	name, after, _ := strings.Cut(rest, "`")
	return strings.ToUpper(name), before + name + after
}

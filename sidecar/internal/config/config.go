// SPDX-License-Identifier: Apache-2.0

// Package config loads the settings of the sidecar. The command line takes precedence over the
// environment, the environment over the configuration file, and the file over the defaults.
//
// Every setting is a flag. Flag --token-file is environment variable SIDECAR_TOKEN_FILE, and key
// token-file in the YAML file. Unknown names are errors, because a misspelt name would have no
// effect.
//
// Settings hold the paths of secrets, never the secrets. Errors of this package do not repeat
// values that could be a secret by mistake.
package config

import (
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Identity selects how the sidecar authenticates to the service of its pod.
type Identity string

// Identities. IdentityBoth adds the token, if there is one, to the headers.
const (
	IdentityHeaders Identity = "headers"
	IdentityToken   Identity = "token"
	IdentityBoth    Identity = "both"
)

// Log formats. LogAuto is text on a terminal, otherwise JSON.
const (
	LogAuto = "auto"
	LogJSON = "json"
	LogText = "text"
)

// Config holds the value of every setting. It is immutable after loading.
type Config struct {
	// Repository and Groups select what to import. If empty, the manifest decides.
	Repository string
	Groups     []string
	// ServiceEnv lists names of variables in the service's environment.
	ServiceEnv []string
	// Manifest is the path of the release manifest. If empty, [release.ManifestPath] is used if it
	// exists: see [Config.ManifestPath].
	Manifest string
	// CurrentReleaseFile is the path of the file that names the current release. Empty means none.
	CurrentReleaseFile string
	// Image is the image reference of the service's container in this pod.
	Image string

	PlatformURL string
	// GatewayURL is the URL of the public API. Empty means none.
	GatewayURL     string
	CAFile         string
	RequestTimeout time.Duration

	Identity        Identity
	IdentityHeaders map[string]string
	// TokenFile and InternalKeyFile are paths of credentials. Empty means none.
	TokenFile       string
	InternalKeyFile string

	Policy importer.Policy
	Gate   state.GatePolicy
	// Timeout bounds the once and check commands. Zero means no limit.
	Timeout time.Duration

	Listen          string
	EnableLifecycle bool
	AdminTokenFile  string
	// Cluster and Namespace are shown on the status page. If Namespace is empty, the pod's
	// namespace is used if it is known. RunbookURL is the URL of docs/runbooks.
	Cluster    string
	Namespace  string
	RunbookURL string
	// DrainDelay is the minimum and DrainTimeout the maximum duration of GET /drain.
	DrainDelay, DrainTimeout time.Duration

	MetricsWorkspaces bool

	File           string
	PrintConfig    bool
	WatchInterval  time.Duration
	TerminationLog string
	LogFormat      string
	LogLevel       string
}

// Default returns the default settings. podName is the name of this pod or host.
func Default(podName string) *Config {
	c := &Config{
		PlatformURL:     "http://localhost:80",
		RequestTimeout:  platform.DefaultTimeout,
		Identity:        IdentityBoth,
		IdentityHeaders: platform.LocalHeaders(),
		Policy:          importer.DefaultPolicy(),
		Timeout:         time.Hour,
		Listen:          ":9400",
		DrainTimeout:    50 * time.Second,
		WatchInterval:   30 * time.Second,
		TerminationLog:  "/dev/termination-log",
		LogFormat:       LogAuto,
		LogLevel:        "info",
	}
	c.Policy.PodName = podName
	// All services except workspaces, which may need this pod to be Ready (platform contract §0,
	// finding 10).
	c.Policy.Services = []string{"api-gateway", "runtime", "events"}
	return c
}

// ManifestPath returns the path of the manifest, and whether it must exist.
func (c *Config) ManifestPath() (path string, required bool) {
	if c.Manifest != "" {
		return c.Manifest, true
	}
	return release.ManifestPath, false
}

// SPDX-License-Identifier: Apache-2.0

// Package config finds the value of every setting of the sidecar: on the command
// line, else in the environment, else in the configuration file, else its default.
//
// A setting is a flag. Flag --token-file is the environment variable
// SIDECAR_TOKEN_FILE, and token-file in the YAML file. What nobody knows is an
// error: a misspelt name would be without effect.
//
// Settings hold no secret, but names of files that do. No error of this package
// repeats a value that could hold one by mistake.
package config

import (
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Identity says how the sidecar identifies itself to the service of its pod.
type Identity string

// The identities. IdentityBoth sends the token beside the headers if there is one.
const (
	IdentityHeaders Identity = "headers"
	IdentityToken   Identity = "token"
	IdentityBoth    Identity = "both"
)

// The formats of the log. LogAuto is text on a terminal, else JSON.
const (
	LogAuto = "auto"
	LogJSON = "json"
	LogText = "text"
)

// Config is the value of every setting. It is not changed once it is loaded.
type Config struct {
	// Repository and Groups to import; empty for those of the manifest.
	Repository string
	Groups     []string
	// ServiceEnv names variables of the service's environment.
	ServiceEnv []string
	// Manifest is the path of the release manifest. The empty default stands for
	// [release.ManifestPath] if there is such a file: see [Config.ManifestPath].
	Manifest string
	// CurrentReleaseFile names the file that says which release shall run, empty for none.
	CurrentReleaseFile string
	// Image is the image reference of the service's container in this pod.
	Image string

	PlatformURL string
	// GatewayURL is the public API, empty for none.
	GatewayURL     string
	CAFile         string
	RequestTimeout time.Duration

	Identity        Identity
	IdentityHeaders map[string]string
	// TokenFile, InternalKeyFile and AdminTokenFile name files, empty for none.
	TokenFile       string
	InternalKeyFile string

	Policy importer.Policy
	Gate   state.GatePolicy
	// Timeout of the commands that end; 0 is none.
	Timeout time.Duration

	Listen          string
	EnableLifecycle bool
	AdminTokenFile  string
	// Cluster and Namespace are names for the status page; an empty namespace is
	// that of the pod, if it is known. RunbookURL is where docs/runbooks is.
	Cluster    string
	Namespace  string
	RunbookURL string
	// DrainDelay is the least, DrainTimeout the most that GET /drain takes.
	DrainDelay, DrainTimeout time.Duration

	MetricsWorkspaces bool

	File           string
	PrintConfig    bool
	WatchInterval  time.Duration
	TerminationLog string
	LogFormat      string
	LogLevel       string
}

// Default returns the defaults. Podname is the name of this pod or host.
func Default(podName string) *Config {
	c := &Config{
		PlatformURL: "http://localhost:80", RequestTimeout: platform.DefaultTimeout,
		Identity: IdentityBoth, IdentityHeaders: platform.LocalHeaders(),
		Policy: importer.DefaultPolicy(), Timeout: time.Hour,
		Listen: ":9400", DrainTimeout: 50 * time.Second, WatchInterval: 30 * time.Second, TerminationLog: "/dev/termination-log",
		LogFormat: LogAuto, LogLevel: "info",
	}
	c.Policy.PodName = podName
	// All but workspaces, which may need this pod to be Ready (contract §0, finding 10).
	c.Policy.Services = []string{"api-gateway", "runtime", "events"}
	return c
}

// ManifestPath is where the manifest is, and whether it has to be there.
func (c *Config) ManifestPath() (path string, required bool) {
	if c.Manifest != "" {
		return c.Manifest, true
	}
	return release.ManifestPath, false
}

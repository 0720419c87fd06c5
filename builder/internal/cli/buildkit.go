// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
)

const (
	flagBuildkitAddr = "buildkit-addr"
	// envBuildkitHost is buildctl's variable for the address of the daemon.
	envBuildkitHost = "BUILDKIT_HOST"
)

// buildkitFlags say which BuildKit daemon builds, in place of the engine in this
// process. But for the prefix, those for TLS are buildctl's.
type buildkitFlags struct{ engine.RemoteOptions }

func (f *buildkitFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.Address, flagBuildkitAddr, "", "`address` of a BuildKit daemon that builds: unix://, tcp://, docker-container://, podman-container://, kube-pod:// or ssh:// (default: BUILDKIT_HOST; empty for none)")
	flags.StringVar(&f.CAFile, "buildkit-tlscacert", "", "`file` with the authorities of the daemon's certificate")
	flags.StringVar(&f.CertFile, "buildkit-tlscert", "", "`file` with the certificate to show to the daemon")
	flags.StringVar(&f.KeyFile, "buildkit-tlskey", "", "`file` with the key of that certificate")
	flags.StringVar(&f.ServerName, "buildkit-tlsservername", "", "`name` in the daemon's certificate (default: that of the address); without authorities, those of the system are trusted")
	flags.BoolVar(&f.Insecure, "buildkit-insecure", false, "allow tcp:// without TLS to another machine, in the clear with all credentials")
}

// buildkitAccessFlags say how a daemon is reached.
var buildkitAccessFlags = []string{
	"buildkit-tlscacert", "buildkit-tlscert", "buildkit-tlskey", "buildkit-tlsservername", "buildkit-insecure",
}

// remote returns nil where this process builds.
func (f *buildkitFlags) remote(a *app) (*engine.Remote, error) {
	opts := f.RemoteOptions
	if !a.running.Flags().Changed(flagBuildkitAddr) {
		opts.Address = a.env[envBuildkitHost]
	}
	if opts.Address == "" {
		return nil, a.refuseUnused("--"+flagBuildkitAddr, buildkitAccessFlags...)
	}
	remote, err := engine.NewRemote(opts)
	if err != nil {
		return nil, usageError(a.running, err)
	}
	return remote, nil
}

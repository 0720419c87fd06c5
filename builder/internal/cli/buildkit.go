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

// buildkitFlags select a BuildKit daemon instead of the engine in this process. Except for their
// prefix, the TLS flags are those of buildctl.
type buildkitFlags struct{ engine.RemoteOptions }

func (f *buildkitFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.Address, flagBuildkitAddr, "", "build with the BuildKit daemon at this `address` (unix://, "+
		"tcp://, docker-container://, podman-container://, kube-pod:// or ssh://) instead of in this process (default: "+
		"$BUILDKIT_HOST)")
	flags.StringVar(&f.CAFile, "buildkit-tlscacert", "", "trust the certificate authorities in this PEM `file` "+
		"for the daemon (default: those of the system)")
	flags.StringVar(&f.CertFile, "buildkit-tlscert", "", "present the client certificate in this PEM `file` to the "+
		"daemon")
	flags.StringVar(&f.KeyFile, "buildkit-tlskey", "", "read the key of the client certificate from this PEM `file`")
	flags.StringVar(&f.ServerName, "buildkit-tlsservername", "", "expect this `name` in the certificate of the "+
		"daemon (default: the host in its address)")
	flags.BoolVar(&f.Insecure, "buildkit-insecure", false, "allow tcp:// without TLS to another machine, which "+
		"sends credentials in the clear")
	assignGroup(flags, groupBuildKit)
}

// buildkitAccessFlags are the flags for the connection to a daemon.
var buildkitAccessFlags = []string{
	"buildkit-tlscacert", "buildkit-tlscert", "buildkit-tlskey", "buildkit-tlsservername", "buildkit-insecure",
}

// newRemote returns nil if this process builds.
func (f *buildkitFlags) newRemote(a *app) (*engine.Remote, error) {
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

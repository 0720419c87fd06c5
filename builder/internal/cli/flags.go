// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// sourceFlags select the workspaces and how they are read.
type sourceFlags struct {
	ref, subdir               string
	gitUser, gitTokenFile     string
	sshKey, gitCA             string
	gitCert, gitKey           string
	maxFileSize, maxTotalSize byteSize
	maxFiles                  count
	exclude                   []string
	workspace                 string
	groupsOf, versionOf       []string
	defaultGroup              string
	defaultVersion            string
}

func (f *sourceFlags) register(flags *pflag.FlagSet) {
	f.registerPlace(flags)
	f.registerLayout(flags)
}

// registerPlace registers the flags that locate the source.
func (f *sourceFlags) registerPlace(flags *pflag.FlagSet) {
	flags.StringVar(&f.ref, "ref", "", "read this Git `ref`: a branch, tag or commit (default: the default "+
		"branch of the repository)")
	flags.StringVar(&f.subdir, "subdir", "", "read the workspaces in this `directory` of SOURCE (default: the "+
		"top, or the only directory that has workspaces)")
	assignGroup(flags, groupSource)
	f.registerAccess(flags)
}

// registerLayout registers the flags that select what ships.
func (f *sourceFlags) registerLayout(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.exclude, "leave-out", nil, "leave out the files and directories that match this .gitignore "+
		"`pattern`, in addition to those in .releaseignore (repeat)")
	flags.StringArrayVar(&f.groupsOf, "workspace-groups", nil, "put a workspace into these groups if its .import.yml "+
		"has none: `slug=group,…` (repeat)")
	flags.StringArrayVar(&f.versionOf, "workspace-version", nil, "give a workspace this version name if its .import.yml "+
		"has none: `slug=name` (repeat)")
	flags.StringVar(&f.defaultGroup, "default-group", "", "put every workspace without a group in .import.yml or "+
		"--workspace-groups into this `group`")
	flags.StringVar(&f.defaultVersion, "default-version", "", "give every workspace without a version in .import.yml or "+
		"--workspace-version this version `name`; commit stands for the commit, and release for the name of the release")
	flags.StringVar(&f.workspace, "workspace", "", "use this `slug` if SOURCE is a single workspace and its index.yml "+
		"has none")
	assignGroup(flags, groupSource)
}

// registerAccess registers the access flags only, without --ref and --subdir.
func (f *sourceFlags) registerAccess(flags *pflag.FlagSet) {
	limits := source.DefaultLimits()
	f.maxFileSize = byteSize(limits.FileSize)
	f.maxTotalSize = byteSize(limits.TotalSize)
	f.maxFiles = count(limits.Files)
	flags.StringVar(&f.gitUser, "git-username", "", "log in to the Git server as this `user`, with the token "+
		"(default: depends on the server)")
	flags.StringVar(&f.gitTokenFile, "git-token-file", "", "read the token for the Git server from this `file`")
	flags.StringVar(&f.sshKey, "git-ssh-key-file", "", "log in to the Git server with the SSH key in this "+
		"`file` (default: the SSH agent)")
	flags.StringVar(&f.gitCA, "git-ca", "", "trust the certificate authorities in this PEM `file` for the Git server, "+
		"in addition to those of the system")
	flags.StringVar(&f.gitCert, "git-client-cert", "", "present the client certificate in this PEM `file` to the Git "+
		"server")
	flags.StringVar(&f.gitKey, "git-client-key", "", "read the key of --git-client-cert from this PEM `file` "+
		"(default: the same file)")
	assignGroup(flags, groupSource)
	flags.Var(&f.maxFileSize, "max-file-size", "refuse files larger than this `size`")
	flags.Var(&f.maxTotalSize, "max-total-size", "refuse a source whose files together are larger than this `size`")
	flags.Var(&f.maxFiles, "max-files", "refuse a source with more than this `number` of files")
	assignGroup(flags, groupLimits)
}

func (f *sourceFlags) buildInput(a *app, arg string) (pipeline.Input, error) {
	spec, err := source.Parse(arg)
	if err != nil {
		return pipeline.Input{}, withCode(exitUsage, err)
	}
	if !spec.IsRemote() {
		if err := a.refuseUnused("a SOURCE on a Git server", gitFlags...); err != nil {
			return pipeline.Input{}, err
		}
	}
	if spec, err = spec.With(f.ref, f.subdir); err != nil {
		return pipeline.Input{}, withCode(exitUsage, err)
	}
	opts := source.Options{
		TempDir: a.tempDir(),
		Auth:    git.Auth{Getenv: a.getenv},
		Limits:  f.parseLimits(),
		Notify:  a.notes.addNote,
	}
	for _, glob := range f.exclude {
		if err := source.CheckGlob(glob); err != nil {
			return pipeline.Input{}, withCode(exitUsage, fmt.Errorf("--leave-out: %w", err))
		}
	}
	opts.Exclude = f.exclude
	opts.Workspace = f.workspace
	opts.Username = f.gitUser
	opts.SSHKeyFile = f.sshKey
	opts.CAFile = f.gitCA
	opts.ClientCertFile = f.gitCert
	opts.ClientKeyFile = f.gitKey
	if f.gitTokenFile != "" {
		if opts.Token, err = secret.ReadFile(f.gitTokenFile); err != nil {
			return pipeline.Input{}, withCode(exitUsage, fmt.Errorf("--git-token-file: %w", err))
		}
	}
	defaults, err := f.parseDefaults()
	if err != nil {
		return pipeline.Input{}, withCode(exitUsage, err)
	}
	return pipeline.Input{Spec: spec, Source: opts, Defaults: defaults, Release: a.releaseName()}, nil
}

// parseDefaults returns the values for workspaces whose .import.yml lacks them.
func (f *sourceFlags) parseDefaults() (workspace.Defaults, error) {
	d := workspace.Defaults{
		Group:    f.defaultGroup,
		Version:  f.defaultVersion,
		Groups:   map[string][]string{},
		Versions: map[string]string{},
	}
	for _, text := range f.groupsOf {
		slug, list, ok := strings.Cut(text, "=")
		if !ok || slug == "" || list == "" {
			return d, fmt.Errorf("--workspace-groups %q is not slug=group,…", text)
		}
		d.Groups[slug] = strings.Split(list, ",")
	}
	for _, text := range f.versionOf {
		slug, name, ok := strings.Cut(text, "=")
		if !ok || slug == "" || name == "" {
			return d, fmt.Errorf("--workspace-version %q is not slug=name", text)
		}
		d.Versions[slug] = name
	}
	return d, nil
}

func (f *sourceFlags) parseLimits() source.Limits {
	return source.Limits{FileSize: int64(f.maxFileSize), TotalSize: int64(f.maxTotalSize), Files: int(f.maxFiles)}
}

// checkFlags configure the validation.
type checkFlags struct {
	groups         []string
	strict         bool
	checksums      formatFlag
	maxDiagnostics maxCount
}

func (f *checkFlags) register(flags *pflag.FlagSet) {
	f.registerChecks(flags)
	f.maxDiagnostics = defaultMaxDiagnostics
	flags.Var(&f.maxDiagnostics, maxDiagnosticsFlag, "print at most this `number` of problems in the workspaces; 0 "+
		"prints all")
	assignGroup(flags, groupOutput)
}

// registerChecks registers the flags without those for the output.
func (f *checkFlags) registerChecks(flags *pflag.FlagSet) {
	f.registerGroups(flags)
	flags.BoolVar(&f.strict, "strict", false, "treat warnings as errors")
	f.checksums = formatFlag{value: string(workspace.ChecksumsWarn)}
	for _, mode := range workspace.ChecksumModes() {
		f.checksums.allowed = append(f.checksums.allowed, string(mode))
	}
	flags.Var(&f.checksums, "checksums", "choose what to do if a file does not match its checksum in .import.yml, as "+
		"after an edit in Git: warn (once for each workspace), verify (fail), refresh (write the correct checksums into "+
		"the image), or ignore")
	assignGroup(flags, groupValidation)
}

func (f *checkFlags) registerGroups(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.groups, "group", nil, "add this group to the import order, with these labels for its "+
		"workspaces: `name[=label,…]` (repeat in import order; default: the groups that the workspaces name)")
	assignGroup(flags, groupRelease)
}

// buildChecks returns the checks of a validation without a scan.
func (f *checkFlags) buildChecks() (pipeline.Checks, error) {
	options, err := f.buildOptions()
	return pipeline.Checks{Workspaces: options, Strict: f.strict}, err
}

func (f *checkFlags) buildOptions() (*workspace.Options, error) {
	options := &workspace.Options{Checksums: workspace.ChecksumMode(f.checksums.value)}
	var named []release.Group
	for _, text := range f.groups {
		name, labels, _ := strings.Cut(text, "=")
		g := workspace.Group{Name: strings.TrimSpace(name)}
		if labels != "" {
			g.Labels = strings.Split(labels, ",")
		}
		if g.Name == "" {
			return nil, withCode(exitUsage, fmt.Errorf("group %q has no name", text))
		}
		options.Groups = append(options.Groups, g)
		named = append(named, release.Group{Name: g.Name, Labels: g.Labels})
	}
	if err := image.CheckGroups(named); err != nil {
		return nil, withCode(exitUsage, err)
	}
	return options, nil
}

// registryFlags configure access to registries.
type registryFlags struct {
	insecure, ca, mirrors, certs []string
}

func (f *registryFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.insecure, "insecure-registry", nil, "allow plain HTTP and unverified TLS for this "+
		"registry: `host[:port]` (repeat)")
	flags.StringArrayVar(&f.ca, "registry-ca", nil, "trust the certificate authorities in this PEM `file` for "+
		"registries, in addition to those of the system (repeat)")
	flags.StringArrayVar(&f.certs, "registry-client-cert", nil, "present a client certificate, in PEM files, to a "+
		"registry: `registry=cert[,key]` (repeat)")
	flags.StringArrayVar(&f.mirrors, "registry-mirror", nil, "read the base from a mirror of its registry "+
		"first: `registry=mirror` (repeat)")
	assignGroup(flags, groupRegistry)
}

func (f *registryFlags) newClient(a *app) (*registry.Client, error) {
	mirrors := map[string][]string{}
	for _, text := range f.mirrors {
		host, mirror, ok := strings.Cut(text, "=")
		if !ok {
			return nil, withCode(exitUsage, fmt.Errorf("registry mirror %q is not registry=mirror", text))
		}
		mirrors[host] = append(mirrors[host], mirror)
	}
	certs, err := f.parseClientCerts()
	if err != nil {
		return nil, err
	}
	client, err := registry.New(registry.Options{
		InsecureRegistries: f.insecure,
		ClientCerts:        certs,
		CAFiles:            f.ca,
		Mirrors:            mirrors,
		Notify:             a.notes.addNote,
		Getenv:             a.getenv,
	})
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return client, nil
}

// parseClientCerts returns the files of --registry-client-cert by registry.
func (f *registryFlags) parseClientCerts() (map[string]registry.ClientCert, error) {
	certs := map[string]registry.ClientCert{}
	for _, text := range f.certs {
		host, files, _ := strings.Cut(text, "=")
		cert, key, _ := strings.Cut(files, ",")
		if host == "" || cert == "" {
			return nil, withCode(exitUsage, fmt.Errorf("--registry-client-cert %q is not registry=cert[,key]", text))
		}
		if _, twice := certs[host]; twice {
			return nil, withCode(exitUsage, fmt.Errorf("--registry-client-cert: %s is named twice", host))
		}
		certs[host] = registry.ClientCert{CertFile: cert, KeyFile: key}
	}
	return certs, nil
}

// byteSize is a flag in bytes with Docker's units: 50MiB.
type byteSize int64

func (b *byteSize) String() string { return units.BytesSize(float64(*b)) }
func (b *byteSize) Type() string   { return "size" }

func (b *byteSize) Set(text string) error {
	n, err := units.RAMInBytes(text)
	if err != nil {
		return err
	}
	if n <= 0 {
		return fmt.Errorf("%s is not a positive size", strconv.Quote(text))
	}
	*b = byteSize(n)
	return nil
}

// formatFlag is a flag with an enumerated value; the first one is the default.
type formatFlag struct {
	value   string
	allowed []string
}

func newFormat(allowed ...string) formatFlag { return formatFlag{value: allowed[0], allowed: allowed} }

func (f *formatFlag) String() string { return f.value }
func (f *formatFlag) Type() string   { return strings.Join(f.allowed, "|") }

// register registers the flag as the format of standard output.
func (f *formatFlag) register(flags *pflag.FlagSet) {
	flags.Var(f, "format", "print the result in this format")
	assignGroup(flags, groupOutput)
}

func (f *formatFlag) Set(text string) error {
	for _, allowed := range f.allowed {
		if text == allowed {
			f.value = text
			return nil
		}
	}
	return fmt.Errorf("%q is not one of %s", text, strings.Join(f.allowed, ", "))
}

// progressFlag selects how progress is shown.
type progressFlag struct{ mode string }

func (f *progressFlag) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.mode, "progress", "auto", "show progress on standard error: `auto|tty|plain|rawjson|quiet`; tty "+
		"updates one line in place; auto is tty on a terminal and plain elsewhere")
	assignGroup(flags, groupOutput)
}

// onTerminal shows progress only on a terminal, not in a log.
var onTerminal = progressFlag{"terminal"}

// newDisplay returns a display on standard error.
func (f progressFlag) newDisplay(a *app) (*progress.Display, error) {
	dumb := a.env["TERM"] == "dumb"
	mode := f.mode
	switch {
	case f == onTerminal && (dumb || !terminal.IsTerminal(a.Err)):
		mode = "quiet"
	case f == onTerminal:
		mode = "tty"
	case mode == "auto" && dumb:
		mode = "plain"
	}
	display, err := progress.New(a.Err, mode)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return display, nil
}

// useColor reports whether to write colours to w: on a terminal, unless NO_COLOR is set
// (no-color.org).
func (a *app) useColor(w io.Writer) bool {
	return a.env["NO_COLOR"] == "" && a.env["TERM"] != "dumb" && terminal.IsTerminal(w)
}

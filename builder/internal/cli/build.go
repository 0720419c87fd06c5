// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/epoch"
	"github.com/prismeai/workspaces-release/internal/release"
)

// scratchBase stands for no base, as in a Dockerfile.
const scratchBase = "scratch"

// imageFlags configure the image.
type imageFlags struct {
	base                string
	release             string
	repositoryID        string
	repositoryName      string
	directory           string
	platforms           []string
	labels, annotations []string
	replace, keep       bool
	stamp               formatFlag
	compression         string
}

func (f *imageFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.base, "base", "", "build on this `image`, or on scratch for an image of the workspaces "+
		"alone (required)")
	flags.StringVar(&f.release, "release", "", "give the release this `name` (default: the commit)")
	flags.StringVar(&f.repositoryID, "repository-id", "release", "provide the workspaces as the platform "+
		"repository with this `id`")
	flags.StringVar(&f.repositoryName, "repository-name", "", "give the platform repository this `name` (default: "+
		"Release and the name of the release)")
	flags.StringVar(&f.directory, "directory", "/www/workspaces", "put the workspaces into this `directory` of "+
		"the image")
	flags.StringArrayVar(&f.platforms, "platform", nil, "build for this platform: `os/arch` (repeat, or "+
		"separate with commas; default: the platforms of the base)")
	flags.StringArrayVar(&f.labels, "label", nil, "add a label to the image: `key=value` (repeat)")
	flags.StringArrayVar(&f.annotations, "annotation", nil, "add an annotation to the manifest of the image: "+
		"`key=value` (repeat)")
	flags.BoolVar(&f.replace, "replace-repository", false, "replace the platform repository of the base that has the "+
		"same id, instead of failing")
	flags.BoolVar(&f.keep, "keep-base-workspaces", false, "keep the workspaces in the platform repository of the base, "+
		"which a release otherwise hides (reads layers of the base)")
	registerStamp(flags, &f.stamp)
	flags.StringVar(&f.compression, "compression", layer.Gzip, "compress the layers of the release with this "+
		"`algorithm[,level]`: gzip with a level from 1 to 9, or zstd with a level from 1 to 22; without a level, both use 3")
	assignGroup(flags, groupRelease)
}

// stampContent is the value of --stamp-versions that adds stamps.
const stampContent = "content"

func registerStamp(flags *pflag.FlagSet, stamp *formatFlag) {
	*stamp = newFormat("none", stampContent)
	flags.Var(stamp, "stamp-versions", "add a stamp to the version name of each workspace: content adds a digest of its "+
		"files, so that the platform imports changed workspaces and skips the others")
	assignGroup(flags, groupRelease)
}

func (f *imageFlags) applyTo(opts *pipeline.BuildOptions) (err error) {
	if f.base == "" {
		return errors.New("--base is required: the image to build on, or scratch")
	}
	if f.base != scratchBase {
		opts.BaseRef = f.base
		if _, err := registry.ParseReference(f.base); err != nil {
			return err
		}
	}
	if opts.Compression, err = layer.ParseCompression(f.compression); err != nil {
		return err
	}
	opts.Release = f.release
	opts.ReplaceRepository = f.replace
	opts.KeepBaseWorkspaces = f.keep
	opts.Repository = release.Repository{ID: f.repositoryID, Name: f.repositoryName, Directory: f.directory}
	if opts.Platforms, err = parsePlatforms(f.platforms); err != nil {
		return err
	}
	if opts.Labels, err = parsePairs("label", f.labels); err != nil {
		return err
	}
	opts.Annotations, err = parsePairs("annotation", f.annotations)
	return err
}

// architectures are the architectures (GOARCH) with Linux images.
var architectures = []string{
	"386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x",
}

func parsePlatforms(texts []string) ([]ocispec.Platform, error) {
	var list []ocispec.Platform
	for _, text := range texts {
		for part := range strings.SplitSeq(text, ",") {
			p, err := platforms.Parse(strings.TrimSpace(part))
			if err != nil {
				return nil, fmt.Errorf("platform %q: %w", part, err)
			}
			p = platforms.Normalize(p)
			if p.OS != "linux" || !slices.Contains(architectures, p.Architecture) {
				return nil, fmt.Errorf("platform %q: want linux/ARCH[/VARIANT] with one of %s", part,
					strings.Join(architectures, ", "))
			}
			list = append(list, p)
		}
	}
	return list, nil
}

func parsePairs(what string, texts []string) (map[string]string, error) {
	m := map[string]string{}
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("%s %q is not key=value", what, text)
		}
		m[key] = value
	}
	return m, image.CheckLabels(m)
}

// outputFlags select where the image and the files about it are written.
type outputFlags struct {
	tags                     []string
	push, dryRun             bool
	outputs                  []string
	metadataFile, digestFile string
}

func (f *outputFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.tags, "tag", "t", nil, "name the image by this `reference` (repeat)")
	flags.BoolVar(&f.push, "push", false, "push the image under each --tag")
	flags.StringArrayVarP(&f.outputs, "output", "o", nil, "write the image to a file: `type=oci,dest=FILE`, or "+
		"type=docker,dest=FILE without attestations (repeat)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "do the whole build without writing or pushing anything, and print the "+
		"result")
	flags.StringVar(&f.metadataFile, "metadata-file", "", "write digest, descriptor, release manifest and times "+
		"to this `file`, as JSON")
	flags.StringVar(&f.digestFile, "digest-file", "", "write the digest of the image to this `file`")
	assignGroup(flags, groupOutput)
}

// parseOutputs returns the outputs. No two of them, of the other results and of the reports may go to
// the same file.
func (f *outputFlags) parseOutputs(reports []reportTarget) ([]engine.Output, error) {
	files := []string{f.metadataFile, f.digestFile}
	for _, r := range reports {
		files = append(files, r.path)
	}
	for _, tag := range f.tags {
		if _, err := registry.ParseReference(tag); err != nil {
			return nil, err
		}
	}
	var outputs []engine.Output
	if f.push {
		if len(f.tags) == 0 {
			return nil, errors.New("--push needs a --tag to push to")
		}
		outputs = append(outputs, engine.Output{Kind: engine.Push, Names: f.tags})
	}
	for _, text := range f.outputs {
		out, err := parseOutput(text)
		if err != nil {
			return nil, err
		}
		out.Names = f.tags
		outputs = append(outputs, out)
		files = append(files, out.Dest)
	}
	if err := checkResultFiles(files); err != nil {
		return nil, err
	}
	if len(outputs) == 0 && !f.dryRun {
		return nil, errors.New("nothing to do with the image: use --push, --output or --dry-run")
	}
	return outputs, nil
}

// writeFiles writes the files about the image.
func (f *outputFlags) writeFiles(built *report.Build) error {
	var errs []error
	if !f.dryRun && f.metadataFile != "" {
		errs = append(errs, report.WriteMetadata(f.metadataFile, built))
	}
	if !f.dryRun && f.digestFile != "" {
		errs = append(errs, report.WriteDigest(f.digestFile, built))
	}
	return errors.Join(errs...)
}

// checkResultFiles refuses files that cannot be written, or that two results would share. Empty names
// are ignored.
func checkResultFiles(files []string) error {
	used := map[string]bool{}
	for _, file := range files {
		if file == "" {
			continue
		}
		if err := report.CheckPath(file); err != nil {
			return err
		}
		name := filepath.Clean(file)
		if used[name] {
			return fmt.Errorf("file %s: two results cannot go to the same file", file)
		}
		used[name] = true
	}
	return nil
}

func parseOutput(text string) (engine.Output, error) {
	var out engine.Output
	for field := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "type":
			out.Kind = engine.Kind(value)
		case "dest":
			out.Dest = value
		default:
			return out, fmt.Errorf("output %q: unknown key %q, want type and dest", text, key)
		}
	}
	if out.Kind != engine.OCI && out.Kind != engine.Docker || out.Dest == "" {
		return out, fmt.Errorf("output %q is neither type=oci,dest=FILE nor type=docker,dest=FILE", text)
	}
	return out, nil
}

// buildCommand holds the flags of build.
type buildCommand struct {
	from         sourceFlags
	check        checkFlags
	scanOpts     scanFlags
	registryOpts registryFlags
	daemon       buildkitFlags
	imageOpts    imageFlags
	attestations attestFlags
	out          outputFlags
	show         progressFlag
}

func (a *app) newBuildCommand() *cobra.Command {
	var c buildCommand
	cmd := &cobra.Command{
		Use:   "build SOURCE --base IMAGE",
		Short: "Validate, scan, assemble and push a release image",
		Example: `# Build on the image of the vendor, and push.
builder build workspaces --base registry.example.com/workspaces:v2.4.0 \
  --tag registry.example.com/ai/release:2.4.0 --push
# Build a tag of a Git repository with the settings of a release file.
builder build https://git.example.com/ai/workspaces.git#v2.4.0 \
  --config release.yaml --digest-file digest.txt --push
# Try everything without writing anything.
builder build workspaces --base scratch --dry-run
# Write the image to a file.
builder build workspaces --base scratch --output type=oci,dest=release.tar`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.runBuild(a, cmd, args[0]) },
	}
	registerFlags(cmd, &c.from, &c.check, &c.scanOpts, &c.registryOpts, &c.daemon, &c.imageOpts, &c.attestations,
		&c.out, &c.show)
	return cmd
}

func (c *buildCommand) runBuild(a *app, cmd *cobra.Command, arg string) error {
	opts, err := c.buildOptions(a, cmd, arg)
	if err != nil {
		return err
	}
	display, err := c.show.newDisplay(a)
	if err != nil {
		return err
	}
	result, err := pipeline.Build(cmd.Context(), display, opts)
	err = errors.Join(err, display.Close(), c.scanOpts.writeReports(a, result.Reading, err))
	if result.Reading != nil {
		err = errors.Join(err, a.explainReading(result.Reading, c.check.maxDiagnostics))
	}
	if result.Built == nil {
		return err
	}
	// Report the image even after a later failure, because it exists.
	return errors.Join(err, c.out.writeFiles(result.Built), report.WriteSummary(a.Out, result.Built))
}

// buildOptions returns the options of a build of SOURCE.
func (c *buildCommand) buildOptions(a *app, cmd *cobra.Command, arg string) (opts pipeline.BuildOptions, err error) {
	opts.TempDir = a.tempDir()
	opts.DryRun = c.out.dryRun
	reports, err := parseReports(c.scanOpts.reports)
	if err != nil {
		return opts, usageError(cmd, err)
	}
	if opts.Outputs, err = c.out.parseOutputs(reports); err != nil {
		return opts, usageError(cmd, err)
	}
	if err := c.imageOpts.applyTo(&opts); err != nil {
		return opts, usageError(cmd, err)
	}
	if opts.Attest, err = c.attestations.selectedKinds(); err != nil {
		return opts, usageError(cmd, err)
	}
	if opts.Epoch, err = a.readEpoch(); err != nil {
		return opts, withCode(exitUsage, err)
	}
	if opts.Input, err = c.from.buildInput(a, arg); err != nil {
		return opts, err
	}
	opts.Input.StampVersions = c.imageOpts.stamp.value == stampContent
	if opts.Checks, err = c.check.buildChecks(); err != nil {
		return opts, err
	}
	if err := c.scanOpts.applyTo(a, &opts.Checks); err != nil {
		return opts, err
	}
	opts.Cache = c.scanOpts.cache.opened
	c.scanOpts.known.noteUncompared(a)
	if opts.Registry, err = c.registryOpts.newClient(a); err != nil {
		return opts, err
	}
	if opts.BuildKit, err = c.daemon.newRemote(a); err != nil {
		return opts, err
	}
	a.applyRules(&opts.Checks)
	return opts, nil
}

// explainReading prints the diagnostics and findings.
func (a *app) explainReading(reading *pipeline.Reading, most maxCount) error {
	err := a.explainDiagnostics(reading, most)
	if found := reading.Scan; found != nil && len(found.Findings)+len(found.Problems) > 0 {
		err = errors.Join(err, found.WriteHuman(a.Err, false))
	}
	return err
}

// explainDiagnostics prints the diagnostics, if there are any.
func (a *app) explainDiagnostics(reading *pipeline.Reading, most maxCount) error {
	if len(reading.Diagnostics)+len(reading.Lowered) == 0 {
		return nil
	}
	return a.writeDiagnostics(a.Err, reading, most)
}

// readEpoch returns the time of SOURCE_DATE_EPOCH, or nil if the variable is not set.
func (a *app) readEpoch() (*time.Time, error) {
	if a.env[epoch.Variable] == "" {
		return nil, nil
	}
	t, err := epoch.Read(a.getenv, time.Time{})
	return &t, err
}

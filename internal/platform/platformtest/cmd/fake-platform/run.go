// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// settings holds the flags.
type settings struct {
	listen, gateway, dir, repository, name string
	share, join, service, pod              string
	native                                 []string
	importTime                             time.Duration
	fail                                   map[string]string
	options                                platformtest.Options
}

// variantFlags maps flags to the options that they enable.
func variantFlags(o *platformtest.Options) map[string]*bool {
	return map[string]*bool{
		"refuse-headers":         &o.RefuseHeaders,
		"pod-token":              &o.PodToken,
		"pod-events":             &o.PodEvents,
		"unknown-repository-404": &o.UnknownRepositoryIs404,
		"empty-group-400":        &o.EmptyGroupIs400,
		"skip-newer":             &o.SkipNewer,
		"hide-last-pull":         &o.HideLastPull,
		"version-after-failure":  &o.VersionAfterFailure,
		"errors-in-workspaces":   &o.ErrorsInWorkspacesOnly,
		"nested-errors":          &o.NestedErrors,
		"no-status":              &o.NoStatus,
		"drop-completed":         &o.DropCompleted,
		"no-replica":             &o.NoReplica,
		"keep-correlation-id":    &o.KeepCorrelationID,
		"readiness-needs-pod":    &o.ReadinessNeedsPod,
	}
}

// run returns 0 after a shutdown, 1 on failure and 2 on invalid flags.
func run(ctx context.Context, args, env []string, stdout, stderr io.Writer) int {
	s, err := parseSettings(args, env, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "fake-platform:", err)
		return 2
	}
	serve := s.serve
	if s.join != "" {
		serve = s.serveMember
	}
	if err := serve(ctx, stdout); err != nil {
		fmt.Fprintln(stderr, "fake-platform:", err)
		return 1
	}
	return 0
}

func parseSettings(args, env []string, stderr io.Writer) (*settings, error) {
	s := &settings{fail: map[string]string{}, pod: "pod-0"}
	known := variantFlags(&s.options)
	fs := flag.NewFlagSet("fake-platform", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.listen, "listen", "127.0.0.1:3002", "`address` that answers as a pod")
	fs.StringVar(&s.gateway, "gateway", "", "`address` that answers as the public API; empty for none")
	fs.StringVar(&s.dir, "release-dir", "", "`directory` of the workspaces (required without --share and --join)")
	fs.StringVar(&s.share, "share", "", "`address` at which other processes join as pods, and tests steer; empty for none")
	fs.StringVar(&s.service, "service-url", "", "`URL` at which the gateway reaches those pods")
	fs.StringVar(&s.join, "join", "",
		"`URL` that another fake-platform shares: be a pod of it, by the variables of the service")
	fs.StringVar(&s.repository, "repository", "release", "`id` of the platform repository")
	fs.StringVar(&s.name, "name", "Release", "`name` of the platform repository")
	fs.StringVar(&s.options.Token, "token", "", "token that the gateway accepts")
	fs.DurationVar(&s.importTime, "import-time", 200*time.Millisecond, "`duration` of the import of a workspace")
	fs.DurationVar(&s.options.EventLag, "event-lag", time.Second, "`duration` until an event can be found")
	fs.IntVar(&s.options.LockedStatus, "locked-status", 400, "HTTP `status` of a pull while the lock is held")
	fs.Func("fail", "`slug=message`: fail the import of a workspace; may be repeated", s.addFail)
	usage := "`name` of a behaviour to switch on; may be repeated: " + joinFlagNames(known)
	fs.Func("variant", usage, func(name string) error {
		on, ok := known[name]
		if !ok {
			return fmt.Errorf("unknown variant, known are %s", joinFlagNames(known))
		}
		*on = true
		return nil
	})
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if s.join != "" && s.dir == "" && fs.NArg() == 0 {
		return s, s.readEnvironment(env)
	}
	if s.dir == "" == (s.share == "") || s.join != "" || fs.NArg() > 0 {
		return nil, errors.New("give one of --release-dir, --share and --join, and no other argument")
	}
	return s, nil
}

func (s *settings) addFail(value string) error {
	slug, message, ok := strings.Cut(value, "=")
	if !ok || slug == "" || message == "" {
		return errors.New("want slug=message")
	}
	s.fail[slug] = message
	return nil
}

// serve runs a platform with its own pod, or shares it with pods of other processes.
func (s *settings) serve(ctx context.Context, stdout io.Writer) error {
	s.options.ImportTime = func(string) time.Duration { return s.importTime }
	p := platformtest.New(s.options)
	defer p.Close()
	for slug, message := range s.fail {
		p.Fail(slug, message)
	}
	servePods := s.servePod
	if s.share != "" {
		servePods = s.serveShare
	}
	pods, err := servePods(p, stdout)
	if err != nil {
		return err
	}
	defer pods.Close()
	if s.gateway != "" {
		gateway, err := s.serveGateway(p, stdout)
		if err != nil {
			return err
		}
		defer gateway.Close()
	}
	logEvents(ctx, p, stdout)
	return nil
}

func (s *settings) servePod(p *platformtest.Platform, stdout io.Writer) (*platformtest.Server, error) {
	release, err := platformtest.ReadRelease(s.dir, s.repository, s.name)
	if err != nil {
		return nil, err
	}
	pod := p.NewPod(s.pod, release)
	pod.SetReady(true)
	server, err := platformtest.Listen(pod, s.listen)
	if err != nil {
		return nil, err
	}
	s.announcePod(server, release, stdout)
	return server, nil
}

func (s *settings) announcePod(server *platformtest.Server, release *platformtest.Release, stdout io.Writer) {
	fmt.Fprintf(stdout, "%s on %s with %d workspaces in groups %s\n", s.pod, server.URL, len(release.Workspaces),
		strings.Join(release.Groups(), ", "))
}

func (s *settings) serveShare(p *platformtest.Platform, stdout io.Writer) (*platformtest.Server, error) {
	server, err := platformtest.Listen(p.Share(), s.share)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(stdout, "shared on %s\n", server.URL)
	return server, nil
}

func (s *settings) serveGateway(p *platformtest.Platform, stdout io.Writer) (*platformtest.Server, error) {
	gateway := p.NewGateway()
	if s.service != "" {
		service, err := url.Parse(s.service)
		if err != nil {
			return nil, err
		}
		gateway.Service = service
	}
	server, err := platformtest.Listen(gateway, s.gateway)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(stdout, "gateway on %s\n", server.URL)
	return server, nil
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

const repositoryPrefix = "WORKSPACES_STORAGE_GIT_PLATFORM_"

// readEnvironment reads the service's environment variables: the port, the pod name, the repository
// and the startup import.
func (s *settings) readEnvironment(env []string) error {
	values := map[string]string{}
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
		if id, ok := strings.CutSuffix(strings.TrimPrefix(name, repositoryPrefix), "_DIRPATH"); ok && strings.HasPrefix(name,
			repositoryPrefix) {
			s.repository = id
		}
	}
	s.dir = values[repositoryPrefix+s.repository+"_DIRPATH"]
	s.name = values[repositoryPrefix+s.repository+"_NAME"]
	if s.dir == "" || s.name == "" {
		return fmt.Errorf("no directory or no name of a repository: %s<id>_DIRPATH and _NAME say it", repositoryPrefix)
	}
	if port := values["PORT"]; port != "" {
		s.listen = ":" + port
	}
	if name := values["HOSTNAME"]; name != "" {
		s.pod = name
	}
	if groups := values["STARTUP_IMPORT_GROUPS"]; groups != "" {
		s.native = strings.Split(groups, ",")
	}
	return nil
}

// serveMember serves a pod of a platform in another process until that process ends. An import of
// the pod ends with it, like in the real service.
func (s *settings) serveMember(ctx context.Context, stdout io.Writer) error {
	release, err := platformtest.ReadRelease(s.dir, s.repository, s.name)
	if err != nil {
		return err
	}
	platform, err := url.Parse(s.join)
	if err != nil {
		return err
	}
	member, err := platformtest.Join(ctx, platform, s.pod, release, s.native...)
	if err != nil {
		return err
	}
	server, err := platformtest.Listen(member, s.listen)
	if err != nil {
		return err
	}
	defer server.Close()
	s.announcePod(server, release, stdout)
	<-member.Left()
	if ctx.Err() == nil {
		return errors.New("the platform is gone")
	}
	return nil
}

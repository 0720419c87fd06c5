// SPDX-License-Identifier: Apache-2.0

package requirements_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/requirements"
	"github.com/prismeai/workspaces-release/internal/secret"
)

var workspaces = []release.Workspace{
	{Slug: "claims"},
	{Slug: "mail", Requires: release.Requirements{Secrets: []string{"key", "password"}, Config: []string{"from"}}},
	{Slug: "tickets", Requires: release.Requirements{Secrets: []string{"key"}}},
}

func TestOf(t *testing.T) {
	want := []requirements.Requirement{
		{Workspace: "mail", Kind: requirements.Config, Name: "from", Variable: "WORKSPACE_CONFIG_mail_from"},
		{Workspace: "mail", Kind: requirements.Secret, Name: "key", Variable: "WORKSPACE_SECRET_mail_key"},
		{Workspace: "mail", Kind: requirements.Secret, Name: "password", Variable: "WORKSPACE_SECRET_mail_password"},
		{Workspace: "tickets", Kind: requirements.Secret, Name: "key", Variable: "WORKSPACE_SECRET_tickets_key"},
	}
	if diff := cmp.Diff(want, requirements.Of(workspaces)); diff != "" {
		t.Error(diff)
	}
}

// gateway serves a platform on which mail is installed with one of its secrets.
func gateway(t *testing.T, token string) *platform.Client {
	t.Helper()
	p := platformtest.New(platformtest.Options{Token: "right"})
	t.Cleanup(p.Close)
	r := &platformtest.Release{ID: "release", Name: "Release v1", Workspaces: []platformtest.Workspace{
		{ID: "m", Slug: "mail", Name: "Mail", Version: "v1", Groups: []string{"base1"}},
	}}
	p.NewPod("pod-0", r).SetReady(true)
	server := httptest.NewServer(p.NewGateway())
	t.Cleanup(server.Close)
	client, err := platform.New(platform.Options{BaseURL: server.URL,
		Identity: platform.Bearer(platform.Fixed(secret.New(token)))})
	if err != nil {
		t.Fatal(err)
	}
	if token != "right" {
		return client
	}
	if _, err := client.Pull(t.Context(), platform.PullRequest{Repository: "release",
		Groups: []string{"base1"}}); err != nil {
		t.Fatal(err)
	}
	p.SetSecret("mail", "key", "value")
	return client
}

func TestMissing(t *testing.T) {
	client := gateway(t, "right")
	for name, test := range map[string]struct {
		variables []string
		want      []string
	}{
		"nothing in the environment": {nil, []string{"config from of workspace mail", "secret password of workspace mail", "secret key of workspace tickets"}},
		"all in the environment":     {[]string{"WORKSPACE_CONFIG_mail_from", "WORKSPACE_SECRET_mail_password", "WORKSPACE_SECRET_tickets_key"}, nil},
		"other variables":            {[]string{"WORKSPACE_SECRET_mail_from", "WORKSPACE_CONFIG_tickets_key", "PATH"}, []string{"config from of workspace mail", "secret password of workspace mail", "secret key of workspace tickets"}},
		"the rest is config":         {[]string{"WORKSPACE_SECRET_mail_key", "WORKSPACE_SECRET_mail_password", "WORKSPACE_SECRET_tickets_key"}, []string{"config from of workspace mail"}},
	} {
		t.Run(name, func(t *testing.T) {
			all := requirements.Of(workspaces)
			missing, err := requirements.Missing(t.Context(), client, all, test.variables)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range missing {
				got = append(got, r.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(requirements.Of(workspaces), all); diff != "" {
				t.Errorf("the list that was given is changed:\n%s", diff)
			}
		})
	}
}

func TestMissingFails(t *testing.T) {
	_, err := requirements.Missing(context.Background(), gateway(t, "wrong"), requirements.Of(workspaces), nil)
	var refused *platform.Error
	if !errors.As(err, &refused) || refused.Class != platform.ClassUnauthorized {
		t.Errorf("error %v", err)
	}
}

// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
)

// validate validates the settings and reports every invalid value in one error.
func (c *Config) validate() error {
	errs := []error{c.checkURL("platform-url", c.PlatformURL), c.checkHeaders(), c.checkIdentity(), c.checkDurations()}
	if c.GatewayURL != "" {
		errs = append(errs, c.checkURL("gateway-url", c.GatewayURL))
	}
	if c.RunbookURL != "" {
		errs = append(errs, checkLink("runbook-url", c.RunbookURL))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, errors.New("--listen: want an address such as :9400"))
	}
	for _, l := range [][]string{c.Groups, c.Policy.Services} {
		if sorted := slices.Sorted(slices.Values(l)); len(slices.Compact(sorted)) != len(l) {
			errs = append(errs, fmt.Errorf("%s: duplicate name", strings.Join(l, ",")))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) checkURL(name, address string) error {
	if _, err := platform.New(platform.Options{BaseURL: address, Transport: http.DefaultTransport}); err != nil {
		return fmt.Errorf("--%s: %w", name, err)
	}
	return nil
}

// checkLink validates a URL for a link on the status page.
func checkLink(name, link string) error {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("--%s: want a URL such as https://wiki.example.com/runbooks, without credentials", name)
	}
	return nil
}

// checkHeaders rejects headers that carry credentials: settings are printed.
func (c *Config) checkHeaders() error {
	for _, name := range slices.Sorted(maps.Keys(c.IdentityHeaders)) {
		switch {
		case name == "" || c.IdentityHeaders[name] == "":
			return errors.New("--identity-headers: want name=value")
		case platform.CredentialHeader(name):
			return fmt.Errorf("--identity-headers: %s holds a secret: "+
				"pass it in a file, with --token-file or --internal-key-file", name)
		case strings.ContainsFunc(name, notInName), strings.ContainsFunc(c.IdentityHeaders[name], notInValue):
			return errors.New("--identity-headers: a name or a value has characters that are invalid in a header")
		}
	}
	return nil
}

func notInName(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

func notInValue(r rune) bool { return r < ' ' || r >= 0x7f }

func (c *Config) checkIdentity() error {
	switch {
	case c.Identity == IdentityToken && c.TokenFile == "":
		return errors.New("--identity token requires --token-file")
	case c.GatewayURL != "" && c.TokenFile == "" && c.InternalKeyFile == "":
		return errors.New("--gateway-url requires --token-file or --internal-key-file")
	case c.AdminTokenFile != "" && !c.EnableLifecycle:
		return errors.New("--admin-token-file requires --enable-lifecycle")
	}
	return nil
}

func (c *Config) checkDurations() error {
	p := &c.Policy
	positive := []struct {
		name  string
		value time.Duration
	}{
		{"request-timeout", c.RequestTimeout}, {"reconcile-interval", p.ReconcileEvery}, {"group-timeout", p.GroupTimeout},
		{"poll", p.Poll}, {"retry-min", p.RetryMin}, {"watch-interval", c.WatchInterval},
		{"drain-timeout", c.DrainTimeout},
	}
	for _, d := range positive {
		if d.value <= 0 {
			return fmt.Errorf("--%s: want more than 0", d.name)
		}
	}
	if c.DrainDelay > c.DrainTimeout {
		return errors.New("--drain-delay is longer than --drain-timeout")
	}
	if p.RetryMax < p.RetryMin {
		return errors.New("--retry-max is shorter than --retry-min")
	}
	return nil
}

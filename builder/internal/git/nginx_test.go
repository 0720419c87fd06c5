// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/egress/tlstest"
	"github.com/prismeai/workspaces-release/builder/internal/foreigntest"
	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
)

// nginx in front of a Git server: what it passes on, and how its refusals read.
func TestGitBehindNginx(t *testing.T) {
	files := tlstest.New(t, "127.0.0.1")
	upstream := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{})
	tests := map[string]struct {
		settings, rules string
		// want is part of the error; without it, the repository can be read.
		want []string
	}{
		"compressed answers": {
			settings: "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;",
		},
		"small buffers and no keep-alive": {
			settings: "keepalive_timeout 0; proxy_buffers 8 4k; proxy_buffer_size 4k; proxy_max_temp_file_size 0;",
		},
		"login page": {
			rules: "location /org { return 302 https://sso.example/login?token=canary; }",
			want:  []string{"redirects to https://sso.example", "login page"},
		},
		"forbidden": {
			rules: "location /org { return 403; }",
			want:  []string{"refuses a caller without credentials", "--git-token-file"},
		},
		"bad gateway": {
			rules: "location /org { return 502; }",
			want:  []string{"502 Bad Gateway"},
		},
		"page of another program": {
			rules: "location /org { default_type text/html; return 200 '<html>canary</html>'; }",
			want:  []string{"does not come from a Git server"},
		},
		"limit on the size of requests": {
			settings: "client_max_body_size 1;",
			want:     []string{"413 Request Entity Too Large"},
		},
		"POST is not allowed": {
			rules: "location /org { limit_except GET { deny all; } proxy_pass http://" + upstream.Host() + "; }",
			want:  []string{"refuses a caller without credentials"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			nginx := foreigntest.StartNginx(t, files, upstream.Host(), tt.settings, tt.rules)
			source := "https://" + nginx.Address + gittest.Path
			auth := Auth{CAFile: files.CA}
			if tt.want == nil {
				equal(t, "content", read(t, source, auth), "name: Shop\n")
				return
			}
			err := fetchError(t, source, auth, tt.want...)
			for _, never := range []string{"canary", "<", "\n"} {
				if strings.Contains(err.Error(), never) {
					t.Errorf("error %q contains %q", err, never)
				}
			}
		})
	}
}

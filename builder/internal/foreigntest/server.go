// SPDX-License-Identifier: AGPL-3.0-or-later

package foreigntest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/egress/tlstest"
	"github.com/prismeai/workspaces-release/internal/needs"
)

// startTimeout limits the time until a server listens.
const startTimeout = 30 * time.Second

// Distribution starts CNCF Distribution's registry, version 3, with a storage directory, and returns
// its host:port. auth is the auth section of its configuration as one line of YAML; "" means none.
func Distribution(t testing.TB, storage, auth string) string {
	t.Helper()
	address := needs.LocalAddress(t)
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"+
		"storage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", storage, address)
	if auth != "" {
		config += "auth: " + auth + "\n"
	}
	file := filepath.Join(t.TempDir(), "config.yml")
	writeFile(t, file, config)
	startServer(t, address, needs.Program(t, "distribution"), "serve", file)
	return address
}

// Nginx is a running nginx.
type Nginx struct {
	// Address is the loopback host:port that serves TLS.
	Address string
	dir     string
}

// StartNginx starts nginx as a TLS proxy for upstream (host:port). rules are additional directives of
// the server block, and settings are additional directives of the http block.
func StartNginx(t testing.TB, files *tlstest.Files, upstream, settings, rules string) *Nginx {
	t.Helper()
	n := &Nginx{Address: needs.LocalAddress(t), dir: t.TempDir()}
	var config strings.Builder
	config.WriteString("daemon off;\nmaster_process off;\nerror_log stderr error;\nevents {}\n")
	fmt.Fprintf(&config, "pid %s/pid;\nhttp {\naccess_log %s/access.log;\n%s\n", n.dir, n.dir, settings)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&config, "%s_temp_path %s/%s;\n", kind, n.dir, kind)
	}
	fmt.Fprintf(&config, "server {\nlisten %s ssl;\nssl_certificate %s;\nssl_certificate_key %s;\n",
		n.Address, files.ServerCert, files.ServerKey)
	fmt.Fprintf(&config, "proxy_set_header Host $http_host;\n%s\n", rules)
	fmt.Fprintf(&config, "location / { proxy_pass http://%s; }\n}\n}\n", upstream)
	file := filepath.Join(n.dir, "nginx.conf")
	writeFile(t, file, config.String())
	startServer(t, n.Address, needs.Program(t, "nginx"), "-p", n.dir, "-c", file)
	return n
}

// startServer starts a program, waits until it listens, and stops it when the test ends.
func startServer(t testing.TB, address, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	var output bytes.Buffer
	cmd.Stdout = &output
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	stop := func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", program, output.Bytes())
		case <-time.After(20 * time.Millisecond): // polling another process
		}
	}
	stop()
	t.Fatalf("%s does not listen on %s:\n%s", program, address, output.Bytes())
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

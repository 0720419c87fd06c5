// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/needs"
)

// program is a server that runs during the test.
type program struct{ url string }

// start runs a program and waits until path responds.
func start(t *testing.T, name, path, address string, args ...string) program {
	t.Helper()
	cmd := exec.Command(needs.Program(t, name), args...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &log, &log, patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("%s:\n%s", name, log.Bytes())
		}
	})
	p := program{url: "http://" + address}
	ready := func() bool {
		resp, err := http.Get(p.url + path)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
	if !poll(t.Context(), patience, ready) {
		t.Fatalf("%s is not ready", name)
	}
	return p
}

// poll waits until what returns true or the time is over.
func poll(ctx context.Context, limit time.Duration, what func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !what() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return what()
		}
	}
	return true
}

// get decodes a JSON response into v. query lists names and values.
func (p program) get(t *testing.T, path string, v any, query ...string) {
	t.Helper()
	q := url.Values{}
	for n := 0; n+1 < len(query); n += 2 {
		q.Add(query[n], query[n+1])
	}
	resp, err := http.Get(p.url + path + "?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: HTTP %d, %v", path, query, resp.StatusCode, err)
	}
}

func startPrometheus(t *testing.T, dir, alertmanager string, targets []target) program {
	t.Helper()
	var static []map[string]any
	for _, one := range targets {
		static = append(static, map[string]any{"targets": []string{one.address}, "labels": map[string]string{
			"namespace": one.namespace, "pod": one.pod, "job": "release", "container": one.container}})
	}
	write(t, filepath.Join(dir, "prometheus.yml"), map[string]any{
		"global":         map[string]any{"scrape_interval": milliseconds(interval), "scrape_timeout": milliseconds(interval), "evaluation_interval": milliseconds(interval)},
		"rule_files":     []string{"rules.yml"},
		"scrape_configs": []map[string]any{{"job_name": "sidecars", "static_configs": static}},
		"alerting":       map[string]any{"alertmanagers": []map[string]any{{"static_configs": []map[string]any{{"targets": []string{alertmanager}}}}}},
	})
	address := needs.FreeAddress(t)
	return start(t, "prometheus", "/-/ready", address, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn",
		"--rules.alert.resend-delay="+milliseconds(interval))
}

// startAlertmanager runs the example of the documentation, with scaled durations and every receiver
// sending to hook.
func startAlertmanager(t *testing.T, dir, hook string) program {
	t.Helper()
	data, err := os.ReadFile(root + "/docs/alertmanager.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	hasten(config["route"].(map[string]any))
	for _, r := range config["receivers"].([]any) {
		r.(map[string]any)["webhook_configs"] = []map[string]any{{"url": hook, "send_resolved": true}}
	}
	write(t, filepath.Join(dir, "alertmanager.yml"), config)
	address := needs.FreeAddress(t)
	return start(t, "prometheus-alertmanager", "/-/ready", address,
		"--config.file="+filepath.Join(dir, "alertmanager.yml"),
		"--storage.path="+filepath.Join(dir, "alertmanager"), "--web.listen-address="+address, "--cluster.listen-address=", "--log.level=warn")
}

func hasten(route map[string]any) {
	route["group_wait"], route["group_interval"] = "250ms", "1s"
	children, _ := route["routes"].([]any)
	for _, r := range children {
		hasten(r.(map[string]any))
	}
}

func write(t *testing.T, path string, v any) {
	t.Helper()
	data, err := yaml.Marshal(v)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("write %s: %w", path, err))
	}
}

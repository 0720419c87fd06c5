// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// meter is a proxy before the registry that counts what a build sends.
type meter struct {
	*httptest.Server
	requests, sent atomic.Int64
}

// startMeter starts a proxy before the registry.
func (b *bench) startMeter() *meter {
	m := &meter{}
	target := &url.URL{Scheme: "http", Host: b.host}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // so that the registry sends uploads here, too
	}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.requests.Add(1)
		r.Body = &countedBody{r.Body, &m.sent}
		proxy.ServeHTTP(w, r)
	}))
	return m
}

func (m *meter) hostPort() string { return strings.TrimPrefix(m.URL, "http://") }

// countedBody counts the bytes of a request.
type countedBody struct {
	io.ReadCloser
	sent *atomic.Int64
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.sent.Add(int64(n))
	return n, err
}

// traffic is what a build has sent: the number of requests and bytes.
type traffic struct {
	sample
	requests, sent int64
}

// measureBuild builds a source as a version of one repository, through the meter.
func (b *bench) measureBuild(ctx context.Context, m *meter, source, repository, version string) (traffic, error) {
	requests := m.requests.Load()
	sent := m.sent.Load()
	c := b.buildCommand("", "usual", b.cacheFlags("cache-"+repository)...)
	c.before = nil
	for i, arg := range c.args {
		switch arg {
		case "build":
			c.args[i+1] = source
		case "--base":
			c.args[i+1] = m.hostPort() + "/prismeai/prismeai-workspaces:usual"
		case "--tag":
			c.args[i+1] = m.hostPort() + "/acme/" + repository + ":" + version
		}
	}
	s, err := c.runOnce(ctx)
	return traffic{s, m.requests.Load() - requests, m.sent.Load() - sent}, err
}

// measureTransfer prints how many bytes a build sends that changes little.
func (b *bench) measureTransfer(ctx context.Context) error {
	m := b.startMeter()
	defer m.Close()
	fmt.Print("\n### Bytes\n\n| 1,000 workspaces in Git, second build | requests | sent | a node pulls | of the first " +
		"release |\n|---|---|---|---|---|\n")
	source := filepath.Join(b.dir, "w1000")
	if err := commitAll(source, "first"); err != nil {
		return err
	}
	if _, err := b.measureBuild(ctx, m, source, "transfer", "v1"); err != nil {
		return err
	}
	changes := []struct {
		what   string
		change func() error
	}{
		{"another commit, no change", func() error { return nil }},
		{"one workspace changed", func() error { return b.changeOne("w1000") }},
	}
	for i, c := range changes {
		if err := c.change(); err != nil {
			return err
		}
		if err := commitAll(source, c.what); err != nil {
			return err
		}
		before := fmt.Sprintf("v%d", i+1)
		after := fmt.Sprintf("v%d", i+2)
		t, err := b.measureBuild(ctx, m, source, "transfer", after)
		if err != nil {
			return err
		}
		pulled, all, err := b.comparePulls(ctx, before, after)
		if err != nil {
			return err
		}
		fmt.Printf(
			"| %s | %d | %.1f kB | %.1f kB | %.1f %% |\n",
			c.what,
			t.requests,
			float64(t.sent)/1e3,
			float64(pulled)/1e3,
			100*float64(pulled)/float64(all),
		)
	}
	return nil
}

// commitAll commits everything in a directory, as the first commit of a new repository if need be.
func commitAll(dir, message string) error {
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		if out, err := exec.Command("git", "-C", dir, "init", "-q").CombinedOutput(); err != nil {
			return fmt.Errorf("git init: %w\n%s", err, out)
		}
	}
	script := "git add -A && git -c user.name=bench -c user.email=bench@example.com commit -q --allow-empty -m \"$0\""
	cmd := exec.Command("sh", "-ec", script, message)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git commit: %w\n%s", err, out)
	}
	return nil
}

// comparePulls returns the bytes of the layers that only the second release has, and of all layers
// of the first one that the base does not have.
func (b *bench) comparePulls(ctx context.Context, first, second string) (added, all int64, err error) {
	sizes := make([]map[v1.Hash]int64, 3)
	for i, reference := range []string{
		b.baseReference("usual"), b.host + "/acme/transfer:" + first, b.host + "/acme/transfer:" + second,
	} {
		if sizes[i], err = layerSizes(ctx, reference); err != nil {
			return 0, 0, err
		}
	}
	for digest, size := range sizes[1] {
		if _, inBase := sizes[0][digest]; !inBase {
			all += size
		}
	}
	for digest, size := range sizes[2] {
		if _, known := sizes[1][digest]; !known {
			added += size
		}
	}
	return added, all, nil
}

// layerSizes returns the sizes of the layers of an image for linux/amd64.
func layerSizes(ctx context.Context, reference string) (map[v1.Hash]int64, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	img, err := remote.Image(ref, remote.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	sizes := map[v1.Hash]int64{}
	for _, layer := range manifest.Layers {
		sizes[layer.Digest] = layer.Size
	}
	return sizes, nil
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Modules with examples of secrets.
const (
	gitleaksModule   = "github.com/zricethezav/gitleaks/v8@v8.30.1"
	trufflehogModule = "github.com/trufflesecurity/trufflehog/v3@v3.95.9"
	scalibrModule    = "github.com/google/osv-scalibr@v0.5.3"
	kicsModule       = "github.com/Checkmarx/kics/v2@v2.2.0"
)

// listModules returns modules with configuration and documentation.
func listModules() []string {
	return strings.Fields(`
		code.gitea.io/gitea@v1.28.0-dev
		github.com/aquasecurity/trivy@v0.74.0
		github.com/cert-manager/cert-manager@v1.21.2
		github.com/containerd/containerd/v2@v2.4.2
		github.com/dapr/dapr@v1.14.0
		github.com/dexidp/dex@v2.13.0+incompatible
		github.com/distribution/distribution/v3@v3.1.2
		github.com/docker/cli@v29.9.3+incompatible
		github.com/external-secrets/external-secrets@v1.3.2
		github.com/grafana/loki/v3@v3.7.8
		github.com/grpc-ecosystem/grpc-gateway/v2@v2.30.0
		github.com/hashicorp/vault@v1.21.4
		github.com/influxdata/telegraf@v1.37.2
		github.com/jaegertracing/jaeger@v1.76.0
		github.com/kedacore/keda/v2@v2.21.0
		github.com/kyverno/kyverno@v1.19.1
		github.com/moby/buildkit@v0.34.2
		github.com/nats-io/nats-server/v2@v2.15.3
		github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6
		github.com/ollama/ollama@v0.17.4
		github.com/open-policy-agent/opa@v1.22.4
		github.com/ory/kratos@v1.3.1
		github.com/prometheus-operator/prometheus-operator@v0.85.0
		github.com/prometheus/alertmanager@v0.35.0
		github.com/prometheus/prometheus@v0.316.0
		github.com/rclone/rclone@v1.76.0
		github.com/sendgrid/sendgrid-go@v3.16.1+incompatible
		github.com/sigstore/rekor@v1.5.3
		github.com/testcontainers/testcontainers-go@v0.42.0
		github.com/traefik/traefik/v3@v3.7.13
		go.k6.io/k6@v1.8.1
		go.opentelemetry.io/otel@v1.46.0
		knative.dev/serving@v0.51.0`)
}

// listPackages returns packages of npm with configuration and documentation.
func listPackages() []string {
	return strings.Fields(`
		@anthropic-ai/sdk@1.14.0
		@auth0/nextjs-auth0@4.30.0
		@aws-amplify/cli@14.5.1
		@azure/identity@4.13.1
		@backstage/create-app@0.9.2
		@google-cloud/storage@7.22.0
		@redocly/cli@2.77.0
		@slack/bolt@5.1.0
		amqplib@2.3.1
		axios@1.21.1
		express@5.3.0
		fastify@5.12.8
		firebase-tools@15.34.2
		flowise@3.1.4
		gatsby@5.16.1
		ghost@5.130.6
		grant@5.4.24
		ioredis@6.0.0
		jsonwebtoken@9.0.3
		keycloak-connect@26.1.1
		knex@3.3.0
		ldapjs@3.0.7
		mongodb@7.9.0
		mysql2@3.24.6
		n8n-nodes-base@2.41.2
		newman@6.2.2
		next@16.4.6
		nodemailer@10.6.1
		openai@6.49.0
		parse-server@9.10.0
		pg@8.23.1
		pm2@7.0.4
		release-it@20.2.1
		semantic-release@24.2.9
		sequelize@6.37.8
		ssh2@1.17.0
		strapi@3.1.4
		stripe@23.1.0
		swagger-jsdoc@6.3.0
		twilio@6.3.1
		verdaccio@6.8.0`)
}

// downloadModule returns the directory of a module in the module cache.
func downloadModule(ctx context.Context, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir = os.TempDir() // outside of any module, whose checksums do not matter here
	out, err := cmd.Output()
	var info struct{ Dir, Error string }
	if decodeErr := json.Unmarshal(out, &info); decodeErr != nil {
		return "", fmt.Errorf("download %s: %w", module, errors.Join(err, decodeErr))
	}
	if info.Dir == "" {
		return "", fmt.Errorf("download %s: %s", module, info.Error)
	}
	return info.Dir, nil
}

// downloadPackage returns the directory of a package of npm below dir.
func downloadPackage(ctx context.Context, dir, name string) (string, error) {
	target := filepath.Join(dir, "npm", strings.NewReplacer("/", "-", "@", "_").Replace(name))
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	work, err := os.MkdirTemp("", "foreign-npm-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--pack-destination", work, name)
	cmd.Dir = work
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("download %s from npm: %w", name, err)
	}
	archive, err := os.ReadFile(filepath.Join(work, filepath.Base(strings.TrimSpace(string(out)))))
	if err != nil {
		return "", err
	}
	if err := unpack(archive, target+".part"); err != nil {
		return "", fmt.Errorf("unpack %s: %w", name, err)
	}
	return target, os.Rename(target+".part", target)
}

// maxUnpacked is the maximum size of a file of a package in bytes.
const maxUnpacked = 16 << 20

// unpack writes the regular files of a package into a directory.
func unpack(archive []byte, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	plain, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	for tr := tar.NewReader(plain); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		_, name, _ := strings.Cut(path.Clean(h.Name), "/")
		if h.Typeflag != tar.TypeReg || h.Size > maxUnpacked || !isSampled(name) {
			continue
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return err
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(name, data, 0o644); err != nil {
			return err
		}
	}
}

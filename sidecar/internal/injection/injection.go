// SPDX-License-Identifier: Apache-2.0

// Package injection tests with dry runs whether the admission policies of the Kubernetes API server
// change a pod. It runs in hooks of the chart.
package injection

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/limit"
)

const (
	// ServiceAccountDir is where Kubernetes mounts a pod's service account.
	ServiceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"
	// dryRunInterval is the interval between dry runs.
	dryRunInterval = 100 * time.Millisecond
	// requiredInARow is the number of consecutive dry runs that must succeed, because each API server of a
	// cluster loads a policy on its own.
	requiredInARow = 5
	// requestTimeout bounds one dry run.
	requestTimeout = 10 * time.Second
	// maxResponse limits the response to a dry run and maxFile a file of the service account, in
	// bytes.
	maxResponse = 4 << 20
	maxFile     = 1 << 20
)

// Client creates pods as dry runs in one namespace.
type Client struct {
	http      *http.Client
	url       string
	tokenFile string
}

// InCluster returns a client for the API server and the namespace of this pod. env has the address
// of the server, as in every pod; dir holds the service account.
func InCluster(env map[string]string, dir string) (*Client, error) {
	host := env["KUBERNETES_SERVICE_HOST"]
	port := env["KUBERNETES_SERVICE_PORT"]
	if host == "" || port == "" {
		return nil, errors.New("find the API server: not running in a pod: KUBERNETES_SERVICE_HOST or " +
			"KUBERNETES_SERVICE_PORT is not set")
	}
	namespace, err := readFile(filepath.Join(dir, "namespace"))
	if err != nil {
		return nil, fmt.Errorf("find the namespace of the service account: %w", err)
	}
	ca, err := readFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("find the CA of the API server: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(ca)) {
		return nil, fmt.Errorf("%s has no certificate", filepath.Join(dir, "ca.crt"))
	}
	server := url.URL{
		Scheme:   "https",
		Host:     net.JoinHostPort(host, port),
		RawQuery: "dryRun=All&fieldManager=workspaces-release",
	}
	transport := &http.Transport{
		DisableKeepAlives: true, // a new connection may reach another API server
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	return &Client{
		http:      &http.Client{Timeout: requestTimeout, Transport: transport},
		url:       server.JoinPath("api/v1/namespaces", namespace, "pods").String(),
		tokenFile: filepath.Join(dir, "token"),
	}, nil
}

// Await creates the pod, given as JSON, in dry runs until it has the annotation several times in a
// row. If ctx ends first, the error includes that of the last dry run.
func (c *Client) Await(ctx context.Context, pod []byte, name, value string) error {
	ticker := time.NewTicker(dryRunInterval)
	defer ticker.Stop()
	var last error
	for good := 0; good < requiredInARow; {
		annotations, err := c.dryRun(ctx, pod)
		switch {
		case ctx.Err() != nil: // the previous error is more useful
		case err != nil:
			good = 0
			last = err
		case annotations[name] != value:
			good = 0
			last = notInjectedError(name, annotations[name])
		default:
			good++
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), last)
		}
	}
	return nil
}

func notInjectedError(name, got string) error {
	if got == "" {
		return fmt.Errorf("the API server injects nothing: the pod lacks annotation %s", name)
	}
	return fmt.Errorf("the API server injects the sidecar of another revision: annotation %s is %q", name, got)
}

// dryRun returns the annotations that the created pod would have.
func (c *Client) dryRun(ctx context.Context, pod []byte) (map[string]string, error) {
	token, err := readFile(c.tokenFile) // Kubernetes rotates it
	if err != nil {
		return nil, fmt.Errorf("read the token of the service account: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(pod))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("query the API server: %w", err)
	}
	defer resp.Body.Close()
	data, err := limit.ReadAll(resp.Body, "the response", maxResponse)
	if err != nil {
		return nil, fmt.Errorf("query the API server: %w", err)
	}
	return decodeResponse(resp.StatusCode, data)
}

// decodeResponse decodes a pod, or the status that the API server returns instead.
func decodeResponse(code int, data []byte) (map[string]string, error) {
	var answer struct {
		Kind, Message string
		Metadata      struct{ Annotations map[string]string }
	}
	err := json.Unmarshal(data, &answer)
	switch {
	case code == http.StatusCreated && err == nil && answer.Kind == "Pod":
		return answer.Metadata.Annotations, nil
	case err == nil && answer.Kind == "Status" && answer.Message != "":
		return nil, fmt.Errorf("the API server rejected the pod: HTTP %d: %s", code, answer.Message)
	}
	return nil, fmt.Errorf("the API server responded with HTTP %d and no pod", code)
}

// readFile returns the content of a small file, without surrounding white space.
func readFile(path string) (string, error) {
	data, err := limit.ReadFile(path, maxFile)
	return strings.TrimSpace(string(data)), err
}

// SPDX-License-Identifier: Apache-2.0

// Package injection asks the Kubernetes API server what its admission policies
// make of a pod, without creating one. It runs in hooks of the chart.
package injection

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// ServiceAccountDir is where Kubernetes mounts the account of a pod.
	ServiceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"
	// askEvery is the time between two dry runs.
	askEvery = 100 * time.Millisecond
	// inARow is how many dry runs in a row have to succeed: each API server of a
	// cluster takes notice of a policy by itself.
	inARow = 5
	// requestTimeout bounds one dry run.
	requestTimeout = 10 * time.Second
	// maxAnswer bounds the answer to a dry run, and maxFile a file of the account, in bytes.
	maxAnswer = 4 << 20
	maxFile   = 1 << 20
)

// Client makes dry runs in one namespace.
type Client struct {
	http      *http.Client
	url       string
	tokenFile string
}

// InCluster returns a client for the API server and the namespace of this pod.
// The environment names the server, as in every pod; dir holds the service account.
func InCluster(env map[string]string, dir string) (*Client, error) {
	host, port := env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]
	if host == "" || port == "" {
		return nil, errors.New("find the API server: this is not a pod, as KUBERNETES_SERVICE_HOST or " +
			"KUBERNETES_SERVICE_PORT is not set")
	}
	namespace, err := readFile(filepath.Join(dir, "namespace"))
	if err != nil {
		return nil, fmt.Errorf("find the namespace of the service account: %w", err)
	}
	ca, err := readFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("find the authority of the API server: %w", err)
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

// Await makes dry runs of a pod, in JSON, until it gets the annotation several times
// in a row. The error at the end of ctx says what kept it from that.
func (c *Client) Await(ctx context.Context, pod []byte, name, value string) error {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	var last error
	for good := 0; good < inARow; {
		annotations, err := c.dryRun(ctx, pod)
		switch {
		case ctx.Err() != nil: // the answer before says more
		case err != nil:
			good, last = 0, err
		case annotations[name] != value:
			good, last = 0, notInjected(name, annotations[name])
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

func notInjected(name, got string) error {
	if got == "" {
		return fmt.Errorf("the API server injects nothing: the pod gets no annotation %s", name)
	}
	return fmt.Errorf("the API server injects what another revision says: the annotation %s is %q", name, got)
}

// dryRun returns the annotations that the pod would have.
func (c *Client) dryRun(ctx context.Context, pod []byte) (map[string]string, error) {
	token, err := readFile(c.tokenFile) // Kubernetes replaces it
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
		return nil, fmt.Errorf("ask the API server: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask the API server: %w", err)
	}
	return readAnswer(resp.StatusCode, data)
}

// readAnswer reads a pod, or the status that the API server answers instead.
func readAnswer(code int, data []byte) (map[string]string, error) {
	var answer struct {
		Kind, Message string
		Metadata      struct{ Annotations map[string]string }
	}
	err := json.Unmarshal(data, &answer)
	switch {
	case code == http.StatusCreated && err == nil && answer.Kind == "Pod":
		return answer.Metadata.Annotations, nil
	case err == nil && answer.Kind == "Status" && answer.Message != "":
		return nil, fmt.Errorf("the API server refuses the pod: HTTP %d: %s", code, answer.Message)
	}
	return nil, fmt.Errorf("the API server answers HTTP %d without a pod", code)
}

// readFile returns the content of a small file without white space around it.
func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	return strings.TrimSpace(string(data)), err
}

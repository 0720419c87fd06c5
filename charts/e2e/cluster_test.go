// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// cluster is the cluster of KUBECONFIG.
type cluster struct {
	kubectl, helm, builder string
	images, chart          string // paths of our own
	architecture           string
	version                string
	minor                  int // of the version 1.minor
	proofs                 []proof
}

// proof is a row of the result.
type proof struct {
	name, remark string
	took         time.Duration
	ok           bool
}

func openCluster(t *testing.T) *cluster {
	t.Helper()
	if os.Getenv("KUBECONFIG") == "" {
		t.Fatal("KUBECONFIG is not set: it names the cluster to use")
	}
	c := &cluster{kubectl: cmp.Or(os.Getenv("E2E_KUBECTL"), "kubectl"), helm: cmp.Or(os.Getenv("E2E_HELM"), "helm"),
		builder: os.Getenv("E2E_BUILDER"), images: os.Getenv("E2E_IMAGES"),
		chart: os.Getenv("E2E_CHART")}
	if c.builder == "" || c.images == "" || c.chart == "" {
		t.Fatal("E2E_BUILDER, E2E_IMAGES or E2E_CHART is not set: run make e2e")
	}
	server := decode[struct {
		ServerVersion struct{ Minor, GitVersion string }
	}](t, mustRun(t, c.kubectl, "version", "-o", "json")).ServerVersion
	minor, err := strconv.Atoi(strings.TrimSuffix(server.Minor, "+"))
	if err != nil {
		t.Fatal(err)
	}
	c.minor, c.version = minor, server.GitVersion
	c.architecture = mustRun(t, c.kubectl, "get", "nodes", "-o", "jsonpath={.items[0].status.nodeInfo.architecture}")
	return c
}

func (c *cluster) platform() v1.Platform {
	return v1.Platform{OS: "linux", Architecture: c.architecture}
}

// prove runs one proof and records its remark. It ends the group after a failed proof, because later ones
// depend on it.
func (c *cluster) prove(t *testing.T, name string, f func(t *testing.T) (remark string)) {
	t.Helper()
	p, began := proof{name: name}, time.Now()
	p.ok = t.Run(name, func(t *testing.T) { p.remark = f(t) })
	p.took = time.Since(began)
	c.proofs = append(c.proofs, p)
	if !p.ok {
		t.FailNow()
	}
}

// printResult prints the result in the format of docs/e2e.md.
func (c *cluster) printResult() {
	fmt.Printf("\nKubernetes %s, linux/%s\n\n| proof | took | |\n|---|---:|---|\n", c.version, c.architecture)
	for _, p := range c.proofs {
		fmt.Printf("| %s | %.0f s | %s |\n", p.name, p.took.Seconds(),
			map[bool]string{true: p.remark, false: "**FAILED**"}[p.ok])
	}
	fmt.Println()
}

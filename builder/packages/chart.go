// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/package-url/packageurl-go"
	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/spdx"
)

// maxChart is the maximum size of the unpacked chart in bytes.
const maxChart = 16 << 20

// writeChart writes the chart with constant times instead of helm's, which are those of the
// packaging, and its bill of materials.
func (r *release) writeChart() error {
	if r.chart == "" {
		return nil
	}
	entries, err := readChart(r.chart)
	if err != nil {
		return fmt.Errorf("read the chart %s: %w", r.chart, err)
	}
	name, err := r.checkChart(entries)
	if err != nil {
		return err
	}
	file := name + "-" + r.versionNumber() + ".tgz"
	dest := filepath.Join(r.dir, file)
	if err := replaceFile(dest, func(w io.Writer) error { return writeTar(w, entries, r.epoch) }); err != nil {
		return err
	}
	sum, err := fileChecksum(dest)
	if err != nil {
		return err
	}
	bill, err := r.chartSBOM(name, sum).Encode()
	if err != nil {
		return err
	}
	return r.writeFile(file+".spdx.json", bill)
}

func readChart(name string) ([]entry, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	compressed, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for in := tar.NewReader(limit.NewReader(compressed, "the chart", maxChart)); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		} else if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{name: header.Name, mode: 0o644, data: data})
	}
}

// checkChart returns the name of the chart. Its version must be the release's, because the chart
// pulls the image of its appVersion.
func (r *release) checkChart(entries []entry) (string, error) {
	for _, e := range entries {
		if path.Base(e.name) != "Chart.yaml" {
			continue
		}
		var chart struct {
			Name       string `yaml:"name"`
			Version    string `yaml:"version"`
			AppVersion string `yaml:"appVersion"`
		}
		if err := yaml.Unmarshal(e.data, &chart); err != nil {
			return "", fmt.Errorf("%s: %w", e.name, err)
		}
		if chart.Version != r.versionNumber() || chart.AppVersion != r.versionNumber() {
			return "", fmt.Errorf("%s: version %q and appVersion %q are not %s: set both", e.name, chart.Version,
				chart.AppVersion, r.versionNumber())
		}
		return chart.Name, nil
	}
	return "", errors.New("the chart has no Chart.yaml")
}

// chartSBOM lists the chart and the program in the image that it deploys.
func (r *release) chartSBOM(name, sum string) *spdx.Document {
	title := name + "-" + r.version
	namespace := r.sourceURL() + "/spdx/" + title + "-" + sum
	doc := spdx.New(title, namespace, r.epoch, "packages-"+r.version)
	purl := func(name string) string {
		return packageurl.NewPackageURL(packageurl.TypeGeneric, "", name, r.version, nil, "").ToString()
	}
	root := spdx.NewPackage(spdx.NewID("Chart", name), name, r.version, purl(name))
	root.Purpose = "INSTALL"
	root.LicenseDeclared = "Apache-2.0"
	doc.Describe(root)
	image := spdx.NewPackage(spdx.NewID("Image", "sidecar"), "sidecar", r.version, purl("sidecar"))
	image.Purpose = "CONTAINER"
	image.LicenseDeclared = "Apache-2.0"
	doc.Add(image)
	doc.Relate(root.ID, spdx.DependsOn, image.ID)
	return doc
}

// sourceURL returns the URL of the repository.
func (r *release) sourceURL() string { return r.archives[0].binary.Source() }

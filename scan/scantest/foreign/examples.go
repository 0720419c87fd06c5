// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// corpus is a set of examples with the scanner that they were written for.
type corpus struct {
	name     string
	rules    int
	examples []example
	// files is the number of files with rules, for checkouts.
	files int
}

// minSecret is the minimum length of a secret in bytes. What is shorter in examples is a part of a
// secret, or a word.
const minSecret = 8

// listCorpora returns the corpora, each with a sample of its examples.
func (m *meter) listCorpora(ctx context.Context) ([]corpus, error) {
	var list []corpus
	add := func(name string, examples []example, files int, err error) error {
		examples = slices.DeleteFunc(examples, func(e example) bool { return len(e.secret) < minSecret })
		tried := sample(examples, m.sample, func(e example) string { return e.rule })
		list = append(list, corpus{name, len(examples), tried, files})
		return err
	}
	read := func(name, module, dir string, load func(string) ([]example, error)) error {
		root, err := downloadModule(ctx, module)
		if err != nil {
			return err
		}
		examples, err := load(filepath.Join(root, dir))
		return add(name, examples, 0, err)
	}
	fromGenerator := func(dir string) ([]example, error) { return gitleaksExamples(ctx, dir, 1) }
	if err := read("gitleaks", gitleaksModule, "", fromGenerator); err != nil {
		return nil, err
	}
	if err := read("TruffleHog", trufflehogModule, "pkg/detectors", goExamples); err != nil {
		return nil, err
	}
	if err := read("OSV-SCALIBR", scalibrModule, "veles/secrets", goExamples); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(m.rules)) {
		examples, files, err := yamlExamples(m.rules[name], 1)
		if err := add(name, examples, files, err); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// rate counts how many examples in a place each program finds.
type rate struct {
	total int
	found []int
}

// placeRates are the rates of the places in a workspace, by the name of the place.
type placeRates struct{ telling, neutral map[string]*rate }

func newPlaceRates() *placeRates { return &placeRates{map[string]*rate{}, map[string]*rate{}} }

// measureExamples counts the examples that the programs find alone in a file and in workspaces.
func (m *meter) measureExamples(ctx context.Context) error {
	corpora, err := m.listCorpora(ctx)
	if err != nil {
		return err
	}
	alone := map[string]*rate{}
	fetched := newPlaceRates()
	checkouts := newPlaceRates()
	for _, c := range corpora {
		rates := fetched
		if m.rules[c.name] != "" {
			rates = checkouts
		}
		t := newTree(filepath.Join(m.dir, "examples-"+c.name))
		for i, e := range c.examples {
			t.plant(alone, c.name, fmt.Sprintf("alone-%04d/example.txt", i), []byte(e.text), c.name+": "+e.rule)
			t.plantInPlaces(rates, c.name, i, e)
		}
		if err := m.runPlanted(ctx, t); err != nil {
			return err
		}
	}
	m.text.WriteString("\n### Examples of rules\n\n" + examplesIntro)
	for _, c := range corpora {
		m.writeRow(fmt.Sprintf("%s | %d", c.name, c.rules), alone[c.name])
	}
	m.text.WriteString(placesIntro)
	m.writePlaces(fetched)
	m.text.WriteString(placesNotes)
	if len(m.rules) > 0 {
		isFetched := func(c corpus) bool { return m.rules[c.name] == "" }
		m.text.WriteString(describeCheckouts(slices.DeleteFunc(corpora, isFetched)))
		m.writePlaces(checkouts)
		m.text.WriteString(checkoutsNotes)
	}
	return nil
}

// plantInPlaces adds workspaces with the secret of an example in each place that it fits.
func (t *tree) plantInPlaces(rates *placeRates, corpus string, number int, e example) {
	for n, p := range listPlaces() {
		if !p.fits(e.secret) {
			continue
		}
		what := fmt.Sprintf("%s: %s: %s: %.60q", corpus, e.rule, p.name, e.secret)
		file := fmt.Sprintf("%02d-%04d/%s", n, number, p.file)
		t.plant(rates.telling, p.name, "telling-"+file, p.write(p.telling, e.secret), what+", telling")
		t.plant(rates.neutral, p.name, "neutral-"+file, p.write(p.neutral, e.secret), what+", neutral")
	}
}

func (m *meter) writePlaces(rates *placeRates) {
	for _, p := range listPlaces() {
		m.writeRow(p.name+" | telling", rates.telling[p.name])
		m.writeRow(" | neutral", rates.neutral[p.name])
	}
}

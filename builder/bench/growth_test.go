// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestPictureHasEveryPoint(t *testing.T) {
	rising := []float64{0.2, 0.4, 0.9, 2, 7, 23}
	picture := drawPanels([]panel{{"time", rising, rising}, {"memory", rising, rising}})
	circles := 0
	for decoder := xml.NewDecoder(strings.NewReader(picture)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "circle" {
			circles++
		}
	}
	if want := 2 * 2 * len(sizes); circles != want {
		t.Errorf("the picture has %d points, want %d", circles, want)
	}
	if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") {
		t.Errorf("the picture has coordinates that are no numbers:\n%s", picture)
	}
}

func TestMedianAndRange(t *testing.T) {
	list := samples{{wall: 3e9, cpu: 1e9, peak: 10}, {wall: 1e9, cpu: 3e9, peak: 30}, {wall: 2e9, cpu: 2e9, peak: 20}}
	if got, want := list.String(), "2.00 s (1.00–3.00) | 2.00 s | 20 MiB"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// SPDX-License-Identifier: Apache-2.0

package soak

import "slices"

// Growth compares the early and the late resource usage of the first sidecar, which runs as long as
// the soak.
type Growth []Series

// Series is one resource. Early is the median of the second quarter of the soak, Late the median of
// the last quarter, and Max the maximum over all sidecars.
type Series struct {
	Name, Unit       string
	Early, Late, Max float64
	// Allowed is the maximum difference of Late and Early, and Limit the maximum of Max.
	Allowed, Limit float64
}

// Growth returns the measured resources with their limits.
func (r *Record) Growth() Growth {
	const mb = 1e6
	return Growth{
		r.newSeries("resident memory", "MB", 2, 30, func(s Sample) float64 { return s.RSS / mb }),
		r.newSeries("file descriptors", "", 2, 64, func(s Sample) float64 { return float64(s.FDs) }),
		r.newSeries("goroutines", "", 4, 100, func(s Sample) float64 { return float64(s.Goroutines) }),
		r.newSeries("inotify watches", "", 1, 16, func(s Sample) float64 { return float64(s.Watches) }),
	}
}

func (r *Record) newSeries(name, unit string, allowed, limit float64, of func(Sample) float64) Series {
	s := Series{Name: name, Unit: unit, Allowed: allowed, Limit: limit}
	var early, late []float64
	quarter := r.End.Sub(r.Begin) / 4
	for _, one := range r.Samples {
		v := of(one)
		s.Max = max(s.Max, v)
		switch age := one.At.Sub(r.Begin); {
		case one.Slot != 0 || age < quarter:
		case age < 2*quarter:
			early = append(early, v)
		case age >= 3*quarter:
			late = append(late, v)
		}
	}
	s.Early = median(early)
	s.Late = median(late)
	return s
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func (g Growth) findViolations() (wrong findings) {
	for _, s := range g {
		if s.Early == 0 || s.Late == 0 {
			wrong.addf("growth: %s was not measured", s.Name)
		}
		if s.Late > s.Early+s.Allowed {
			wrong.addf("growth: %s from %.1f to %.1f %s; %g more are allowed", s.Name, s.Early, s.Late, s.Unit, s.Allowed)
		}
		if s.Max > s.Limit {
			wrong.addf("growth: %s up to %.1f %s, the limit is %g", s.Name, s.Max, s.Unit, s.Limit)
		}
	}
	return wrong
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

// redactAll hides secrets in all texts from the releases. The lines of hunks are redacted before they
// are compared.
func (r *Report) redactAll(hide func(string) string) {
	each := func(texts ...*string) {
		for _, s := range texts {
			if s != nil {
				*s = hide(*s)
			}
		}
	}
	all := func(lists ...[]string) {
		for _, list := range lists {
			for i := range list {
				each(&list[i])
			}
		}
	}
	for _, s := range []*Side{&r.Old, &r.New} {
		each(&s.Release, &s.Source.URL, &s.Source.Ref, &s.Source.Subdir)
	}
	for i := range r.Warnings {
		each(&r.Warnings[i].Workspace)
	}
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		each(&w.Slug, &w.RenamedFrom, &w.Version.Old, &w.Version.New)
		for j := range w.Reasons {
			each(&w.Reasons[j].File, &w.Reasons[j].Message)
		}
		all(w.Groups.Old, w.Groups.New, w.DependsOn.Old, w.DependsOn.New)
		all(w.Secrets.Old, w.Secrets.New, w.Config.Old, w.Config.New)
		for j := range w.Fields {
			each(&w.Fields[j].Old, &w.Fields[j].New)
		}
		for j := range w.Files {
			f := &w.Files[j]
			each(&f.Path)
			for k := range f.Hunks {
				each(&f.Hunks[k].Where)
			}
		}
	}
	for i := range r.OnlyVersion.Versions {
		each(&r.OnlyVersion.Versions[i].Old, &r.OnlyVersion.Versions[i].New)
	}
	for i := range r.Groups {
		g := &r.Groups[i]
		each(&g.Name)
		all(g.Labels.Old, g.Labels.New, g.Order.Old, g.Order.New)
	}
	for i := range r.Settings {
		s := &r.Settings[i]
		each(&s.Name)
		s.Old = redactCopy(s.Old, hide)
		s.New = redactCopy(s.New, hide)
	}
	all(r.Accepted.Old, r.Accepted.New)
}

// redactCopy returns a redacted copy: several settings may share a value.
func redactCopy(s *string, hide func(string) string) *string {
	if s == nil {
		return nil
	}
	redacted := hide(*s)
	return &redacted
}

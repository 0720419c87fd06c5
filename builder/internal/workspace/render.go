// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// WriteText writes the plan as text: the steps in order, each with its dependencies.
func (p *Plan) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "Import order, as the platform will follow it:")
	after := byWorkspace(p.Dependencies)
	needs := byWorkspace(p.External)
	for i, g := range p.Groups {
		fmt.Fprintf(out, "\n%d. group %s (%s)\n", i+1, terminal.Safe(g.Name),
			terminal.Plural(len(g.Workspaces), "workspace"))
		for j, s := range g.Workspaces {
			writeStep(out, j+1, s, after[s.Slug], needs[s.Slug])
		}
	}
	fmt.Fprintf(out, "\n%s, %s within the repository, %s outside of it\n",
		terminal.Plural(len(p.Groups), "group"), terminal.Plural(len(p.Dependencies), "dependency"),
		terminal.Plural(len(p.External), "dependency"))
	return out.Flush()
}

func byWorkspace(list []Dependency) map[string][]Dependency {
	found := map[string][]Dependency{}
	for _, d := range list {
		found[d.Workspace] = append(found[d.Workspace], d)
	}
	return found
}

// writeStep writes a workspace, its providers, and the apps that it needs.
func writeStep(out io.Writer, number int, s Step, after, needs []Dependency) {
	fmt.Fprintf(out, "%4d. %s %s", number, terminal.Safe(s.Slug), cmp.Or(terminal.Safe(s.Version), "(no version name)"))
	if s.App != "" {
		fmt.Fprintf(out, ", publishes app \"%s\"", terminal.Safe(s.App))
	}
	fmt.Fprintln(out)
	for _, d := range after {
		fmt.Fprintf(out, "        after %s, for app \"%s\" (%s)\n", terminal.Safe(d.Provider), terminal.Safe(d.App),
			terminal.Safe(d.DeclaredAt.String()))
	}
	for _, d := range needs {
		fmt.Fprintf(out, "        needs app \"%s\" on the platform (%s)\n", terminal.Safe(d.App),
			terminal.Safe(d.DeclaredAt.String()))
	}
}

// WriteDOT writes the plan as a Graphviz graph with a cluster per group. Arrows follow the import,
// from the provider of an app to its users.
func (p *Plan) WriteDOT(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "digraph plan {\n  rankdir=LR;\n  node [shape=box];")
	for i, g := range p.Groups {
		fmt.Fprintf(out, "  subgraph cluster_%d {\n    label=%s;\n", i, dotQuote(fmt.Sprintf("%d. %s", i+1, g.Name)))
		for j, s := range g.Workspaces {
			fmt.Fprintf(out, "    %s [label=%s];\n", dotQuote(s.Slug),
				dotQuote(fmt.Sprintf("%d. %s\n%s", j+1, s.Slug, s.Version)))
		}
		fmt.Fprintln(out, "  }")
	}
	for _, d := range p.Dependencies {
		fmt.Fprintf(out, "  %s -> %s [label=%s];\n", dotQuote(d.Provider), dotQuote(d.Workspace), dotQuote(d.App))
	}
	for _, d := range p.External {
		app := dotQuote("app/" + d.App)
		fmt.Fprintf(out, "  %s [style=dashed];\n  %s -> %s [style=dashed];\n", app, app, dotQuote(d.Workspace))
	}
	fmt.Fprintln(out, "}")
	return out.Flush()
}

// WriteMermaid writes the plan as a Mermaid flowchart, which GitLab and GitHub render, with a
// subgraph per group. Arrows follow the import.
func (p *Plan) WriteMermaid(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "flowchart LR")
	ids := map[string]string{}
	id := func(name string) string {
		if ids[name] == "" {
			ids[name] = fmt.Sprintf("n%d", len(ids)+1)
		}
		return ids[name]
	}
	for i, g := range p.Groups {
		fmt.Fprintf(out, "  subgraph g%d[%s]\n", i+1, mermaidQuote(fmt.Sprintf("%d. %s", i+1, g.Name)))
		for j, s := range g.Workspaces {
			label := strings.TrimSpace(fmt.Sprintf("%d. %s %s", j+1, s.Slug, s.Version))
			fmt.Fprintf(out, "    %s[%s]\n", id(s.Slug), mermaidQuote(label))
		}
		fmt.Fprintln(out, "  end")
		if i > 0 {
			fmt.Fprintf(out, "  g%d ==> g%d\n", i, i+1)
		}
	}
	for _, d := range p.Dependencies {
		fmt.Fprintf(out, "  %s -->|%s| %s\n", id(d.Provider), mermaidQuote(d.App), id(d.Workspace))
	}
	for _, d := range p.External {
		app := id("app/" + d.App)
		fmt.Fprintf(out, "  %s([%s]) -.-> %s\n", app, mermaidQuote("app/"+d.App), id(d.Workspace))
	}
	return out.Flush()
}

// mermaidQuote returns a quoted text. It escapes Mermaid syntax as entities and removes characters
// that are unsafe on a terminal.
func mermaidQuote(s string) string {
	var out strings.Builder
	for _, r := range terminal.Safe(s) {
		switch {
		case strings.ContainsRune("\"#<>&`;", r):
			fmt.Fprintf(&out, "#%d;", r)
		default:
			out.WriteRune(r)
		}
	}
	return `"` + out.String() + `"`
}

// dotQuote returns a quoted DOT string, without characters that are unsafe on a terminal. A line
// feed becomes a line break.
func dotQuote(s string) string {
	s = terminal.Lines(s)
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// WriteJSON writes the plan as indented JSON.
func (p *Plan) WriteJSON(w io.Writer) error {
	return document.Write(w, p)
}

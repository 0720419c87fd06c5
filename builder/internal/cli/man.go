// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"strings"

	"github.com/prismeai/workspaces-release/internal/manual"
)

// ManualPages returns [Pages] with the additional content of manual pages.
func ManualPages() []manual.Page {
	list := Pages()
	for i := range list {
		p := &list[i]
		p.Environment = environmentOf(p)
		p.Files = ofGroups(p, groupFiles())
		if i == 0 {
			for _, other := range list[1:] {
				p.SeeAlso = append(p.SeeAlso, manPageName(other.Name))
			}
			continue
		}
		p.ExitCodes = exitCodes(commandName(p.Name))
		p.SeeAlso = []string{"builder"}
	}
	return list
}

// groupItem is a variable or file, and the flag groups whose commands read it.
type groupItem struct {
	manual.Item
	groups []string
}

func groupEnvironment() []groupItem {
	remote := []string{groupSource, groupRegistry, groupPlatform}
	return []groupItem{
		{manual.Item{Term: "BUILDER_GIT_TOKEN", Text: "The token for the Git server. In a CI job, CI_JOB_TOKEN and " +
			"GITHUB_TOKEN serve for the " +
			"server that runs it."}, []string{groupSource}},
		{manual.Item{Term: "NETRC",
			Text: "The file of credentials for Git servers (default: ~/.netrc)."}, []string{groupSource}},
		{manual.Item{Term: "SSH_AUTH_SOCK", Text: "The socket of the SSH agent."}, []string{groupSource}},
		{manual.Item{Term: "SSH_KNOWN_HOSTS", Text: "The files of known SSH hosts, separated by colons (default: " +
			"~/.ssh/known_hosts)."}, []string{groupSource}},
		{manual.Item{Term: "BUILDER_TOKEN, BUILDER_FROM_TOKEN, BUILDER_TO_TOKEN",
			Text: "The access tokens of platforms, where no file is named."}, []string{groupPlatform}},
		{manual.Item{Term: "DOCKER_CONFIG", Text: "The directory of config.json with the credentials of registries " +
			"(default: ~/.docker)."}, []string{groupRegistry}},
		{manual.Item{Term: envBuildkitHost,
			Text: "The address of a BuildKit daemon, as for buildctl."}, []string{groupBuildKit}},
		{manual.Item{Term: "HTTPS_PROXY, HTTP_PROXY, NO_PROXY",
			Text: "The proxies, and the hosts that need none."}, remote},
		{
			manual.Item{
				Term: "SOURCE_DATE_EPOCH",
				Text: "The time of the release in seconds since 1970 (default: the time of " +
					"the commit).",
			},
			[]string{groupRelease, groupScan},
		},
		{manual.Item{Term: "TMPDIR",
			Text: "The directory of temporary files."}, []string{groupSource, groupRelease}},
		{
			manual.Item{
				Term: "NO_COLOR, TERM",
				Text: "NO_COLOR switches colours off. TERM=dumb switches the moving line of " +
					"progress off, too.",
			},
			[]string{groupOutput},
		},
		{manual.Item{Term: "COLUMNS", Text: "The width of the help, in columns."}, []string{groupGeneral}},
	}
}

func groupFiles() []groupItem {
	return []groupItem{
		{manual.Item{Term: "release.yaml", Text: "The release file of --config: settings, groups, and severities of " +
			"rules."}, []string{groupGeneral}},
		{manual.Item{Term: ".releaseignore",
			Text: "At the top of SOURCE: what does not ship, in the syntax of .gitignore."}, []string{groupSource}},
		{manual.Item{Term: "SLUG/.import.yml", Text: "The metadata that the platform writes for a workspace: groups, " +
			"version, dependencies and " +
			"checksums."}, []string{groupSource}},
		{manual.Item{Term: "scan-policy.yaml",
			Text: "The policy of the secret scan: detectors, limits and excluded paths."}, []string{groupScan}},
		{manual.Item{Term: "scan-baseline.yaml",
			Text: "Findings that someone has accepted until a date."}, []string{groupScan}},
		{manual.Item{Term: "~/.docker/config.json",
			Text: "Credentials and credential helpers of registries, as docker login " +
				"writes them."}, []string{groupRegistry}},
		{manual.Item{Term: "~/.netrc", Text: "Credentials of Git servers."}, []string{groupSource}},
	}
}

// manPageName returns the name of a command's manual page.
func manPageName(command string) string { return strings.ReplaceAll(command, " ", "-") }

// commandName returns the last word of a command.
func commandName(path string) string { return path[strings.LastIndex(path, " ")+1:] }

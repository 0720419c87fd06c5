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
		p.Environment = listEnvironment(p)
		p.Files = filterGroups(p, groupFiles())
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

func newGroupItem(term, text string, groups ...string) groupItem {
	return groupItem{manual.Item{Term: term, Text: text}, groups}
}

func groupEnvironment() []groupItem {
	remote := []string{groupSource, groupRegistry, groupPlatform}
	return []groupItem{
		newGroupItem("BUILDER_GIT_TOKEN",
			"The token for the Git server. In a CI job, CI_JOB_TOKEN and GITHUB_TOKEN serve for the server that runs it.",
			groupSource),
		newGroupItem("NETRC", "The file of credentials for Git servers (default: ~/.netrc).", groupSource),
		newGroupItem("SSH_AUTH_SOCK", "The socket of the SSH agent.", groupSource),
		newGroupItem("SSH_KNOWN_HOSTS",
			"The files of known SSH hosts, separated by colons (default: ~/.ssh/known_hosts).", groupSource),
		newGroupItem("BUILDER_TOKEN, BUILDER_FROM_TOKEN, BUILDER_TO_TOKEN",
			"The access tokens of platforms, where no file is named.", groupPlatform),
		newGroupItem("DOCKER_CONFIG",
			"The directory of config.json with the credentials of registries (default: ~/.docker).", groupRegistry),
		newGroupItem(envBuildkitHost, "The address of a BuildKit daemon, as for buildctl.", groupBuildKit),
		newGroupItem("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxies, and the hosts that need none.", remote...),
		newGroupItem("SOURCE_DATE_EPOCH",
			"The time of the release in seconds since 1970 (default: the time of the commit).", groupRelease, groupScan),
		newGroupItem("TMPDIR", "The directory of temporary files.", groupSource, groupRelease),
		newGroupItem("NO_COLOR, TERM",
			"NO_COLOR switches colours off. TERM=dumb switches the moving line of progress off, too.", groupOutput),
		newGroupItem("COLUMNS", "The width of the help, in columns.", groupGeneral),
	}
}

func groupFiles() []groupItem {
	return []groupItem{
		newGroupItem("release.yaml",
			"The release file of --config: settings, groups, and severities of rules.", groupGeneral),
		newGroupItem(".releaseignore",
			"At the top of SOURCE: what does not ship, in the syntax of .gitignore.", groupSource),
		newGroupItem("SLUG/.import.yml",
			"The metadata that the platform writes for a workspace: groups, version, dependencies and checksums.",
			groupSource),
		newGroupItem("scan-policy.yaml",
			"The policy of the secret scan: detectors, limits and excluded paths.", groupScan),
		newGroupItem("scan-baseline.yaml", "Findings that someone has accepted until a date.", groupScan),
		newGroupItem("~/.docker/config.json",
			"Credentials and credential helpers of registries, as docker login writes them.", groupRegistry),
		newGroupItem("~/.netrc", "Credentials of Git servers.", groupSource),
	}
}

// manPageName returns the name of a command's manual page.
func manPageName(command string) string { return strings.ReplaceAll(command, " ", "-") }

// commandName returns the last word of a command.
func commandName(path string) string { return path[strings.LastIndex(path, " ")+1:] }

// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

var (
	commandUser = lazyregexp.New(`(?:^|\s)(?:-u|--user|--proxy-user)[ =]?\s*["']?([^\s:"']+):["']?([^\s"']*)`)
	commandFlag = lazyregexp.New(
		`(?i)(?:^|\s)--?([a-z-]*(?:password|passwd|passphrase|token|secret|key|access-key|requirepass))\s+["']?(` +
			`[^\s"'-][^\s"']{3,})`,
	)
	// windowsOption matches the options of PowerShell.
	windowsOption = lazyregexp.New(`(?:^| )-(?:[A-Z][A-Za-z]*)?(?:Password|Token|Secret|Key) `)
	// shellValue matches values of options that are not secret: a variable, or the properties of
	// a secret: id=npm,env=TOKEN.
	shellValue = lazyregexp.New(`^(?:\$\w+|(?:id|src|source|type|env|target)=.*)$`)
)

// findOptions finds credentials in command lines, such as curl -u user:password.
func (s *fileScan) findOptions(text string, at position) {
	if !strings.Contains(text, " -u") && !strings.Contains(text, " --") &&
		!(strings.Contains(text, "-") && windowsOption.MatchString(text)) {
		return
	}
	masked := literal.MaskTemplates(text)
	if strings.Contains(masked, "curl") || strings.Contains(masked, "wget") {
		for _, m := range commandUser.FindAllStringSubmatch(masked, -1) {
			switch {
			case len(m[2]) >= 3 && isHeaderSecret(m[2]):
				s.report(rulePassword, m[2], at)
			case m[2] == "" && literal.LooksGenerated(m[1]): // a token instead of a user
				s.report(ruleCredential, m[1], at)
			}
		}
	}
	for _, m := range commandFlag.FindAllStringSubmatch(masked, -1) {
		if shellValue.MatchString(m[2]) {
			continue
		}
		s.reportAssigned(assignment{name: m[1], value: m[2], operator: ' ', strength: nameStrength(m[1])}, at)
	}
}

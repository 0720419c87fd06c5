// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"strings"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// heading is the section of docs/scan-comparison.md that this program writes.
const heading = "Foreign corpora"

const intro = `
Written by ` + "`make compare-foreign`" + `, which fetches what others have published, runs the three programs on the
same files and counts their findings. Nothing foreign is in this repository. The corpora are modules of the Go module
proxy and packages of npm in pinned versions, listed in [sources.go](../scan/scantest/foreign/sources.go). Samples are
the same in each run. ` + "`make compare-foreign FOREIGN='-rules NAME=DIR -leaky DIR'`" + ` adds checkouts of corpora
that are on no proxy: YAML rules with examples (kingfisher, noseyparker, titus), and Plazmaz/leaky-repo.
` + "`go run ./scan/scantest/foreign -list`" + ` prints each secret that the builder misses, and each finding that has no
verdict yet.
`

const examplesIntro = `Texts in which the authors of a rule or of a detector want a secret to be found, one for each
rule, alone in a text file: gitleaks' own examples, the tests of TruffleHog's detectors, and those of OSV-SCALIBR, which
none of the programs contains. Each corpus favours the program of its authors, and the builder has the rules of the
first two.

| corpus | rules | tried | builder scan | TruffleHog | gitleaks |
|---|---|---|---|---|---|
`

const placesIntro = `
The secrets of these texts as a literal in a workspace, beside a name that identifies a secret (telling), such as
` + "`apiKey`" + `, and beside one that does not (neutral), such as ` + "`item`" + `. Secrets with quotes, braces or line
breaks are left out of the places where they would end the value.

| place | name | secrets | builder scan | TruffleHog | gitleaks |
|---|---|---|---|---|---|
`

const placesNotes = `
Beside a neutral name, the builder reports random text, and in a workspace passwords that say what they are, such
as ` + "`P@ssw0rd1`" + `. There it misses UUIDs, other texts of fewer than 16 characters, and sequences. In documents
it also misses hexadecimal digits and base64 in the length of digests, except 32 digits as the value of a name. With
UUIDs and hexadecimal digits of 32, 40 and 64 characters everywhere, it would report 33 more values in the files of
configuration below, and 49 more in the documentation, all of them identifiers and digests: 16 and 24 in 1,000 files.
With hexadecimal digits of 40 and 64 characters and base64 of digests as values of names in documents alone, it would
report 24 more, 12 in 1,000 files.
Beside a telling name, it misses addresses with the password ` + "`password`" + `, and values of two parts on two lines.
Alone in a text file, it misses examples that break the format of their service, and examples that repeat a word.
`

const checkoutsIntro = `
The same for rules in YAML: %d examples from %d files with rules of %s. %d of the examples are not
random: passwords, words, sequences such as ` + "`a1b2c3d4e5f6g7h8`" + `, UUIDs and addresses.

| place | name | secrets | builder scan | TruffleHog | gitleaks |
|---|---|---|---|---|---|
`

// describeCheckouts introduces the figures of corpora from checkouts.
func describeCheckouts(corpora []corpus) string {
	var names []string
	examples := 0
	files := 0
	readable := 0
	for _, c := range corpora {
		names = append(names, c.name)
		examples += len(c.examples)
		files += c.files
		for _, e := range c.examples {
			if !literal.LooksRandom(e.secret) {
				readable++
			}
		}
	}
	return fmt.Sprintf(checkoutsIntro, examples, files, joinNames(names), readable)
}

// joinNames returns a list for a sentence.
func joinNames(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

const checkoutsNotes = `
Beside the name of a credential, the builder misses words in prompts, pages, comments and ` + "`set`" + `,
and in documents also sequences and famous passwords: there, they are placeholders. Beside a neutral name, it misses
UUIDs, passwords that only their name could identify, and sequences.
`

const labelledIntro = `Files of infrastructure as code whose authors say which lines have secrets, and files that look
like them and have none: the tests of KICS' query for passwords and secrets. leaky-repo has files of
users and servers with a number of lines for each. The builder misses placeholders such as ` + "`password`" + ` and
` + "`sampleHerokuKey`" + `, and lines that only name a user. The file ` + "`etc/shadow`" + ` of leaky-repo was not
available, so one of the 96 lines could not be found.

| corpus | program | labelled lines found | lines in clean files |
|---|---|---|---|
`

const filesIntro = `Files of packages, without tests: YAML, JSON, TOML and the like as configuration; Markdown,
reStructuredText, text and HTML as documentation. Each finding of the builder has a
[verdict](../scan/scantest/foreign/testdata/judged.csv): a password, token or key of a demo or a test, which the scan is
to report; one made up for documentation, which no rule can distinguish from a real one; or a false alarm. The findings
of the other programs have none.

The rules were tuned on these files. Expect more false alarms on other files: of 3,190 files of
configuration and 2,920 of documentation of 1,460 other modules, tests included, the rule for unnamed keys reports 11
and 4, most of them test vectors of cryptography. The findings in 119 more packages were read by hand. In the last 45
of them, before any rule changed for them, the rules of dsul had no finding in 372 files of configuration, and 11 false
alarms in 687 of documentation, 16 in 1,000. With the rules of today, 3 of 935 and 9 of 1,333 files of all 119 have
one, 3 and 7 in 1,000: test data in a list of words to ignore, a public key for a search, identifiers in capitals and
parts of addresses.

| class | files | program | findings | demos and tests | made up | false (in 1,000 files) | findings in 1,000 files |
|---|---|---|---|---|---|---|---|
`

const reasonsIntro = "\nThe false alarms of the builder:\n\n| number | what it took for a secret |\n|---|---|\n"

// SPDX-License-Identifier: AGPL-3.0-or-later

package main

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
Beside a neutral name, the builder reports random text. There it misses UUIDs, texts of fewer than 16 characters, and
alphabets in order, and hexadecimal digits in other files than the YAML of a workspace, such as a read-me. With UUIDs
and hexadecimal digits of 32, 40 and 64 characters, it would report 33 more values in the files of configuration below,
and 49 more in the documentation, all of them identifiers and digests: 16 and 24 in 1,000 files.
Beside a telling name, it misses addresses with the password ` + "`password`" + `, and values of two parts on two lines.
Alone in a text file, it misses examples that break the format of their service, and examples that repeat a word.
`

const checkoutsIntro = `
The same for rules in YAML: 113 examples from 70 files with rules of praetorian-inc/titus,
mongodb/kingfisher and praetorian-inc/noseyparker, as of November 2026, without the rules for hosts and
identifiers. A third of the examples are passwords or sequences such as ` + "`a1b2c3d4e5f6g7h8`" + `: nothing
identifies a password beside a neutral name, and beside a telling name, the builder takes a word or a sequence for a
placeholder.

| place | name | secrets | builder scan | TruffleHog | gitleaks |
|---|---|---|---|---|---|
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
and 4, most of them test vectors of cryptography.

| class | files | program | findings | demos and tests | made up | false (in 1,000 files) | findings in 1,000 files |
|---|---|---|---|---|---|---|---|
`

const reasonsIntro = "\nThe false alarms of the builder:\n\n| number | what it took for a secret |\n|---|---|\n"

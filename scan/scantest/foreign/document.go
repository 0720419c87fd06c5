// SPDX-License-Identifier: AGPL-3.0-or-later

package main

// heading is the section of docs/scan-comparison.md that this program writes.
const heading = "Foreign corpora"

const intro = `
Written by ` + "`make compare-foreign`" + `, which fetches what others have published from the Go module
proxy and from npm, in pinned versions, and runs the three programs on the same files. Nothing of it
is in this repository.
`

const examplesIntro = "| corpus | rules | tried | builder scan | TruffleHog | gitleaks |\n|---|---|---|---|---|---|\n"

const placesIntro = "\n| place | name | leaks | builder scan | TruffleHog | gitleaks |\n|---|---|---|---|---|---|\n"

const labelledIntro = "| corpus | program | labelled lines found | lines in clean files |\n|---|---|---|---|\n"

const filesIntro = `| class | files | program | findings | real | false (in 1,000 files) | findings in 1,000 files |
|---|---|---|---|---|---|---|
`

const reasonsIntro = "\n| false alarms | why |\n|---|---|\n"

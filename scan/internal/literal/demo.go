// SPDX-License-Identifier: AGPL-3.0-or-later

package literal

import (
	"path"
	"strings"
	"unicode"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

var (
	// demoFile matches files that start services for a test or a demonstration, by their path:
	// compose files, CI pipelines, and templates of files with settings.
	demoFile = lazyregexp.New(
		`(?i)(?:^|/)(?:(?:[\w.-]*[-_.])?(?:docker-)?compose(?:[-_.][\w.-]*)?\.ya?ml|\.github/workflows/[^/]+|\.` +
			`(?:circleci|buildkite|evergreen|semaphore|woodpecker|gitlab|ci)/[^/]+|` +
			`\.(?:gitlab-ci|travis|drone|woodpecker|cirrus|appveyor)[\w.-]*\.ya?ml|(?:appveyor|azure-pipelines|` +
			`bitbucket-pipelines|cloudbuild|codeship|wercker)[\w.-]*\.ya?ml|[^/]+\.(?:example|sample|dist)` +
			`(?:\.[\w-]+)?|(?:example|sample)\.[^/]+)$`,
	)
	// demoWords in a password mean that it protects nothing.
	demoWords = NewVocabulary(`password passwort passwd passw pass pwd test tests testing demo dev local
		localhost example admin root user changeme secret default temp tmp dummy sample postgres mysql mariadb
		mongo redis minio minioadmin rabbitmq elastic guest insecure`)
)

// IsDemoFile reports files that start services for a test or a demonstration.
func IsDemoFile(name string) bool { return demoFile.MatchString(name) }

// maxDemo is the maximum length of the password of a demonstration, in bytes.
const maxDemo = 24

// leet replaces the signs that stand for letters in passwords.
var leet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// maxPlainDemo is the maximum length of such a password of letters only, in bytes. People choose
// longer ones to protect something.
const maxPlainDemo = 7

// IsDemoPassword reports passwords such as zaphod, postgres, Passw0rd12! and strfmt_test, which
// people choose for services that protect nothing. Elsewhere they are weak passwords.
func IsDemoPassword(v string) bool {
	isPlain := strings.IndexFunc(v, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '_' }) < 0
	return len(v) <= maxPlainDemo && isPlain && IsWordy(v) || len(v) <= maxDemo && IsNumeric(v) || HasDemoWord(v)
}

// HasDemoWord reports passwords that contain a word such as password or test, whatever digits
// stand for its letters.
func HasDemoWord(v string) bool {
	if len(v) > maxDemo || strings.ContainsAny(v, " \t\n") {
		return false
	}
	for _, word := range Words(leet.Replace(strings.TrimRight(v, digits+"!$.#"))) {
		if demoWords[word] || strings.HasPrefix(word, "test") || strings.HasSuffix(word, "test") ||
			strings.HasSuffix(word, "password") || strings.HasSuffix(word, "pass") {
			return true
		}
	}
	return false
}

// IsDemoWord reports a word such as password, whatever digits stand for its letters.
func IsDemoWord(v string) bool { return IsWordy(leet.Replace(strings.TrimRight(v, digits+"!$.#"))) }

// famousPasswords occur in documentation in place of any password.
var famousPasswords = NewVocabulary(`hunter2 p@ssw0rd p@ssword passw0rd pa$$word pa55word mypass mypasswd
	mypassword mysecretpassword mysecret secretpassword secretpasswd verysecretpasswd verysecretpassword
	supersecret testpassword guest letmein garbage open_sesame opensesame p@ss abc123`)

// IsFamousPassword reports passwords that stand for any other in documentation.
func IsFamousPassword(v string) bool {
	lower := strings.ToLower(v)
	return famousPasswords[lower] || strings.Contains(lower, "blahblah")
}

// translation matches files with texts in one language, by their path.
var translation = lazyregexp.New(
	`(?i)(?:^|/)(?:locales?|i18n|l10n|lang|langs|languages|translations?|messages)(?:/(?:[^/]+/)*[^/]+|[._-][\w.-]+)$`,
)

// IsTranslation reports a file whose values are texts for people to read.
func IsTranslation(name string) bool { return translation.MatchString(name) }

// documents are the extensions of texts for people to read.
var documents = NewVocabulary(`.md .mdx .markdown .rst .adoc`)

// IsDocument reports a file whose text is for people to read.
func IsDocument(name string) bool { return documents[strings.ToLower(path.Ext(name))] }

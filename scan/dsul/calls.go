// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

var (
	// clients are functions of client libraries whose first argument is a key.
	clients = literal.NewVocabulary(`stripe openai anthropic groq mistral cohere twilio sendgrid mailgun mailjet
		mandrill postmark resend algoliasearch algolia createclient pinecone airtable notion github octokit
		pusher mixpanel segment replicate configure authenticate auth login authorize connect initialize init
		withtoken withkey`)
	// plainTypes are types whose constructors take another text than a key.
	plainTypes = literal.NewVocabulary(`regexp date url urlsearchparams map set error typeerror objectid uuid
		guid path file buffer blob decimal bigdecimal event node element image audio worker request headers
		formdata promise array object string number boolean proxy color version hash digest sha md id range
		pattern template component`)
)

const (
	// maxArgument is the maximum length of an argument, in bytes.
	maxArgument = 256
	// maxCallee is the maximum length of the name of a function.
	maxCallee = 64
)

// findCalls reports a key that is the only or the first argument of a constructor, or of a function
// that takes a key: new OpenAI('…').
func (s *fileScan) findCalls(text string, at position) {
	for i := 0; i < len(text); {
		n := strings.IndexByte(text[i:], '(')
		if n < 0 {
			return
		}
		open := i + n
		i = open + 1
		value := argument(text[i:min(len(text), i+maxArgument)])
		if value == "" || !isKeyText(value) {
			continue
		}
		if name := callee(text[max(0, open-maxCallee):open]); takesKey(name) {
			here := at
			here.name = name
			s.report(ruleCredential, value, here)
		}
	}
}

// argument returns the quoted text at the start of a list of arguments.
func argument(rest string) string {
	rest = strings.TrimLeft(rest, " \t\n\\")
	if rest == "" || strings.IndexByte("\"'`", rest[0]) < 0 {
		return ""
	}
	end := strings.IndexByte(rest[1:], rest[0])
	if end < literal.MinRandom {
		return ""
	}
	return strings.TrimRight(rest[1:end+1], "\\")
}

// callee returns the name of the function before its arguments. A bracketed call before it, as in
// require('stripe'), names the function.
func callee(before string) string {
	if bare, ok := strings.CutSuffix(before, ")"); ok {
		before = strings.TrimRight(bare, "'\"\\")
	}
	start := len(before)
	for start > 0 && isNameByte(before[start-1]) && before[start-1] != '.' {
		start--
	}
	return before[start:]
}

// takesKey reports names of functions and types that are given a key.
func takesKey(name string) bool {
	if name == "" {
		return false
	}
	if clients[strings.ToLower(name)] {
		return true
	}
	list := literal.Words(name)
	if len(list) == 0 || plainTypes[list[len(list)-1]] || plainTypes[strings.Join(list, "")] {
		return false
	}
	return isUpper(name[0]) || nameStrength(strings.Join(list, "_")) >= credential
}

// hashing matches the functions that hash or compare a password.
var hashing = lazyregexp.New(
	`(?i)\b(?:(?:bcrypt(?:js)?|argon2|scrypt|passlib(?:\.\w+)+)\.(?:compare|verify|hash|checkpw|hashpw|check)` +
		`(?:sync)?|(?:pbkdf2|scrypt)(?:sync)?|` +
		`password_(?:verify|hash)|(?:check|generate)_password_hash|(?:make|set|check|hash|verify|encode|` +
		`encrypt)_?password)\(\s*(?:[^,()"'\n]{1,160},\s*)?b?\\?["']([^"'\n\\]{4,128})`,
)

// isHashed reports a password that is an argument of such a function.
func isHashed(value string) bool { return isChosen(value) && !algorithm.MatchString(value) }

// serviceToken matches tokens whose prefix belongs to one service.
var serviceToken = lazyregexp.New(
	`(?:^|[^\w-])((?:cio[A-Za-z0-9]{32}|essu_[\w+/-]{40,}={0,2}|packagist_[a-z]{2,4}_[0-9a-f]{24,}|sbp_[0-9a-f]{40}|` +
		`GOCSPX-[\w-]{28}|` +
		`sk-pyx-[\w-]{40,}|AQ\.Ab8R[\w-]{40,}|00D[A-Za-z0-9]{12}![\w.]{80,}|sk-or-v1-[0-9a-f]{64}|sk-lf-[0-9a-f]{8}` +
		`(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|fc-[0-9a-f]{32}|` +
		`lsv2_[a-z]{2}_[0-9a-f]{32}_[0-9a-f]{10}|tvly-[\w-]{32,}|jina_\w{60,}|r8_\w{37}|gsk_\w{52}|nvapi-[\w-]{60,}|` +
		`pcsk_\w{50,}|xai-\w{80}|` +
		`hf_[A-Za-z]{34}|configcat-sdk-1/[\w-]{22}/[\w-]{22}|key_[0-9a-f]{64}|\d{8,10}:AA[\w-]{33}))(?:[^\w-]|$)`,
)

// isServiceToken filters the tokens that a person typed.
func isServiceToken(value string) bool {
	return isGiven(value) && literal.HasRandomRun(value)
}

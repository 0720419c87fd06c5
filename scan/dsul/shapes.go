// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// pemBegin starts private keys and other PEM blocks.
const pemBegin = "-----BEGIN "

var (
	privateKey = lazyregexp.New(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----((?:\\[rn]|[A-Za-z0-9+/=\s:,-])*)`)
	puttyKey   = lazyregexp.New(`Private-Lines: \d+\s+((?:[A-Za-z0-9+/=]{20,}\s*)+)`)
	// bareKey matches the base64 of a DER private key by its header: a sequence and a version.
	bareKey = lazyregexp.New(
		`(?:^|[^A-Za-z0-9+/])(MI[A-Za-z0-9+/]{2,5}(?:AgEA|IBAD|IBAA)[A-Za-z0-9+/]{20,}(?:(?:\\n|\s)+` +
			`[A-Za-z0-9+/]{20,})*={0,2})`,
	)
	// joinedStrings matches string concatenation in code.
	joinedStrings = lazyregexp.New(`["'][ \t]*\+[ \t\r\n]*["']`)
	keyBody       = lazyregexp.New(`[A-Za-z0-9+/]{24}`)

	accessToken = lazyregexp.New(`(?:^|[^\w-])(at:[A-Za-z0-9][\w.-]{15,})`)
	orgKey      = lazyregexp.New(`\biak_[A-Za-z0-9-]+_([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})`)
	jwt         = lazyregexp.New(`\b(eyJ[\w-]{8,})\.(eyJ[\w-]{8,})\.[\w-]{10,}`)

	webhook = lazyregexp.New(
		`https://(?:hooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]{20,}|(?:\w+\.)?discord` +
			`(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}|` +
			`[\w.-]*(?:webhook\.office\.com/webhookb2|outlook\.office\.com/webhook)/[\w@/-]{30,}|` +
			`chat\.googleapis\.com/v1/spaces/\S+token=[\w%-]{20,}|` +
			`hooks\.zapier\.com/hooks/catch/\d+/\w{6,}/?|hook\.(?:\w+\.)?make\.com/\w{20,}|` +
			`maker\.ifttt\.com/trigger/\w+/with/key/[\w-]{20,}|` +
			`[\w.-]+\.azurewebsites\.net/\S*[?&]code=[\w%/=+-]{20,})`,
	)

	bearer = lazyregexp.New(`(?i)\bbearer\s+([\w.~+/-]{6,}=*)`)
	basic  = lazyregexp.New(`(?i)\bbasic\s+([A-Za-z0-9+/_-]{8,}={0,2})`)
	scheme = lazyregexp.New(
		`^(?i)(?:token|apikey|api-key|key|digest|hmac|negotiate|splunk|genie[kK]ey|bot|oauth|sso-key|pve[aA]pi[tT]oken|` +
			`bearer|basic)[\s=:]+(?:token=)?["']?([^\s"',]{6,})["']?$`,
	)
)

// findShapes finds text that its format identifies as a secret.
func (s *fileScan) findShapes(masked string, at position) bool {
	found := s.findPrivateKeys(masked, at)
	if strings.Contains(masked, "://") {
		found = s.findURLs(masked, at) || found
	}
	if strings.Contains(masked, "eyJ") {
		found = s.findJWTs(masked, at) || found
	}
	if strings.Contains(masked, "at:") || strings.Contains(masked, "iak_") {
		found = s.findPlatformKeys(masked, at) || found
	}
	return s.findAuthorization(masked, at) || s.findCookies(masked, at) || found
}

// findPrivateKeys finds keys in PEM with any representation of line feeds, in the PuTTY format, and
// in bare base64.
func (s *fileScan) findPrivateKeys(text string, at position) bool {
	found := false
	if strings.Contains(text, pemBegin) {
		text = joinedStrings.Get().ReplaceAllString(text, "")
		for _, m := range privateKey.Get().FindAllStringSubmatchIndex(text, -1) {
			if keyBody.MatchString(text[m[2]:m[3]]) && !isElided(text[m[1]:]) {
				found = true
				s.report(rulePrivateKey, text[m[0]:m[1]], at)
			}
		}
		return found
	}
	for _, form := range []struct {
		mark string
		key  *lazyregexp.Regexp
	}{{"Private-Lines:", puttyKey}, {"AgEA", bareKey}, {"IBAD", bareKey}, {"IBAA", bareKey}} {
		if !strings.Contains(text, form.mark) {
			continue
		}
		for _, m := range form.key.Get().FindAllStringSubmatchIndex(text, -1) {
			if !isElided(text[m[3]:]) {
				found = true
				s.report(rulePrivateKey, text[m[2]:m[3]], at)
			}
		}
	}
	return found
}

// isElided reports that the text continues with an ellipsis, as keys in documentation do.
func isElided(rest string) bool {
	return strings.HasPrefix(rest, "...") || strings.HasPrefix(rest, "…")
}

func (s *fileScan) findPlatformKeys(text string, at position) bool {
	found := false
	for _, m := range accessToken.FindAllStringSubmatch(text, -1) {
		if token := strings.TrimPrefix(m[1], "at:"); !literal.IsWordy(token) && !literal.IsPlaceholder(token) {
			found = true
			s.report(ruleAccessToken, m[1], at)
		}
	}
	for _, m := range orgKey.FindAllStringSubmatch(text, -1) {
		if strings.Trim(m[1], "0-") != "" {
			found = true
			s.report(ruleOrgKey, m[0], at)
		}
	}
	return found
}

// findJWTs finds signed tokens. It ignores unsigned tokens and the well-known example from the
// documentation.
func (s *fileScan) findJWTs(text string, at position) bool {
	found := false
	for _, m := range jwt.FindAllStringSubmatch(text, -1) {
		if literal.IsHarmlessToken(m[0]) {
			continue
		}
		found = true
		s.report(ruleJWT, m[0], at)
	}
	return found
}

// findURLs finds user-info and URLs that are secrets themselves.
func (s *fileScan) findURLs(text string, at position) bool {
	found := false
	for rest := text; ; {
		before, after, ok := strings.Cut(rest, "://")
		if !ok {
			break
		}
		rest = after
		secret := userInfo(schemeOf(before), after)
		if secret != "" {
			found = true
			s.report(ruleURL, secret, at)
		}
	}
	for _, m := range webhook.Get().FindAllString(text, -1) {
		if !strings.ContainsRune(m, literal.Mask) && !literal.HasPlaceholderPart(m[len("https://"):]) {
			found = true
			s.report(ruleWebhook, m, at)
		}
	}
	return found
}

// findAuthorization finds the credentials in Authorization headers.
func (s *fileScan) findAuthorization(text string, at position) bool {
	found := false
	if at.header && at.strength == credential {
		bare := strings.TrimSpace(text)
		m := scheme.FindStringSubmatch(bare)
		if m != nil && isHeaderSecret(m[1]) && (workspaceParts[s.part] || !literal.IsWordy(m[1])) {
			s.report(ruleAuthorization, m[1], at)
			return true
		}
		if literal.IsUUID(bare) || literal.LooksRandom(bare) {
			s.report(ruleAuthorization, bare, at)
			return true
		}
	}
	if !hasWord(text, "earer") && !hasWord(text, "asic") {
		return false
	}
	for _, m := range bearer.FindAllStringSubmatch(text, -1) {
		if len(m[1]) >= literal.MinRandom && literal.LooksGenerated(m[1]) ||
			at.header && isHeaderSecret(m[1]) && !literal.IsWordy(m[1]) {
			found = true
			s.report(ruleAuthorization, m[1], at)
		}
	}
	for _, m := range basic.FindAllStringSubmatch(text, -1) {
		if isBasic(m[1]) {
			found = true
			s.report(ruleAuthorization, m[1], at)
		}
	}
	return found
}

// hasWord reports whether the text contains the end of a word in lower or upper case. It avoids
// running the much slower expressions.
func hasWord(text, end string) bool {
	return strings.Contains(text, end) || strings.Contains(text, strings.ToUpper(end))
}

func isHeaderSecret(text string) bool {
	return !strings.ContainsRune(text, literal.Mask) && !literal.IsPlaceholder(text)
}

// isBasic reports the base64 of user:password.
func isBasic(text string) bool {
	plain, ok := decodeBase64(text)
	if !ok && len(text) < minBase64 {
		data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		plain, ok = string(data), err == nil && utf8.Valid(data)
	}
	user, pass, found := strings.Cut(plain, ":")
	if !ok || !found || strings.ContainsAny(plain, "{}<> \n") {
		return false
	}
	// An API key is often the user or the password, with the other one empty.
	return pass != "" && !literal.IsPlaceholder(pass) || pass == "" && literal.LooksGenerated(user)
}

var cookiePair = lazyregexp.New(`(?:^|[;\s])([\w.-]+)=([^\s;"',\x{E000}]{12,})`)

var (
	// analytics matches cookies for visitor statistics and consent.
	analytics = lazyregexp.New(
		`(?i)^(?:_ga|_gid|_gat|_gcl|_fbp|_hj|_pk_|_posthog|ph_|rl_|ajs_|amp_|amplitude|mp_|__utm|__cf|_clck|_clsk|_uet|` +
			`optanon|intercom-|hubspot|__hs|cookieconsent|consent|.*consent|li_|_rdt)`,
	)
	isSession = lazyregexp.New(`(?i)sess|sid$|auth|token|jwt|remember|login|connect\.`)
)

// findCookies finds session IDs in a Cookie header.
func (s *fileScan) findCookies(text string, at position) bool {
	lower := strings.ToLower(at.name)
	if lower != "cookie" && lower != "set-cookie" && lower != "cookies" {
		return false
	}
	found := false
	for _, m := range cookiePair.FindAllStringSubmatch(text, -1) {
		if !analytics.MatchString(m[1]) &&
			(literal.LooksRandom(m[2]) || isSession.MatchString(m[1]) && literal.LooksGenerated(m[2])) {
			found = true
			s.report(ruleCookie, m[2], at)
		}
	}
	return found
}

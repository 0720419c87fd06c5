// SPDX-License-Identifier: AGPL-3.0-or-later

package literal

import (
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/scan/scantest"
)

// sides checks a heuristic on texts, one per line, that it should accept or reject.
func sides(t *testing.T, what string, is func(string) bool, yes, no string) {
	t.Helper()
	for want, texts := range map[bool]string{true: yes, false: no} {
		for text := range strings.SplitSeq(strings.Trim(texts, "\n"), "\n") {
			if text = strings.TrimSpace(text); is(text) != want {
				t.Errorf("%s of %q is %v", what, text, !want)
			}
		}
	}
}

func TestIsPlaceholder(t *testing.T) {
	sides(t, "placeholder", IsPlaceholder, `
		***
		xxxxxxxx
		--------
		0000-0000
		your-api-key
		yourApiKey
		YOUR_API_KEY
		my-example-key
		changeme
		change-me
		none
		string
		Password
		TODO
		sk-...
		sk-***
		sk-xxxxxxxxxxxx
		$TOKEN
		$token
		$payload.password
		API_KEY
		GITHUB_TOKEN
		AKIAIOSFODNN7EXAMPLE
		0123456789abcdef
		123456789
		abcdefghijklmnopqrstuvwxyz
		'password'
		foo
		insert token here
		votre-mot-de-passe
		your_ai_api_key
		your-public-dsn
		jouw-api-sleutel
		MlVtVjBZ...ZSYlduYnF1djh3NG5FQQ==
		glpat-ACCTEST1234567890123
		[A-Za-z0-9+/]{40}
		(?i)token\w{8,}
		2YotnFZFEjr1zCsicMWpAA
		eyJhbGciOiJFUzI1NiIsInR5
		eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.a`, `
		84d97cf1ad76bedaf6e7c0951df620fe-00001111-22223333
		your-k7Jd83hGs72k
		[Ab12!xyz]Qz
		hunter2
		Sunset2024!
		k7Jd83hGs72kLmQ0
		ghp_0a1b2c3d4e5f
		correct horse battery staple
		changement42
		admin
		letmein
		P4ssw0rd
		$ecret1!
		A1B2_C3D4`)
	if !IsPlaceholder("") || !IsPlaceholder(" \t") {
		t.Error("no text is a secret")
	}
}

func TestIsDemoPassword(t *testing.T) {
	sides(t, "demonstration", IsDemoPassword, `
		zaphod
		postgres
		Passw0rdAdmin
		Password12!
		strfmt_test
		minioadmin
		root`, `
		sunrise77
		Qz7#vLp2!wRt
		k7Jd83hGs72kLmQ0
		correct horse battery
		FoQ7PaTZqWaftrZ7zvAK`)
}

func TestIsDemoFile(t *testing.T) {
	sides(t, "demonstration", IsDemoFile, `
		w/docker-compose.yml
		w/docker-compose.override.yaml
		w/compose.yml
		w/aws-compose.yml
		w/.github/workflows/build.yml
		w/.gitlab-ci.yml
		w/.circleci/config.yml
		azure-pipelines.yml
		w/.env.example`, `
		w/index.yml
		w/composed.yml
		w/decompose.yml
		w/values.yaml
		w/.env
		w/workflows/build.yml`)
}

func TestIsWordy(t *testing.T) {
	sides(t, "wordiness", IsWordy, `
		token
		userToken
		my-session-token
		body.user.token
		access_token_v2
		claims-2024-08-06
		Schadensmeldungsbearbeitung
		clé-privée
		text-embedding-3-large
		HTTPServer
		internationalization`, `
		k7Jd83hGs72kLmQ0
		qzmxkvwplgth
		deadbeef42cafe
		aGhTkLmNoPqR
		dGhpcyBpcyBub3Q
		123456789012
		QWRTZPSDFG
		a1b2c3`)
}

func TestLooksRandom(t *testing.T) {
	sides(t, "randomness", LooksRandom, `
		k7Jd83hGs72kLmQ0
		5f4dcc3b5aa765d61d8327deb882cf99
		sk-proj-a1B2c3D4e5F6g7H8i9
		aGhTkLmNoPqRsTuVwXyZ
		wJalrXUtnFEMIK7MDENGbPxRfiCY`, `
		short1A2b
		my-session-token-of-length
		3f2504e0-4f89-41d3-9a0c-0305e82c3301
		sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
		/var/lib/claims/index
		https://host/a1b2c3d4e5f6a7b8c9
		text with a1b2c3d4e5f6a7b8c9
		claims-2024-08-06-0001-final
		1234567890123456789
		WVWZZZ1JZXW000001
		Datenschutzgrundverordnung
		aaaaaaaaaaaaaaaaaaaa
		0123456789abcdef`)
	if LooksRandom(strings.Repeat("a1B2c3", 100)) || LooksRandom("a1b2c3d4e5f6a7b8c9\xff") {
		t.Error("long or binary text is a key")
	}
}

func TestLooksGenerated(t *testing.T) {
	sides(t, "generation", LooksGenerated, `
		winter42x7
		3f2504e0-4f89-41d3-9a0c-0305e82c3301
		qzmxkvwplgth
		ghp_abc123def
		k7Jd83hG`, `
		short7x
		my-session-token
		access_token
		2024-08-06
		1234567890
		1,234.56
		/run/secrets/claims/a1b2
		https://host/path
		v27.5.5
		#a1b2c3d4
		jane.doe42x7@acme.example
		has spaces a1b2c3
		your-api-key`)
}

func TestPunch(t *testing.T) {
	Mask := string(Mask)
	for text, want := range map[string]string{
		"Bearer {{secret.token}}":            "Bearer " + Mask,
		"{{a}}x{{{b}}}":                      Mask + "x" + Mask,
		"{% if a %}x":                        Mask + "x",
		"${HOME}/$(id)/%TEMP%":               Mask + "/" + Mask + "/" + Mask,
		"<your token>":                       Mask,
		"process.env.API_KEY":                Mask,
		`os.environ["KEY"]`:                  Mask,
		"[[name]]":                           Mask,
		"{{multi\nline}}":                    Mask,
		"nothing":                            "nothing",
		"{not one}":                          "{not one}",
		"{{not closed":                       "{{not closed",
		"a < b, b > a":                       "a < b, b > a",
		"environment":                        "environment",
		"postgres://{{user}}:{{pass}}@{{h}}": "postgres://" + Mask + ":" + Mask + "@" + Mask,
	} {
		if got := MaskTemplates(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestRandomTextLooksRandom: at most two of two thousand keys are classified as words.
func TestRandomTextLooksRandom(t *testing.T) {
	p := scantest.NewPlanter(1)
	for _, expression := range []string{`[a-zA-Z0-9]{32}`, `[a-f0-9]{32}`, `[A-Za-z0-9+/]{40}`, `[a-z0-9]{24}`, `[A-Z2-7]{32}`} {
		missed := 0
		for range 2000 {
			if text := p.Text(expression); !LooksGenerated(text) || !LooksRandom(text) && !strings.ContainsAny(text, "+/") {
				missed++
			}
		}
		if missed > 2 {
			t.Errorf("%d of 2000 %s do not look random", missed, expression)
		}
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"strings"

	"github.com/prismeai/workspaces-release/scan/scantest"
)

// family is a kind of secret: the name of its detector, and a regular expression for text that
// the detector reports. The tests generate the secrets, so that this repository does not
// contain any.
type family struct{ detector, text string }

// families are the kinds of secrets to plant. The text includes any keyword, address or second
// part that the detector requires nearby.
var families = []family{
	{"Github", `ghp_[a-zA-Z0-9]{36}`},
	{"Gitlab", `glpat-[a-zA-Z0-9]{20}`},
	{"Stripe", `sk_live_[a-zA-Z0-9]{30}`},
	{"SendGrid", `SG\.[a-zA-Z0-9]{22}\.[a-zA-Z0-9]{43}`},
	{"Slack", `xoxb-[1-9][0-9]{11}-[1-9][0-9]{11}-[a-zA-Z0-9]{24}`},
	{"SlackWebhook", `https://hooks\.slack\.com/services/T[A-Z0-9]{8}/B[A-Z0-9]{8}/[A-Za-z0-9]{24}`},
	{"NpmToken", `npm_[0-9a-zA-Z]{36}`},
	{"PyPI", `pypi-AgEIcHlwaS5vcmcCJ[a-zA-Z0-9]{152}`},
	{"AWS", `aws_id: AKIA[A-Z2-7]{16} aws_key: [a-zA-Z0-9]{40}`},
	{"DigitalOceanV2", `dop_v1_[a-f0-9]{64}`},
	{"Dockerhub", `docker user: [a-z]{9} token: dckr_pat_[a-zA-Z0-9]{27}`},
	{"Doppler", `dp\.pt\.[a-zA-Z0-9]{43}`},
	{"Shopify", `shpat_[0-9a-f]{32} [a-z]{9}\.myshopify\.com`},
	{"Mailgun", `mailgun key-[a-z0-9]{32}`},
	{"Mailchimp", `[0-9a-f]{32}-us1[0-9]`},
	{"Postman", `PMAK-[a-zA-Z0-9]{59}`},
	{"LinearAPI", `lin_api_[0-9A-Za-z]{40}`},
	{"Notion", `notion: secret_[A-Za-z0-9]{43}`},
	{"AirtablePersonalAccessToken", `airtable: pat[a-zA-Z0-9]{14}\.[a-f0-9]{64}`},
	{"Grafana", `glc_eyJ[A-Za-z0-9]{80}`},
	{"GrafanaServiceAccount", `glsa_[0-9a-zA-Z]{41} [a-z]{9}\.grafana\.net`},
	{"HuggingFace", `hf_[a-zA-Z]{34}`},
	{"OpenAI", `sk-[a-zA-Z0-9]{20}T3BlbkFJ[a-zA-Z0-9]{20}`},
	{"Anthropic", `sk-ant-api03-[a-zA-Z0-9]{93}AA`},
	{"Groq", `gsk_[a-zA-Z0-9]{52}`},
	{"Replicate", `r8_[0-9A-Za-z]{37}`},
	{"Pulumi", `pul-[a-z0-9]{40}`},
	{"TerraformCloudPersonalToken", `[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9]{67}`},
	{"SentryOrgToken", `sntrys_eyJ[a-zA-Z0-9]{197}`},
	{"Sourcegraph", `sgp_[a-f0-9]{40}`},
	{"SupabaseToken", `sbp_[a-z0-9]{40}`},
	{"Tailscale", `tskey-api-[0-9A-Za-z]{12}-[0-9A-Za-z]{32}`},
	{"TelegramBotToken", `telegram: [1-9][0-9]{9}:[a-zA-Z0-9]{35}`},
	{"Twilio", `twilio: AC[0-9a-f]{32} [0-9a-f]{32}`},
	{"Buildkite", `bkua_[a-z0-9]{40}`},
	{"Circle", `CCIPAT_[a-zA-Z0-9]{22}_[a-f0-9]{40}`},
	{"DatabricksToken", `dapi[0-9a-f]{32} [a-z]{9}\.cloud\.databricks\.com`},
	{"RubyGems", `rubygems_[a-f0]{48}`},
	{"ReadMe", `rdme_[a-z0-9]{70}`},
	{"Prefect", `pnu_[a-zA-Z0-9]{36}`},
	{"Flutterwave", `FLWSECK-[0-9a-z]{32}-X`},
	{"ContentfulPersonalAccessToken", `CFPAT-[a-zA-Z0-9]{43}`},
	{"AdafruitIO", `aio_[a-zA-Z0-9]{28}`},
	{"URI", `https://[a-z]{9}:[a-zA-Z0-9]{16}@[a-z]{9}\.example\.org`},
	{"Klaviyo", `pk_[0-9a-f]{34}`},
	{"LangSmith", `lsv2_pt_[a-f0-9]{32}_[a-f0-9]{10}`},
	{"XAI", `xai-[0-9a-zA-Z]{80}`},
	{"NVAPI", `nvapi-[a-zA-Z0-9]{64}`},
	{"DeepSeek", `deepseek: sk-[a-z0-9]{32}`},
	{"Typeform", `tfp_[a-zA-Z0-9]{50}`},
	{"PrivateKey", privateKey},
	{"WeightsAndBiases", `wandb: [0-9a-f]{40}`},
}

// privateKey stands for a generated key, because no expression describes valid keys.
const privateKey = ""

// newPlanter returns a planter with a fixed seed.
func newPlanter() *scantest.Planter { return scantest.NewPlanter(2) }

// plant returns a random text in which the family's detector finds a secret.
func (f family) plant(p *scantest.Planter) string {
	if f.text == privateKey {
		return p.PrivateKey()
	}
	return p.Text(f.text)
}

// filler returns n bytes of text without findings.
func filler(n int) string {
	const line = "- a line of no interest\n"
	return (strings.Repeat(line, n/len(line)+1))[:n]
}

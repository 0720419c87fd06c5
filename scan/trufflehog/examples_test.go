// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/trufflesecurity/trufflehog/v3/pkg/detectors"
	"github.com/trufflesecurity/trufflehog/v3/pkg/pb/detector_typepb"

	"github.com/prismeai/workspaces-release/scan"
)

func TestIsExample(t *testing.T) {
	const (
		digest = "5282384165e0f86ef1050123"
		uuid   = "3a23c669-1f69-c64e-cf85-44e9b07e7a2a"
	)
	tests := []struct {
		file, raw, text string
		kind            detector_typepb.DetectorType
		want            bool
	}{
		{"w/a.yml", "jdbc:postgresql://host:5432/db", "", detector_typepb.DetectorType_JDBC, true},
		{"w/a.yml", "jdbc:postgresql://host:5432/db?user=a&password=Qz7vLp2wRt", "", detector_typepb.DetectorType_JDBC, false},
		{"w/a.yml", "mongodb://user:password@host/db", "", detector_typepb.DetectorType_MongoDB, true},
		{"w/a.yml", "mongodb://bob:pencil@db/a", "", detector_typepb.DetectorType_MongoDB, false},
		{"w/docker-compose.yml", "mongodb://bob:pencil@db/a", "", detector_typepb.DetectorType_MongoDB, true},
		{"w/docker-compose.yml", "mongodb://bob:Qz7vLp2wRt@db/a", "", detector_typepb.DetectorType_MongoDB, false},
		{"w/a.yml", "https://elastic:elastic@localhost:9200", "", detector_typepb.DetectorType_URI, true},
		{"w/a.yml", "https://elastic:elastic@es.acme.internal:9200", "", detector_typepb.DetectorType_URI, false},
		{"w/README.md", "https://bob:hunter2@acme.eu", "", detector_typepb.DetectorType_URI, true},
		{"w/a.yml", "https://bob:hunter2@acme.eu", "", detector_typepb.DetectorType_URI, false},
		{"w/a.json", base64.StdEncoding.EncodeToString([]byte("bob:hunter2")), "", detector_typepb.DetectorType_Docker, true},
		{"w/a.json", base64.StdEncoding.EncodeToString([]byte("\x8fa\x01:xx")), "", detector_typepb.DetectorType_Docker, false},
		{"w/a.json", base64.StdEncoding.EncodeToString([]byte("bob:Qz7vLp2wRt")), "", detector_typepb.DetectorType_Docker, false},
		{"w/a.yml", digest, "see https://gist.github.com/bob/" + digest + "#start", detector_typepb.DetectorType_GitHubOauth2, true},
		{"w/a.yml", digest, "github secret " + digest, detector_typepb.DetectorType_GitHubOauth2, false},
		{"w/a.yml", digest, "https://gist.github.com/bob/" + digest + " secret " + digest, detector_typepb.DetectorType_GitHubOauth2, false},
		{"w/a.yml", digest, "uses: acme/github-setup@" + digest + " # v1", detector_typepb.DetectorType_Github, true},
		{"w/a.yml", digest, "github token@" + digest, detector_typepb.DetectorType_Github, false},
		{"w/a.md", uuid, "docker run --gpus device=GPU-" + uuid, detector_typepb.DetectorType_Dockerhub, true},
		{"w/a.md", uuid, "docker: {\"ID\":\"" + uuid + "\"}", detector_typepb.DetectorType_Dockerhub, true},
		{"w/a.md", uuid, "docker: {\"ID\":\"" + uuid + "\"}, pass: " + uuid, detector_typepb.DetectorType_Dockerhub, false},
		{"w/a.md", uuid, "docker password " + uuid, detector_typepb.DetectorType_Dockerhub, false},
		{"w/README.md", "https://user:p%40ss@host", "", detector_typepb.DetectorType_URI, true},
		{"w/a.yml", digest, "https://api.acme.eu/?k=/" + digest, detector_typepb.DetectorType_GitHubOauth2, false},
	}
	for _, test := range tests {
		r := detectors.Result{DetectorType: test.kind, Raw: []byte(test.raw)}
		if got := isExample(r, []byte(test.text), test.file); got != test.want {
			t.Errorf("%s in %s %q: example %v", test.raw, test.file, test.text, got)
		}
	}
}

// TestOneFindingForAKey: decoders change the text around a key, but the key stays the same.
func TestOneFindingForAKey(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: []byte(strings.Repeat("certificate ", 40))}))
	text := "run: |\n" +
		indent("cat <<CONF >server.crt\n"+certificate+"CONF\ncat <<CONF >server.key\n"+key+"CONF\n<p>done</p>\n")
	result, err := newDefault(t, Options{}).Scan(t.Context(), scan.File{Path: "w/ci.yml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range result.Matches {
		got = append(got, fmt.Sprintf("%s:%d%s", m.Rule, m.Line, m.Encoding))
	}
	got = slices.Compact(got)
	if want := 1 + strings.Count(text[:strings.Index(text, "-----BEGIN RSA")], "\n"); len(got) != 1 ||
		got[0] != fmt.Sprintf("PrivateKey:%d", want) {
		t.Errorf("matches %v, want one in line %d", got, want)
	}
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// TestLineOfBase64: decoding base64 adds lines to a text, but a key has the line of its base64.
func TestLineOfBase64(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
	certificate := strings.Repeat("a line of a certificate\n", 30)
	for _, before := range []string{"", "\n", "\n\n"} {
		text := "crt: " + base64.StdEncoding.EncodeToString([]byte(certificate)) + "\nkey: " +
			base64.StdEncoding.EncodeToString([]byte(before+key)) + "\n" + strings.Repeat("end: true\n", 60)
		result, err := newDefault(t, Options{}).Scan(t.Context(), scan.File{Path: "w/a.md", Data: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Matches) == 0 || slices.ContainsFunc(result.Matches, func(m scan.Match) bool { return m.Line != 2 }) {
			t.Errorf("%d matches, want all in line 2: %+v", len(result.Matches), result.Matches)
		}
	}
}

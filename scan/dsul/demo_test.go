// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import "testing"

// TestDemoPasswords: passwords that protect nothing are findings in a workspace, but not in
// files that start services for a test.
func TestDemoPasswords(t *testing.T) {
	environment := func(line string) string { return "services:\n  db:\n    environment:\n      " + line + "\n" }
	tests := []struct {
		path, text string
		found      bool
	}{
		{"w/docker-compose.yml", environment("POSTGRES_PASSWORD: postgres"), false},
		{"w/deploy/aws-compose.yaml", environment("- MYSQL_PASSWORD=zaphod"), false},
		{"w/.github/workflows/test.yml", environment("SQLPASSWORD: Password12!"), false},
		{"w/.gitlab-ci.yml", environment("DB_PASSWORD: strfmt_test"), false},
		{"w/.travis.yml", "script:\n- psql -c \"CREATE USER a WITH PASSWORD 'gorptest'\"\n", false},
		{"w/compose.yml", environment("DSN: \"app:zaphod@tcp(db:3306)/app\""), false},
		{"w/compose.yml", environment("DATABASE_URL: mongodb://bob:pencil@localhost/a"), false},
		{"w/.env.example", "DB_PASSWORD=zaphod\n", false},
		{"w/docker-compose.yml", environment("POSTGRES_PASSWORD: '" + strong + "'"), true},
		{"w/docker-compose.yml", environment("POSTGRES_PASSWORD: sunrise77"), true},
		{"w/docker-compose.yml", environment("POSTGRES_PASSWORD: hunterhunter"), true},
		{"w/docker-compose.yml", environment("- POSTGRES_PASSWORD=hunterhunter"), true},
		{"w/config.json", `{"userPassword": "claimspass"}`, true},
		{"w/README.md", "    DB_PASSWORD=claimspass\n", false},
		{"w/docker-compose.yml", environment("API_KEY: " + opaque), true},
		{"w/.env", "DB_PASSWORD=zaphod\n", true},
		{"w/automations/compose.yml", "slug: a\ndo:\n- set: {name: password, value: postgres}\n", true},
		{"w/index.yml", inConfig("dbPassword: postgres"), true},
		{"w/index.yml", inConfig("dbPassword: rootpassword"), true},
		{"w/values.yaml", "auth:\n  password: postgres\n", true},
		{"w/values.yaml", "auth:\n  password: johns_password\n", false},
		{"w/README.md", "    mysql -u root -pzaphod\n", false},
		{"w/README.md", "    mysql -u root -pzaphod77\n", true},
		{"w/README.md", "    DB_PASSWORD=zaphod\n", true},
	}
	for _, test := range tests {
		if list := found(t, test.path, test.text); len(list) > 0 != test.found {
			t.Errorf("findings %v in %s:\n%s", list, test.path, test.text)
		}
	}
}

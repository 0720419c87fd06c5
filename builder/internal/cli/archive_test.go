// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"archive/zip"
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
)

// The name of an archive could be that of an image, as the name of a directory could.
func TestArchiveIsNoImage(t *testing.T) {
	t.Chdir(t.TempDir())
	file, err := os.Create("shop.zip")
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(file)
	f, err := w.Create("index.yml")
	if err == nil {
		_, err = f.Write([]byte("name: Shop\nslug: shop\nconfig:\n  value:\n    url: '{{secret.url}}'\n"))
	}
	if err != nil || w.Close() != nil || file.Close() != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	// It has no .import.yml, which is an error of a release; its requirements are known all the same.
	cli.Run(t.Context(), []string{"requirements", "shop.zip"}, cli.IO{In: strings.NewReader(""), Out: &out, Err: &errs})
	if !strings.Contains(out.String(), "WORKSPACE_SECRET_shop_url") {
		t.Errorf("%s%s", out.String(), errs.String())
	}
}

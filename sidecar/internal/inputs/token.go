// SPDX-License-Identifier: Apache-2.0

package inputs

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

// readSecret reads the credential of a file. White space around it is not part of
// it. The error has [importer.ErrToken] in its chain and says what is wrong, but
// never repeats a part of the content.
func readSecret(ctx context.Context, path string) (secret.Value, error) {
	data, err := watch.Read(ctx, path, maxSecret)
	if err != nil {
		return secret.Value{}, describeUnreadable(path, err)
	}
	plain := strings.TrimSpace(string(data))
	if fault := faultOf(data, plain); fault != "" {
		return secret.Value{}, fmt.Errorf("%w: %s %s", importer.ErrToken, path, fault)
	}
	return secret.New(plain), nil
}

// describeUnreadable says why a file cannot be read, as Kubernetes makes it happen.
func describeUnreadable(path string, err error) error {
	hint := ""
	info, statErr := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = "the Secret is not mounted there"
		if entry, lstatErr := os.Stat(filepath.Dir(path)); lstatErr == nil && entry.IsDir() {
			hint = "its directory is there, so that the Secret has no such key"
		}
	case errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("give the volume a defaultMode or an fsGroup that lets user %d read it", os.Getuid())
	case statErr == nil && info.IsDir():
		hint = "it is a directory: a subPath mount of a key that the Secret does not have makes one"
	}
	if hint == "" {
		return fmt.Errorf("%w: %w", importer.ErrToken, err)
	}
	return fmt.Errorf("%w: %w: %s", importer.ErrToken, err, hint)
}

// faultOf says what is wrong with a credential, "" for nothing. Data is the whole
// file, plain is what is left of it without white space around.
func faultOf(data []byte, plain string) string {
	switch {
	case len(data) == 0:
		return "is empty"
	case plain == "":
		return "has nothing but white space"
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return "begins with a byte order mark: save it as UTF-8 without one"
	case isUTF16(data):
		return "is encoded in UTF-16: save it as UTF-8"
	case strings.Contains(plain, "\x00"):
		return "has a NUL character within"
	case strings.ContainsAny(plain, "\r\n"):
		return "has a line break within: it is more than one line, or was wrapped"
	case !utf8.ValidString(plain), strings.ContainsFunc(plain, notInHeader):
		return "has a character within that no token has: it is not visible ASCII"
	}
	return wrappingOf(plain)
}

// wrappingOf says what is around a credential that is none of it, "" for nothing.
func wrappingOf(plain string) string {
	scheme, _, spaced := strings.Cut(plain, " ")
	switch {
	case spaced && strings.EqualFold(scheme, "Bearer"):
		return `begins with "Bearer": leave that out, the sidecar adds it`
	case strings.ContainsAny(plain[:1], "\"'`"), strings.ContainsAny(plain[len(plain)-1:], "\"'`"):
		return "begins or ends with a quotation mark: store it without"
	case strings.HasPrefix(plain, "${"), strings.HasPrefix(plain, "$("), strings.HasPrefix(plain, "{{"):
		return "holds a placeholder that nothing replaced"
	case spaced:
		return "has a space within"
	case isEncodedTwice(plain):
		return "is a token in base64: it was encoded once more than the Secret wants"
	}
	return ""
}

// isUTF16 reports whether a text begins with the byte order mark of UTF-16, or
// every other byte of its beginning is zero.
func isUTF16(data []byte) bool {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return true
	}
	return len(data) >= 4 && ((data[0] == 0 && data[2] == 0 && data[1] != 0 && data[3] != 0) ||
		(data[1] == 0 && data[3] == 0 && data[0] != 0 && data[2] != 0))
}

func notInHeader(r rune) bool { return r < ' ' || r > '~' }

// isEncodedTwice reports whether a text is the base64 of what a token of the
// platform begins with.
func isEncodedTwice(plain string) bool {
	decoded, err := base64.StdEncoding.DecodeString(plain)
	return err == nil && (bytes.HasPrefix(decoded, []byte("at:")) || bytes.HasPrefix(decoded, []byte("eyJ")))
}

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

// readSecret reads a credential from a file and trims white space around it. The error wraps
// [importer.ErrToken] and describes the problem without repeating any of the content.
func readSecret(ctx context.Context, path string) (secret.Value, error) {
	data, err := watch.Read(ctx, path, maxSecret)
	if err != nil {
		return secret.Value{}, describeUnreadable(path, err)
	}
	plain := strings.TrimSpace(string(data))
	if fault := findFault(data, plain); fault != "" {
		return secret.Value{}, fmt.Errorf("%w: %s %s", importer.ErrToken, path, fault)
	}
	return secret.New(plain), nil
}

// describeUnreadable adds the likely cause in Kubernetes to the error of a file that cannot be
// read.
func describeUnreadable(path string, err error) error {
	hint := ""
	info, statErr := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = "the Secret is not mounted there"
		if entry, lstatErr := os.Stat(filepath.Dir(path)); lstatErr == nil && entry.IsDir() {
			hint = "its directory exists, so the Secret lacks this key"
		}
	case errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("give the volume a defaultMode or an fsGroup that lets user %d read it", os.Getuid())
	case statErr == nil && info.IsDir():
		hint = "it is a directory: a subPath mount creates one if the Secret lacks the key"
	}
	if hint == "" {
		return fmt.Errorf("%w: %w", importer.ErrToken, err)
	}
	return fmt.Errorf("%w: %w: %s", importer.ErrToken, err, hint)
}

// findFault describes what is wrong with a credential, or returns "". data is the whole file, plain
// is data without surrounding white space.
func findFault(data []byte, plain string) string {
	switch {
	case len(data) == 0:
		return "is empty"
	case plain == "":
		return "contains only white space"
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return "starts with a byte order mark: save it as UTF-8 without one"
	case isUTF16(data):
		return "is encoded in UTF-16: save it as UTF-8"
	case strings.Contains(plain, "\x00"):
		return "contains a NUL character"
	case strings.ContainsAny(plain, "\r\n"):
		return "contains a line break: it has more than one line, or was wrapped"
	case !utf8.ValidString(plain), strings.ContainsFunc(plain, notInHeader):
		return "contains a character that is not visible ASCII, which no token has"
	}
	return findWrapping(plain)
}

// findWrapping describes superfluous text around a credential, or returns "".
func findWrapping(plain string) string {
	scheme, _, spaced := strings.Cut(plain, " ")
	switch {
	case spaced && strings.EqualFold(scheme, "Bearer"):
		return `starts with "Bearer": remove it, the sidecar adds it`
	case strings.ContainsAny(plain[:1], "\"'`"), strings.ContainsAny(plain[len(plain)-1:], "\"'`"):
		return "starts or ends with a quotation mark: remove the quotation marks"
	case strings.HasPrefix(plain, "${"), strings.HasPrefix(plain, "$("), strings.HasPrefix(plain, "{{"):
		return "contains a placeholder that was not replaced"
	case spaced:
		return "contains a space"
	case isEncodedTwice(plain):
		return "is a base64-encoded token: the Secret encodes it once more"
	}
	return ""
}

// isUTF16 reports whether data starts with a UTF-16 byte order mark, or with zeros in every other
// byte.
func isUTF16(data []byte) bool {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return true
	}
	return len(data) >= 4 && ((data[0] == 0 && data[2] == 0 && data[1] != 0 && data[3] != 0) ||
		(data[1] == 0 && data[3] == 0 && data[0] != 0 && data[2] != 0))
}

func notInHeader(r rune) bool { return r < ' ' || r > '~' }

// isEncodedTwice reports whether plain is the base64 encoding of a token of the platform.
func isEncodedTwice(plain string) bool {
	decoded, err := base64.StdEncoding.DecodeString(plain)
	return err == nil && (bytes.HasPrefix(decoded, []byte("at:")) || bytes.HasPrefix(decoded, []byte("eyJ")))
}

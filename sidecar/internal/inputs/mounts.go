// SPDX-License-Identifier: Apache-2.0

package inputs

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// mountsFile lists the mounts of this process on Linux.
const mountsFile = "/proc/self/mountinfo"

// maxMounts limits how much of mountsFile is read, in bytes.
const maxMounts = 4 << 20

// SubPaths returns the watched files that are mounted individually, as subPath does. Kubernetes
// never updates such a file, so a change takes a restart.
func (s *Source) SubPaths() []string {
	f, err := os.Open(mountsFile)
	if err != nil {
		return nil // not Linux, or hidden
	}
	defer f.Close()
	points := parseMountPoints(limit.NewReader(f, mountsFile, maxMounts))
	var mounted []string
	for _, file := range s.Files() {
		if path, err := filepath.Abs(file.Path); err == nil && file.Path != "" && points[path] && isRegularFile(path) {
			mounted = append(mounted, file.Path)
		}
	}
	return mounted
}

// isRegularFile reports whether a path exists and is not a directory.
func isRegularFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// parseMountPoints returns the fifth field of each line, with octal escapes decoded.
func parseMountPoints(r io.Reader) map[string]bool {
	points := map[string]bool{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 {
			points[unescapeOctal(fields[4])] = true
		}
	}
	return points
}

func unescapeOctal(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		code, err := strconv.ParseUint(rest[:min(3, len(rest))], 8, 8)
		if err != nil {
			b.WriteByte('\\')
			s = rest
			continue
		}
		b.WriteByte(byte(code))
		s = rest[3:]
	}
}

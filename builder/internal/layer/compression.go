// SPDX-License-Identifier: AGPL-3.0-or-later

package layer

import (
	"fmt"
	"strconv"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The algorithms of a [Compression].
const (
	Gzip = "gzip"
	Zstd = "zstd"
)

// The levels of compression. Higher levels compress better and take longer. zstd has 22 levels,
// which the library maps to four speeds: 1 to 2, 3 to 5, 6 to 9, and 10 to 22.
const (
	maxGzipLevel     = 9
	maxZstdLevel     = 22
	defaultGzipLevel = 3
	defaultZstdLevel = 3
)

// Compression is how a layer is compressed. It determines the digest of the layer. The zero value is
// the default, gzip at level 3.
type Compression struct {
	// Algorithm is [Gzip] or [Zstd]; empty for gzip.
	Algorithm string
	// Level is between 1 and 9 for gzip, and between 1 and 22 for zstd; 0 for the default.
	Level int
}

// ParseCompression parses an algorithm and optionally a level, as in gzip, zstd or zstd,9. An empty
// text is the default.
func ParseCompression(text string) (Compression, error) {
	algorithm, level, leveled := strings.Cut(text, ",")
	c := Compression{Algorithm: algorithm}.complete()
	most := map[string]int{Gzip: maxGzipLevel, Zstd: maxZstdLevel}[c.Algorithm]
	if most == 0 {
		return Compression{}, fmt.Errorf("compression %q is neither gzip nor zstd", text)
	}
	if !leveled {
		return c, nil
	}
	n, err := strconv.Atoi(level)
	if err != nil || n < 1 || n > most {
		return Compression{}, fmt.Errorf("compression %q: %s has the levels 1 to %d", text, c.Algorithm, most)
	}
	c.Level = n
	return c, nil
}

// complete returns the compression with defaults in place of zero values.
func (c Compression) complete() Compression {
	if c.Algorithm == "" {
		c.Algorithm = Gzip
	}
	switch {
	case c.Level != 0:
	case c.Algorithm == Zstd:
		c.Level = defaultZstdLevel
	default:
		c.Level = defaultGzipLevel
	}
	return c
}

// IsDefault reports whether this is the compression of a layer without further options.
func (c Compression) IsDefault() bool { return c.complete() == Compression{}.complete() }

// String formats the compression as [ParseCompression] reads it, with the level.
func (c Compression) String() string {
	c = c.complete()
	return c.Algorithm + "," + strconv.Itoa(c.Level)
}

// MediaType returns the OCI media type of a compressed layer.
func (c Compression) MediaType() string {
	if c.complete().Algorithm == Zstd {
		return ocispec.MediaTypeImageLayerZstd
	}
	return ocispec.MediaTypeImageLayerGzip
}

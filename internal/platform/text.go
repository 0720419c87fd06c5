// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/backoff"
)

// maxText limits texts of the platform in errors and results, in bytes.
const maxText = 2048

// lenient is a string that decodes numbers as written, and any other JSON as the empty string.
type lenient string

func (s *lenient) UnmarshalJSON(data []byte) error {
	*s = lenient(decodeString(data))
	return nil
}

func decodeString(data json.RawMessage) string {
	var s string
	if json.Unmarshal(data, &s) == nil {
		return truncateText(s, maxText)
	}
	var n json.Number
	if json.Unmarshal(data, &n) == nil {
		return n.String()
	}
	return ""
}

// moment is a time in ISO 8601 or in milliseconds since 1970. Any other JSON is the zero time.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(data []byte) error {
	text := decodeString(data)
	m.Time = time.Time{}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		m.Time = t
	} else if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms > 0 {
		m.Time = time.UnixMilli(ms).UTC()
	}
	return nil
}

// count is a number or a duration in milliseconds. Anything but a finite number is 0.
type count float64

func (c *count) UnmarshalJSON(data []byte) error {
	f, err := strconv.ParseFloat(decodeString(data), 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1e12 {
		f = 0
	}
	*c = count(f)
	return nil
}

func (c count) milliseconds() time.Duration {
	return time.Duration(float64(c) * float64(time.Millisecond))
}

// errorBody is the body of an error response, in the flat or the nested shape (platform contract
// §1.4).
type errorBody struct {
	Problem
	requestID  string
	retryAfter string
	// length and limit of a body that is too large.
	length, limit count
}

func decodeErrorBody(body []byte) errorBody {
	type details struct {
		RetryAfter lenient `json:"retryAfter"`
		Length     count   `json:"length"`
		Limit      count   `json:"limit"`
	}
	var flat struct {
		Error   json.RawMessage `json:"error"`
		Message lenient         `json:"message"`
		Details json.RawMessage `json:"details"`
	}
	var nested struct {
		RequestID lenient         `json:"requestId"`
		Details   json.RawMessage `json:"details"`
	}
	if json.Unmarshal(body, &flat) != nil {
		return errorBody{}
	}
	var p errorBody
	_ = p.UnmarshalJSON(body) // accepts any JSON
	if code := decodeString(flat.Error); code != "" {
		p.Code = code
	}
	_ = json.Unmarshal(flat.Error, &nested) // absent or a string in the flat shape
	p.requestID = truncateText(string(nested.RequestID), 128)
	for _, raw := range []json.RawMessage{flat.Details, nested.Details} {
		var d details
		if json.Unmarshal(raw, &d) != nil {
			continue
		}
		p.retryAfter = cmp.Or(string(d.RetryAfter), p.retryAfter)
		p.length = cmp.Or(d.Length, p.length)
		p.limit = cmp.Or(d.Limit, p.limit)
	}
	return p
}

// parseRetryAfter returns the delay that a 429 requests: details.retryAfter in seconds, otherwise the
// header. Only call it for a 429, because successful responses carry the header, too.
func parseRetryAfter(h http.Header, p errorBody) time.Duration {
	now := parseMeta(h, nil).Date
	return cmp.Or(backoff.RetryAfter(p.retryAfter, now), backoff.RetryAfter(h.Get("Retry-After"), now))
}

// truncateText limits a text to n bytes of valid UTF-8 without control characters. It changes nothing
// else, because names and versions are compared with those of the release.
func truncateText(s string, n int) string {
	cut := len(s) > n
	if cut {
		s = s[:n]
	}
	s = strings.Map(replaceControl, strings.ToValidUTF8(s, ""))
	if cut {
		s += "…"
	}
	return s
}

func replaceControl(r rune) rune {
	if r == utf8.RuneError || isControl(r) {
		return ' '
	}
	return r
}

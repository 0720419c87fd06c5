// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Class classifies errors by how callers must handle them.
type Class int

// Classes of [Error].
const (
	// ClassNone is the class of nil and of errors of other packages.
	ClassNone Class = iota
	// ClassNotSent means that no byte of the request was sent, for example because the connection
	// was refused or the token cannot be read.
	ClassNotSent
	// ClassInterrupted means that the connection broke after the request may have been sent.
	ClassInterrupted
	// ClassTimeout means that no response came in time, according to the client or to a proxy
	// (408).
	ClassTimeout
	// ClassCanceled means that the caller's context ended.
	ClassCanceled
	// ClassUnauthorized is 401: the identity is rejected or the token has expired.
	ClassUnauthorized
	// ClassForbidden is 403: the identity lacks the permission.
	ClassForbidden
	// ClassNotFound is 404. For a pull or a push: the repository or a group is unknown.
	ClassNotFound
	// ClassLocked means that another bulk operation holds the write lock (platform contract §1.5).
	ClassLocked
	// ClassRateLimited is 429: nothing was done; see [Error.RetryAfter].
	ClassRateLimited
	// ClassRejected is any other status below 500 that is not a success.
	ClassRejected
	// ClassServer is 500 and above, including a gateway that cannot reach the service.
	ClassServer
	// ClassMalformed is a response that the platform does not send, such as HTML or truncated JSON.
	ClassMalformed
	// ClassTooLarge is a response above [Options.MaxBody].
	ClassTooLarge
	// ClassNotUp means that the service has never responded: see [Options.Starting].
	ClassNotUp
)

var classNames = [...]string{"none", "not_sent", "interrupted", "timeout", "canceled", "unauthorized", "forbidden",
	"not_found", "locked", "rate_limited", "rejected", "server_error", "malformed", "too_large", "not_up"}

// String returns a stable name, suitable as the label of a metric.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "unknown"
	}
	return classNames[c]
}

// Error is the error of every method of [Client].
type Error struct {
	Op    Op
	Class Class
	// Status is the HTTP status, or 0 without a response.
	Status int
	// Code is the platform's name of the error, such as ObjectNotFound.
	Code string
	// Message is the platform's message, or the client's. It is bounded and contains no
	// credentials.
	Message string
	// CorrelationID identifies the request in the platform's logs.
	CorrelationID string
	// RetryAfter is the delay that the platform requests with [ClassRateLimited], or 0.
	RetryAfter time.Duration
	// Length is the size of a body that the platform rejected as too large and Limit the maximum,
	// in bytes. 0 means unknown.
	Length, Limit int64
	// Sent is true if the request may have reached the platform.
	Sent bool
	// Err is the cause of an error without a response.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "platform %s: ", e.Op)
	if e.Status != 0 {
		fmt.Fprintf(&b, "HTTP %d ", e.Status)
	}
	fmt.Fprintf(&b, "(%s)", e.Class)
	for _, s := range []string{e.Code, e.Message} {
		if s != "" {
			b.WriteString(": " + s)
		}
	}
	if e.CorrelationID != "" {
		b.WriteString(" [correlation id " + e.CorrelationID + "]")
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// ObjectMissing reports whether the platform itself responded that it lacks an object, such as a
// workspace. A 404 of a proxy, or for an unknown path, has another name or none (platform contract
// §14.10).
func (e *Error) ObjectMissing() bool {
	return e.Class == ClassNotFound && (e.Code == "ObjectNotFoundError" || e.Code == "ObjectNotFound")
}

// ClassOf returns the class of the [*Error] in err's chain, or [ClassNone].
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return ClassNone
}

// OutcomeUnknown reports whether the platform may have executed the request, or may still be
// executing it, despite err. After such an error of a pull or a push the caller must not send the
// request again until events or the lock show the outcome (platform contract §1.9).
func OutcomeUnknown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.Sent {
		return false
	}
	switch e.Class {
	case ClassInterrupted, ClassTimeout, ClassCanceled, ClassServer, ClassMalformed, ClassTooLarge, ClassNotUp:
		return true
	}
	return false
}

// MayMeanLocked reports whether the write lock may be the cause of a refusal, which the response may
// not mention (platform contract §1.5). Read the lock to find out.
func (c Class) MayMeanLocked() bool {
	return c == ClassLocked || c == ClassRejected || c == ClassForbidden
}

// errTimeout is the cause of a context that ended by the client's timeout.
var errTimeout = errors.New("no complete response in time")

// transportError classifies a request without a complete response. It unwraps a [*url.Error], which
// would repeat the URL with its query.
func transportError(ctx context.Context, op Op, err error, sent bool) *Error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	e := &Error{Op: op, Class: ClassInterrupted, Sent: sent, Err: err}
	switch cause := context.Cause(ctx); {
	case !sent && (cause == nil || cause == errTimeout):
		e.Class = ClassNotSent
	case cause == errTimeout:
		e.Class = ClassTimeout
		e.Err = cause
	case cause != nil:
		e.Class = ClassCanceled
		e.Err = cause
	}
	e.Message = truncateText(e.Err.Error(), maxText)
	return e
}

// newError returns an error about a received response.
func (a *answer) newError(op Op, class Class, message string) *Error {
	return &Error{
		Op:            op,
		Class:         class,
		Status:        a.status,
		Message:       message,
		CorrelationID: a.meta.CorrelationID,
		Sent:          true,
	}
}

// brokenError returns the error for a response whose body is incomplete.
func (a *answer) brokenError(ctx context.Context, op Op, err error) *Error {
	e := transportError(ctx, op, err, true)
	e.CorrelationID = a.meta.CorrelationID
	return e
}

// decodeAnswer decodes an accepted response into out. It returns an [*Error] for any other response.
func (c *Client) decodeAnswer(k call, a answer, out any) *Error {
	if a.status != http.StatusOK && (k.accept == nil || !k.accept(a)) {
		return refusalError(k.op, a)
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return a.newError(k.op, ClassMalformed, describeGarbage(a))
	}
	return nil
}

// refusalError converts a response that is not a success into an error.
func refusalError(op Op, a answer) *Error {
	p := decodeErrorBody(a.body)
	e := a.newError(op, classifyStatus(op, a.status, p), p.Message)
	e.Code = p.Code
	if e.CorrelationID == "" {
		e.CorrelationID = p.requestID
	}
	e.Length = int64(p.length)
	e.Limit = int64(p.limit)
	if e.Class == ClassRateLimited {
		e.RetryAfter = parseRetryAfter(a.header, p)
	}
	if e.Message == "" {
		e.Message = describeGarbage(a)
	}
	return e
}

// lockText matches texts that report a held lock, but not "block" or "clock".
var lockText = regexp.MustCompile(`(?i)(^|[^bc])lock|in.progress|already running|merge.?conflict`)

func classifyStatus(op Op, status int, p errorBody) Class {
	if (op == OpPull || op == OpPush || op == OpImport) && isLocked(status, p) {
		return ClassLocked
	}
	switch {
	case status == http.StatusUnauthorized:
		return ClassUnauthorized
	case status == http.StatusForbidden:
		return ClassForbidden
	case status == http.StatusNotFound:
		return ClassNotFound
	case status == http.StatusRequestTimeout:
		return ClassTimeout
	case status == http.StatusTooManyRequests:
		return ClassRateLimited
	case status >= http.StatusInternalServerError:
		return ClassServer
	case status >= 200 && status < 300:
		return ClassMalformed
	}
	return ClassRejected
}

func isLocked(status int, p errorBody) bool {
	switch status {
	case http.StatusLocked:
		return true
	case http.StatusBadRequest, http.StatusForbidden, http.StatusConflict:
		return lockText.MatchString(p.Code) || lockText.MatchString(p.Message)
	}
	return false
}

// describeGarbage describes a response without quoting it.
func describeGarbage(a answer) string {
	body := bytes.TrimSpace(a.body)
	switch {
	case a.status >= 300 && a.status < 400:
		return "the response is a redirect, which is not followed: check the platform URL"
	case len(body) == 0:
		return "the response is empty"
	case body[0] == '<':
		return "the response is HTML, not the platform's: check the platform URL and proxies"
	case json.Valid(body):
		return "the response is JSON of an unexpected shape"
	case isText(a.header.Get("Content-Type"), body):
		return "the response is plain text, not the platform's: check the platform URL and proxies"
	}
	return fmt.Sprintf("the response of %d bytes is not valid JSON", len(a.body))
}

// isText reports whether a response is text for humans, such as a proxy's error page, and not
// truncated JSON.
func isText(contentType string, body []byte) bool {
	if media, _, err := mime.ParseMediaType(contentType); err == nil && !strings.HasPrefix(media, "text/") {
		return false
	}
	return utf8.Valid(body) && !bytes.ContainsAny(body[:1], "{[\"") && !bytes.ContainsFunc(body, isBinary)
}

func isBinary(r rune) bool { return isControl(r) && !unicode.IsSpace(r) }

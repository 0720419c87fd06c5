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

// Class tells errors apart as far as a caller behaves differently.
type Class int

// The classes of [Error].
const (
	// ClassNone is the class of nil and of errors of other packages.
	ClassNone Class = iota
	// ClassNotSent: no byte of the request left, such as a refused connection or an unreadable token.
	ClassNotSent
	// ClassInterrupted: the connection broke after the request may have been sent.
	ClassInterrupted
	// ClassTimeout: no answer in time, by our clock or by a proxy's (408).
	ClassTimeout
	// ClassCanceled: the caller's context ended.
	ClassCanceled
	// ClassUnauthorized: 401, the identity is not accepted or the token is expired.
	ClassUnauthorized
	// ClassForbidden: 403, the identity may not do this.
	ClassForbidden
	// ClassNotFound: 404; of a pull or a push: the repository is unknown, or a group.
	ClassNotFound
	// ClassLocked: another bulk operation holds the write lock (contract §1.5).
	ClassLocked
	// ClassRateLimited: 429, nothing was done; see [Error.RetryAfter].
	ClassRateLimited
	// ClassRejected: any other answer below 500 that is not a success.
	ClassRejected
	// ClassServer: 500 and above, also a gateway that cannot reach the service.
	ClassServer
	// ClassMalformed: an answer that is not what the platform sends, such as HTML or truncated JSON.
	ClassMalformed
	// ClassTooLarge: an answer over [Options.MaxBody].
	ClassTooLarge
	// ClassNotUp: the service has never answered, see [Options.Starting].
	ClassNotUp
)

var classNames = [...]string{"none", "not_sent", "interrupted", "timeout", "canceled", "unauthorized", "forbidden",
	"not_found", "locked", "rate_limited", "rejected", "server_error", "malformed", "too_large", "not_up"}

// String returns a name that is stable enough for a metric's label.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "unknown"
	}
	return classNames[c]
}

// Classes lists all classes of errors, for metrics that start at 0.
func Classes() []Class {
	all := make([]Class, 0, len(classNames)-1)
	for c := ClassNotSent; int(c) < len(classNames); c++ {
		all = append(all, c)
	}
	return all
}

// Error is the error of every method of [Client].
type Error struct {
	Op    Op
	Class Class
	// Status is the HTTP status, 0 without an answer.
	Status int
	// Code is the platform's name of the error, such as ObjectNotFound.
	Code string
	// Message is the platform's text, or ours. It is bounded and holds no credential.
	Message string
	// CorrelationID finds the request in the platform's logs.
	CorrelationID string
	// RetryAfter is set for [ClassRateLimited] when the platform told it.
	RetryAfter time.Duration
	// Length and Limit of a body that the platform refuses as too large, in bytes; 0 where
	// it did not tell.
	Length, Limit int64
	// Sent reports that the request may have reached the platform.
	Sent bool
	// Err is the cause of an error without an answer.
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

// ObjectMissing reports that the platform itself says that it has no such object, such as
// a workspace: a 404 of a proxy, or of a path that the platform does not know, has another
// name or none (contract §14.10).
func (e *Error) ObjectMissing() bool {
	return e.Class == ClassNotFound && (e.Code == "ObjectNotFoundError" || e.Code == "ObjectNotFound")
}

// ClassOf returns the class of the [*Error] in err's chain, else [ClassNone].
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return ClassNone
}

// OutcomeUnknown reports whether the platform may have done what was asked, or
// may still be doing it, although err came back. After such an error of a pull or a push
// nobody may post again before the events or the lock tell (contract §1.9).
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

// errTimeout is the cause of a context that ended by our own time-out.
var errTimeout = errors.New("no complete answer in time")

// transportError classifies a request without a complete answer.
// A [*url.Error] is unwrapped: it would repeat the address, with its query.
func transportError(ctx context.Context, op Op, err error, sent bool) *Error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	e := &Error{Op: op, Class: ClassInterrupted, Sent: sent, Err: err}
	switch cause := context.Cause(ctx); {
	case !sent && (cause == nil || cause == errTimeout):
		e.Class = ClassNotSent
	case cause == errTimeout:
		e.Class, e.Err = ClassTimeout, cause
	case cause != nil:
		e.Class, e.Err = ClassCanceled, cause
	}
	e.Message = clip(e.Err.Error(), maxText)
	return e
}

// error returns an error about an answer that came.
func (a *answer) error(op Op, class Class, message string) *Error {
	return &Error{Op: op, Class: class, Status: a.status, Message: message, CorrelationID: a.meta.CorrelationID, Sent: true}
}

// broken returns the error of an answer whose body ended before its end.
func (a *answer) broken(ctx context.Context, op Op, err error) *Error {
	e := transportError(ctx, op, err, true)
	e.CorrelationID = a.meta.CorrelationID
	return e
}

// judge decodes an accepted answer into out and makes an [*Error] of any other.
func (c *Client) judge(k call, a answer, out any) *Error {
	if a.status != http.StatusOK && (k.accept == nil || !k.accept(a)) {
		return refusal(k.op, a)
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return a.error(k.op, ClassMalformed, describeGarbage(a))
	}
	return nil
}

// refusal makes an error of an answer that is not a success.
func refusal(op Op, a answer) *Error {
	p := decodeErrorBody(a.body)
	e := a.error(op, classify(op, a.status, p), p.Message)
	e.Code = p.Code
	if e.CorrelationID == "" {
		e.CorrelationID = p.requestID
	}
	e.Length = int64(p.length)
	e.Limit = int64(p.limit)
	if e.Class == ClassRateLimited {
		e.RetryAfter = retryAfter(a.header, p)
	}
	if e.Message == "" {
		e.Message = describeGarbage(a)
	}
	return e
}

// lockText is how an answer may tell that the lock is held; not the "lock" of "block" or "clock".
var lockText = regexp.MustCompile(`(?i)(^|[^bc])lock|in.progress|already running|merge.?conflict`)

func classify(op Op, status int, p errorBody) Class {
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

// describeGarbage says what an answer looks like without repeating it.
func describeGarbage(a answer) string {
	body := bytes.TrimSpace(a.body)
	switch {
	case a.status >= 300 && a.status < 400:
		return "a redirect, which is not followed: check the platform URL"
	case len(body) == 0:
		return "the answer is empty"
	case body[0] == '<':
		return "the answer is HTML, not the platform's: check the platform URL and proxies"
	case json.Valid(body):
		return "the answer is JSON of an unexpected shape"
	case isText(a.header.Get("Content-Type"), body):
		return "the answer is plain text, not the platform's: check the platform URL and proxies"
	}
	return fmt.Sprintf("the answer of %d bytes is not valid JSON", len(a.body))
}

// isText reports whether an answer is meant for people, as the error pages of
// proxies are, and is not JSON that broke off.
func isText(contentType string, body []byte) bool {
	if media, _, err := mime.ParseMediaType(contentType); err == nil && !strings.HasPrefix(media, "text/") {
		return false
	}
	return utf8.Valid(body) && !bytes.ContainsAny(body[:1], "{[\"") && !bytes.ContainsFunc(body, isBinary)
}

func isBinary(r rune) bool { return isControl(r) && !unicode.IsSpace(r) }

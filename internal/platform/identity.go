// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Identity authenticates requests by setting headers. It is called for each request, so that a
// rotated token takes effect with the next one.
type Identity interface {
	Authenticate(ctx context.Context, header http.Header) error
}

// IdentityFunc adapts a function to [Identity].
type IdentityFunc func(ctx context.Context, header http.Header) error

// Authenticate implements [Identity].
func (f IdentityFunc) Authenticate(ctx context.Context, header http.Header) error {
	return f(ctx, header)
}

// Source returns the current value of a credential.
type Source func(ctx context.Context) (secret.Value, error)

// Fixed returns a [Source] for a constant credential.
func Fixed(v secret.Value) Source {
	return func(context.Context) (secret.Value, error) { return v, nil }
}

// Headers by which services of the platform identify a caller (platform contract §3.3).
const (
	HeaderUserID    = "X-Prismeai-User-Id"
	HeaderSessionID = "X-Prismeai-Session-Id"
	HeaderRole      = "X-Prismeai-Role"
	HeaderAPIKey    = "X-Prismeai-Api-Key"
)

// LocalHeaders returns the identity headers of the platform's own services, which are only accepted
// within the pod. The caller may modify the result.
func LocalHeaders() map[string]string {
	return map[string]string{HeaderUserID: "api", HeaderSessionID: "adminSession", HeaderRole: "superadmin"}
}

// Headers returns an [Identity] of constant headers without credentials.
func Headers(values map[string]string) Identity {
	return IdentityFunc(func(_ context.Context, h http.Header) error {
		for name, value := range values {
			h.Set(name, value)
		}
		return nil
	})
}

// Bearer returns the [Identity] of a token.
func Bearer(source Source) Identity { return credentialIdentity("Authorization", "Bearer ", source) }

// APIKey returns the [Identity] of the API key of a workspace or an organisation, or of the
// internal key.
func APIKey(source Source) Identity { return credentialIdentity(HeaderAPIKey, "", source) }

func credentialIdentity(header, prefix string, source Source) Identity {
	return IdentityFunc(func(ctx context.Context, h http.Header) error {
		v, err := source(ctx)
		if err != nil {
			return err
		}
		if v.Empty() || strings.ContainsFunc(v.Reveal(), isControl) {
			return errors.New("the credential is empty or has control characters")
		}
		h.Set(header, prefix+v.Reveal())
		return nil
	})
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// Join returns an [Identity] that applies all of ids in order.
func Join(ids ...Identity) Identity {
	return IdentityFunc(func(ctx context.Context, h http.Header) error {
		for _, id := range ids {
			if err := id.Authenticate(ctx, h); err != nil {
				return err
			}
		}
		return nil
	})
}

// minCredential is the minimum length of a credential to mask, in bytes. Masking a shorter one, as
// used in experiments, would break words of the response.
const minCredential = 8

// maskCredentials replaces the credentials of a request in its response.
func maskCredentials(body []byte, sent http.Header) []byte {
	for name, values := range sent {
		if !CredentialHeader(name) {
			continue
		}
		for _, v := range values {
			if _, token, ok := strings.Cut(v, " "); ok {
				v = token
			}
			if len(v) >= minCredential {
				body = bytes.ReplaceAll(body, []byte(v), []byte(secret.Mask))
			}
		}
	}
	return body
}

// CredentialHeader reports whether the header called name holds a credential.
func CredentialHeader(name string) bool {
	name = strings.ToLower(name)
	return name == "authorization" || name == "cookie" || strings.Contains(name, "key") || strings.Contains(name, "token")
}

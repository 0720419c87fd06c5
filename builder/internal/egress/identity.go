// SPDX-License-Identifier: AGPL-3.0-or-later

package egress

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// Identity is the client certificate of the builder.
type Identity struct {
	certificate *tls.Certificate
	asked       atomic.Bool
}

// LoadIdentity reads a client certificate and its key from PEM files. An empty keyFile means that
// the key is in certFile. Without files, the identity has no certificate.
func LoadIdentity(certFile, keyFile string) (*Identity, error) {
	if certFile == "" && keyFile == "" {
		return &Identity{}, nil
	}
	if certFile == "" {
		return nil, fmt.Errorf("client certificate: the key %s has no certificate", keyFile)
	}
	if keyFile == "" {
		keyFile = certFile
	}
	certPEM, err := readPEM(certFile)
	if err != nil {
		return nil, fmt.Errorf("read client certificate: %w", err)
	}
	keyPEM, err := readPEM(keyFile)
	if err != nil {
		return nil, fmt.Errorf("read key of client certificate: %w", err)
	}
	certificate, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("client certificate %s with key %s: %w", certFile, keyFile, err)
	}
	return &Identity{certificate: &certificate}, nil
}

// Apply makes connections with config use the identity.
func (i *Identity) Apply(config *tls.Config) {
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		i.asked.Store(true)
		if i.certificate == nil {
			return &tls.Certificate{}, nil
		}
		return i.certificate, nil
	}
}

// IsMissing reports whether a server asked for a certificate but there is none.
func (i *Identity) IsMissing() bool { return i.asked.Load() && i.certificate == nil }

// IsUsed reports whether a server asked for the certificate and got it.
func (i *Identity) IsUsed() bool { return i.asked.Load() && i.certificate != nil }

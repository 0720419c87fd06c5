// SPDX-License-Identifier: AGPL-3.0-or-later

// Package scantest generates test data for scanners: secrets of many kinds, workspaces that
// leak them, and workspaces without leaks. This repository does not contain any secrets.
package scantest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	mathrand "math/rand/v2"
	"regexp/syntax"
	"strings"
)

// Planter generates secrets deterministically.
type Planter struct{ random *mathrand.Rand }

// NewPlanter returns a planter whose secrets depend on the seed.
func NewPlanter(seed uint64) *Planter { return &Planter{mathrand.New(mathrand.NewPCG(1, seed))} }

// Text returns a random text that matches a regular expression. It panics if the expression
// contains anything but characters, classes and repetitions.
func (p *Planter) Text(expression string) string {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	p.writeExpression(&b, re)
	return b.String()
}

// PrivateKey returns a valid private key in PEM.
func (p *Planter) PrivateKey() string {
	scalar := make([]byte, 32)
	p.Fill(scalar[1:]) // the first byte keeps it below the order of the curve
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

// Fill fills data with incompressible bytes.
func (p *Planter) Fill(data []byte) {
	for i := range data {
		data[i] = byte(p.random.Uint32())
	}
}

func (p *Planter) writeExpression(b *strings.Builder, re *syntax.Regexp) {
	times := 1
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
		return
	case syntax.OpCharClass:
		b.WriteRune(p.pickRune(re.Rune))
		return
	case syntax.OpRepeat:
		times = re.Min
	case syntax.OpConcat, syntax.OpCapture, syntax.OpEmptyMatch:
	default:
		panic(fmt.Sprintf("cannot make up %s", re.Op))
	}
	for range times {
		for _, sub := range re.Sub {
			p.writeExpression(b, sub)
		}
	}
}

// pickRune returns a random character from a class, given as a list of ranges.
func (p *Planter) pickRune(ranges []rune) rune {
	var all []rune
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			all = append(all, r)
		}
	}
	return all[p.random.IntN(len(all))]
}

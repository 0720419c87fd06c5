// SPDX-License-Identifier: AGPL-3.0-or-later

// Package scantest makes up what the tests of scanners look at: secrets of many
// kinds, leaks of them in workspaces, and workspaces without any. No secret stands in
// this repository.
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

// Planter makes secrets up, the same ones each time.
type Planter struct{ random *mathrand.Rand }

// NewPlanter returns a planter whose secrets depend on the seed.
func NewPlanter(seed uint64) *Planter { return &Planter{mathrand.New(mathrand.NewPCG(1, seed))} }

// Text returns a random text that a regular expression matches. The expression is
// made of characters, classes and repetitions; any other panics.
func (p *Planter) Text(expression string) string {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	p.write(&b, re)
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

// Fill fills data with what no compression makes smaller.
func (p *Planter) Fill(data []byte) {
	for i := range data {
		data[i] = byte(p.random.Uint32())
	}
}

func (p *Planter) write(b *strings.Builder, re *syntax.Regexp) {
	times := 1
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
		return
	case syntax.OpCharClass:
		b.WriteRune(p.pick(re.Rune))
		return
	case syntax.OpRepeat:
		times = re.Min
	case syntax.OpConcat, syntax.OpCapture, syntax.OpEmptyMatch:
	default:
		panic(fmt.Sprintf("cannot make up %s", re.Op))
	}
	for range times {
		for _, sub := range re.Sub {
			p.write(b, sub)
		}
	}
}

// pick returns a random character of a class, which is a list of ranges.
func (p *Planter) pick(ranges []rune) rune {
	var all []rune
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			all = append(all, r)
		}
	}
	return all[p.random.IntN(len(all))]
}

// SPDX-License-Identifier: AGPL-3.0-or-later

// Command images makes the images of our own programs, with the engine that makes
// those of workspaces.
//
// It is given static binaries, and takes what it says of them from what the Go toolchain
// has written into them: platform and modules. The binaries of one program for
// several platforms become one image: the program, the certificate authorities that
// Mozilla trusts, an unprivileged user, and nothing else; or the program on a base that
// has a shell, for those whose CI runs scripts. The same binaries give the same digests.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.StringVar(&o.version, "version", "", "`version` of the programs, and the tag of their images")
	flag.StringVar(&o.revision, "revision", "", "`commit` that they were built from, if that is known")
	flag.StringVar(&o.dir, "dir", "bin/images", "write the images into this `directory`")
	flag.StringVar(&o.base, "base", "", "`image` to put the programs on instead of nothing, such as a small one "+
		"with a shell")
	flag.StringVar(&o.registry, "registry", "", "`registry/path` that the images belong to")
	flag.BoolVar(&o.push, "push", false, "push them there")
	insecure := flag.String("insecure-registry", "", "`host[:port],…` that may be reached without verified TLS")
	flag.Parse()
	o.insecure = strings.FieldsFunc(*insecure, func(r rune) bool { return r == ',' })
	o.binaries, o.getenv, o.out = flag.Args(), os.Getenv, os.Stdout
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// SPDX-License-Identifier: AGPL-3.0-or-later

// Command images builds the images of this project's programs, with the engine that also builds
// those of workspaces.
//
// Its inputs are static binaries; it reads their platforms and modules from the Go build
// information. The binaries of one program for several platforms become one image with the program,
// Mozilla's certificate authorities and an unprivileged user, or with the program on a base that
// has a shell, for CI systems that run scripts. The same binaries give the same digests.
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
	flag.StringVar(&o.revision, "revision", "", "`commit` that they were built from, if known")
	flag.StringVar(&o.dir, "dir", "bin/images", "write the images into this `directory`")
	flag.StringVar(&o.base, "base", "", "`image` to put the programs on instead of nothing, such as a small one "+
		"with a shell")
	flag.StringVar(&o.registry, "registry", "", "`registry/path` that the images belong to")
	flag.BoolVar(&o.push, "push", false, "push them to -registry")
	insecure := flag.String("insecure-registry", "", "`host[:port],…` that may be reached without verified TLS")
	flag.Parse()
	o.insecure = strings.FieldsFunc(*insecure, func(r rune) bool { return r == ',' })
	o.binaries = flag.Args()
	o.getenv = os.Getenv
	o.out = os.Stdout
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

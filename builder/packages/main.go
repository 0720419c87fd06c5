// SPDX-License-Identifier: AGPL-3.0-or-later

// Command packages writes the files of a release, except for its images: an archive and a bill of
// materials for each binary, the chart, a Homebrew formula, a Scoop manifest, the release notes, and
// the checksums of all files. The same inputs give the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	var o options
	flag.StringVar(&o.version, "version", "", "`version` of the release, such as v1.2.3")
	flag.StringVar(&o.root, "root", ".", "`directory` of the sources, for the licences, the README and the changelog")
	flag.StringVar(&o.dir, "dir", "bin/release", "write the files into this `directory`, which may have images already")
	flag.StringVar(&o.chart, "chart", "", "`package` of the chart, as helm package wrote it")
	flag.BoolVar(&o.check, "check", false, "only check that changelog and chart have the version")
	flag.Parse()
	o.getenv = os.Getenv
	var err error
	if o.binaries, err = readBinaries(flag.Args()); err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

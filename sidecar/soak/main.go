// SPDX-License-Identifier: Apache-2.0

// Command soak runs four sidecars against a fake platform with injected faults, prints a report,
// and fails if an invariant was violated. See docs/soak.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/soak"
)

func main() {
	var o soak.Options
	flag.StringVar(&o.Sidecar, "sidecar", "bin/sidecar", "path of the sidecar")
	flag.DurationVar(&o.Duration, "duration", 20*time.Minute, "how long to inject faults")
	flag.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano()), "seed of the random choices")
	picture := flag.String("picture", "bin/soak.svg", "write an SVG chart to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, *picture); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o soak.Options, picture string) error {
	var err error
	if o.Dir, err = os.MkdirTemp("", "soak-"); err != nil {
		return err
	}
	o.Out = os.Stdout
	fmt.Printf("seed %d, logs in %s\n", o.Seed, o.Dir)
	record, err := soak.Run(ctx, o)
	if err != nil {
		return err
	}
	if err := errors.Join(draw(record, picture), record.Report(os.Stdout)); err != nil {
		return err
	}
	wrong := record.Violations()
	for _, w := range wrong {
		fmt.Println("VIOLATION", w)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d violations; the logs of the sidecars are in %s", len(wrong), o.Dir)
	}
	fmt.Println("no violation")
	return os.RemoveAll(o.Dir)
}

func draw(record *soak.Record, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(record.Draw(file), file.Close())
}

// SPDX-License-Identifier: Apache-2.0

// Userland is the little that images of the tests have beside the fake platform. It
// is called by the names of its commands:
//
//	cp FROM TO           what the chart uses of the service's image
//	sleep SECONDS
//	ask URL              asks the service over and over, and tells each change of its answer
//	kill9 CONTAINER-ID   kills the processes of a container, from a pod in the node's pid namespace
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := run(ctx, os.Args)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch name := filepath.Base(args[0]); {
	case name == "cp" && len(args) == 3:
		return cp(args[1], args[2])
	case name == "sleep" && len(args) == 2:
		return sleep(ctx, args[1])
	case name == "ask" && len(args) == 2:
		return ask(ctx, os.Stdout, args[1])
	case name == "kill9" && len(args) == 2:
		return kill9(args[1])
	}
	return fmt.Errorf("usage: cp FROM TO | sleep SECONDS | ask URL | kill9 CONTAINER-ID, not %q", args)
}

func cp(source, target string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(target)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

func sleep(ctx context.Context, seconds string) error {
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	wait(ctx, time.Duration(n)*time.Second)
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// askEvery is the time between two requests.
const askEvery = 50 * time.Millisecond

// ask prints each answer that is not the one before, on a connection of its own each
// time, so that the Service chooses anew.
func ask(ctx context.Context, out io.Writer, url string) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for last := ""; ctx.Err() == nil; wait(ctx, askEvery) {
		answer := one(ctx, client, url)
		if answer != last && ctx.Err() == nil {
			fmt.Fprintln(out, answer)
			last = answer
		}
	}
	return nil
}

func one(ctx context.Context, client *http.Client, url string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	r.Header.Set("x-prismeai-user-id", "api")
	r.Header.Set("x-prismeai-role", "superadmin")
	resp, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}

// kill9 finds processes by their cgroup, whose path names the container.
func kill9(container string) error {
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return err
	}
	killed := 0
	for _, file := range files {
		cgroup, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it ended meanwhile
		}
		if err != nil {
			return err
		}
		if !strings.Contains(string(cgroup), container) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return err
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return fmt.Errorf("kill %d: %w", pid, err)
		}
		killed++
	}
	if killed == 0 {
		return fmt.Errorf("no process of container %s", container)
	}
	fmt.Println("killed", killed)
	return nil
}

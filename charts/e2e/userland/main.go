// SPDX-License-Identifier: Apache-2.0

// Userland contains the commands that test images need besides the fake platform. The name of
// the executable selects the command:
//
//	cp -R FROM/. TO      copies the files of a directory, as the chart's init container does
//	sleep SECONDS
//	ask URL              polls a URL and prints each change of the response
//	kill9 CONTAINER-ID   kills the processes of a container, from a pod in the node's PID namespace
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
	case name == "cp" && len(args) == 4 && args[1] == "-R":
		return copyFiles(args[2], args[3])
	case name == "sleep" && len(args) == 2:
		return sleepSeconds(ctx, args[1])
	case name == "ask" && len(args) == 2:
		return pollURL(ctx, os.Stdout, args[1])
	case name == "kill9" && len(args) == 2:
		return killContainer(args[1])
	}
	return fmt.Errorf("usage: cp -R FROM/. TO | sleep SECONDS | ask URL | kill9 CONTAINER-ID, not %q", args)
}

func copyFiles(source, target string) error {
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := copyFile(filepath.Join(source, e.Name()), filepath.Join(target, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(source, target string) error {
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

func sleepSeconds(ctx context.Context, seconds string) error {
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	waitFor(ctx, time.Duration(n)*time.Second)
	return nil
}

func waitFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// pollInterval is the interval between requests.
const pollInterval = 50 * time.Millisecond

// pollURL prints each response that differs from the previous one. It opens a connection for each
// request, so that the Service chooses a pod for each.
func pollURL(ctx context.Context, out io.Writer, url string) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for last := ""; ctx.Err() == nil; waitFor(ctx, pollInterval) {
		answer := requestOnce(ctx, client, url)
		if answer != last && ctx.Err() == nil {
			fmt.Fprintln(out, answer)
			last = answer
		}
	}
	return nil
}

func requestOnce(ctx context.Context, client *http.Client, url string) string {
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

// killContainer finds processes by their cgroup, whose path names the container.
func killContainer(container string) error {
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return err
	}
	killed := 0
	for _, file := range files {
		cgroup, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the process has exited
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

// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// gitProtocol requests version 2 of Git's protocol, in an HTTP header or in the variable
// GIT_PROTOCOL over SSH.
const gitProtocol = "version=2"

// unnamedError reports a commit that no branch and no tag points to.
type unnamedError struct{ hash plumbing.Hash }

func (e *unnamedError) Error() string {
	return fmt.Sprintf("no branch and no tag is at commit %s, and the server does not serve other commits: "+
		"name a branch or a tag", e.hash)
}

// fetchUnnamed fetches a commit that no reference names. With the default configuration, servers
// refuse this in version 0 of the protocol, which go-git implements, and allow it in version 2.
func fetchUnnamed(
	ctx context.Context, server transport, wants wanted, unnamed *unnamedError, dir string, limits packLimits,
) error {
	answer, err := server.uploadRequestV2(ctx, requestV2(unnamed.hash, wants.history))
	if err != nil {
		return unnamed
	}
	defer answer.Close()
	bounded := limits.limitReader(answer)
	if err := skipToPack(bounded); err != nil {
		return unnamed
	}
	return storePack(sideband.NewDemuxer(sideband.Sideband64k, bounded), dir, limits)
}

// requestV2 encodes a fetch command of version 2 for one commit, at depth 1 or with its history.
func requestV2(want plumbing.Hash, history bool) []byte {
	var text bytes.Buffer
	lines := pktline.NewEncoder(&text)
	lines.EncodeString("command=fetch\n", "agent="+capability.DefaultAgent()+"\n") // writes to memory do not fail
	text.WriteString(packetDelimiter)
	lines.EncodeString("no-progress\n", "ofs-delta\n", "want "+want.String()+"\n")
	if !history {
		lines.EncodeString("deepen 1\n")
	}
	lines.EncodeString("done\n")
	lines.Flush()
	return text.Bytes()
}

// Packets of version 2 without content.
const (
	packetFlush     = "0000"
	packetDelimiter = "0001"
)

// maxSectionLines limits the lines before the pack, which has one for each shallow commit.
const maxSectionLines = 10_000

// errNotV2 reports a response that does not follow version 2.
var errNotV2 = errors.New("the server does not speak version 2 of Git's protocol")

// skipToPack reads a response of version 2 up to the pack.
func skipToPack(answer io.Reader) error {
	for range maxSectionLines {
		line, err := readPacket(answer)
		if err != nil {
			return err
		}
		if said, refused := strings.CutPrefix(line, "ERR "); refused {
			return &pktline.ErrorLine{Text: said}
		}
		if line == "packfile" {
			return nil
		}
	}
	return errNotV2
}

// readPacket returns the content of a packet without its line end, or "" for a packet without
// content. go-git's reader refuses delimiter packets.
func readPacket(r io.Reader) (string, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	switch string(head[:]) {
	case packetFlush, packetDelimiter:
		return "", nil
	}
	size, err := strconv.ParseUint(string(head[:]), 16, 16)
	if err != nil || size < uint64(len(head)) {
		return "", errNotV2
	}
	content := make([]byte, size-uint64(len(head)))
	if _, err := io.ReadFull(r, content); err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(content), "\n"), nil
}

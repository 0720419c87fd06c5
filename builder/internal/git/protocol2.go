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

// gitProtocol asks a server for version 2 of Git's protocol: an HTTP header, or the
// value of the variable GIT_PROTOCOL over SSH.
const gitProtocol = "version=2"

// unnamedError reports a commit that no branch and no tag is at.
type unnamedError struct{ hash plumbing.Hash }

func (e *unnamedError) Error() string {
	return fmt.Sprintf("no branch and no tag is at commit %s, and the server does not give other commits: "+
		"name a branch or a tag", e.hash)
}

// fetchUnnamed gets a commit that no reference names. A stock server refuses that by
// version 0 of the protocol, which go-git speaks, and allows it by version 2.
func fetchUnnamed(
	ctx context.Context, server transport, wants wanted, unnamed *unnamedError, dir string, limits packLimits,
) error {
	answer, err := server.uploadV2(ctx, requestV2(unnamed.hash, wants.history))
	if err != nil {
		return unnamed
	}
	defer answer.Close()
	bounded := limits.reader(answer)
	if err := skipToPack(bounded); err != nil {
		return unnamed
	}
	return storePack(sideband.NewDemuxer(sideband.Sideband64k, bounded), dir, limits)
}

// requestV2 encodes the command "fetch" of version 2 for one commit: at depth 1, or with its history.
func requestV2(want plumbing.Hash, history bool) []byte {
	var text bytes.Buffer
	lines := pktline.NewEncoder(&text)
	lines.EncodeString("command=fetch\n", "agent="+capability.DefaultAgent()+"\n") // to memory: no error
	text.WriteString(packetDelimiter)
	lines.EncodeString("no-progress\n", "ofs-delta\n", "want "+want.String()+"\n")
	if !history {
		lines.EncodeString("deepen 1\n")
	}
	lines.EncodeString("done\n")
	lines.Flush()
	return text.Bytes()
}

// Packets of version 2 that have no content.
const (
	packetFlush     = "0000"
	packetDelimiter = "0001"
)

// maxSectionLines bounds the lines in front of the pack: one for each shallow commit.
const maxSectionLines = 10_000

// errNotV2 reports an answer that is not one of version 2.
var errNotV2 = errors.New("the server does not speak version 2 of Git's protocol")

// skipToPack reads an answer of version 2 up to the pack.
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

// readPacket returns the content of a packet without its line end, and "" for a packet
// without content. go-git's reader refuses delimiters.
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

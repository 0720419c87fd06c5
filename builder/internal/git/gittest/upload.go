// SPDX-License-Identifier: AGPL-3.0-or-later

package gittest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// Upload is what a client requested and received.
type Upload struct {
	Wants   []plumbing.Hash
	Shallow bool
	// Commits and Objects count the objects sent. Objects includes the commits.
	Commits, Objects int
}

// uploads answers requests of version 0 of the upload-pack protocol.
type uploads struct {
	repository *Repository
	without    []capability.Capability

	mu  sync.Mutex
	log []Upload
}

// Uploads returns the requests answered so far.
func (u *uploads) Uploads() []Upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.log)
}

// writeReferences writes the references, after an announcement of the service if announce is set.
func (u *uploads) writeReferences(w io.Writer, announce bool) error {
	refs := packp.NewAdvRefs()
	if announce {
		refs.Prefix = [][]byte{[]byte("# service=git-upload-pack"), pktline.Flush}
	}
	all, err := u.repository.Storage.IterReferences()
	if err != nil {
		return err
	}
	err = all.ForEach(func(r *plumbing.Reference) error {
		if r.Type() == plumbing.HashReference {
			refs.References[r.Name().String()] = r.Hash()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if head, err := storer.ResolveReference(u.repository.Storage, plumbing.HEAD); err == nil {
		hash := head.Hash()
		refs.Head = &hash
		err = refs.Capabilities.Add(capability.SymRef, "HEAD:"+head.Name().String())
		if err != nil {
			return err
		}
	}
	for _, c := range []capability.Capability{
		capability.MultiACKDetailed, capability.ThinPack, capability.Sideband, capability.Sideband64k, capability.OFSDelta,
		capability.Shallow, capability.NoProgress, capability.AllowTipSHA1InWant, capability.AllowReachableSHA1InWant,
	} {
		if !slices.Contains(u.without, c) {
			if err := refs.Capabilities.Add(c); err != nil {
				return err
			}
		}
	}
	return refs.Encode(w)
}

// answerRequest reads a request and writes the pack.
func (u *uploads) answerRequest(w io.Writer, r io.Reader) error {
	request := packp.NewUploadPackRequest()
	if err := request.UploadRequest.Decode(r); err != nil {
		return err
	}
	lines := pktline.NewScanner(r)
	for lines.Scan() && string(lines.Bytes()) != "done\n" {
	}
	if err := lines.Err(); err != nil {
		return err
	}
	shallow := !request.Depth.IsZero()
	c := collection{objects: u.repository.Storage, shallow: shallow, seen: map[plumbing.Hash]bool{}}
	for _, want := range request.Wants {
		if err := c.addObject(want); err != nil {
			return pktline.NewEncoder(w).EncodeString("ERR upload-pack: not our ref " + want.String())
		}
	}
	u.mu.Lock()
	u.log = append(u.log, Upload{Wants: request.Wants, Shallow: shallow, Commits: len(c.commits), Objects: len(c.hashes)})
	u.mu.Unlock()
	return writePack(w, request, c)
}

func writePack(w io.Writer, request *packp.UploadPackRequest, c collection) error {
	var pack bytes.Buffer
	if _, err := packfile.NewEncoder(&pack, c.objects, false).Encode(c.hashes, 10); err != nil {
		return err
	}
	if c.shallow {
		update := packp.ShallowUpdate{Shallows: c.commits}
		if err := update.Encode(w); err != nil {
			return err
		}
	}
	if err := pktline.NewEncoder(w).EncodeString("NAK\n"); err != nil {
		return err
	}
	var channel sideband.Type
	switch {
	case request.Capabilities.Supports(capability.Sideband64k):
		channel = sideband.Sideband64k
	case request.Capabilities.Supports(capability.Sideband):
		channel = sideband.Sideband
	default:
		_, err := pack.WriteTo(w)
		return err
	}
	mux := sideband.NewMuxer(channel, w)
	if _, err := mux.WriteChannel(sideband.ProgressMessage, []byte("remote: at your service\n")); err != nil {
		return err
	}
	// Copy in pieces that fit into a packet.
	if _, err := io.CopyBuffer(mux, struct{ io.Reader }{&pack}, make([]byte, 32<<10)); err != nil {
		return err
	}
	return pktline.NewEncoder(w).Flush()
}

// collection collects all objects that an object refers to.
type collection struct {
	objects storer.Storer
	shallow bool
	seen    map[plumbing.Hash]bool
	hashes  []plumbing.Hash
	commits []plumbing.Hash
}

func (c *collection) addObject(hash plumbing.Hash) error {
	if c.seen[hash] {
		return nil
	}
	o, err := c.objects.EncodedObject(plumbing.AnyObject, hash)
	if err != nil {
		return err
	}
	c.seen[hash] = true
	c.hashes = append(c.hashes, hash)
	switch o.Type() {
	case plumbing.TagObject:
		tag, err := object.DecodeTag(c.objects, o)
		if err != nil {
			return err
		}
		return c.addObject(tag.Target)
	case plumbing.CommitObject:
		return c.addCommit(o)
	case plumbing.TreeObject:
		return c.addTree(o)
	}
	return nil
}

func (c *collection) addCommit(o plumbing.EncodedObject) error {
	commit, err := object.DecodeCommit(c.objects, o)
	if err != nil {
		return err
	}
	c.commits = append(c.commits, commit.Hash)
	err = c.addObject(commit.TreeHash)
	if c.shallow {
		return err
	}
	for _, parent := range commit.ParentHashes {
		err = errors.Join(err, c.addObject(parent))
	}
	return err
}

// addTree skips missing objects, as a server with a broken repository would.
func (c *collection) addTree(o plumbing.EncodedObject) error {
	tree, err := object.DecodeTree(c.objects, o)
	if err != nil {
		return err
	}
	for _, e := range tree.Entries {
		if e.Mode == filemode.Submodule {
			continue
		}
		if err := c.addObject(e.Hash); err != nil && !errors.Is(err, plumbing.ErrObjectNotFound) {
			return err
		}
	}
	return nil
}

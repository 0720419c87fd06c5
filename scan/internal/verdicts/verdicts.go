// SPDX-License-Identifier: AGPL-3.0-or-later

// Package verdicts stores the files that a scan found clean, for use by later runs.
//
// The list is sealed. With a key, only holders of the key can add entries; without one, the
// seal detects damage but not forgery. A file that is not a sealed list of the same kind is
// ignored. Save replaces the file atomically, so that several programs may share it: the last
// writer wins, and lost entries are learnt again later.
package verdicts

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/atomicfile"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// Key identifies scanned content.
type Key [sha256.Size]byte

// Verdict records that content is clean.
type Verdict struct {
	// Filtered is the number of matches that were rejected as examples.
	Filtered uint32
	// used is the day of the last use, in days since 1970.
	used uint32
}

const (
	// maxAge is the time after which an unused entry is removed.
	maxAge = 30 * 24 * time.Hour
	// maxEntries limits the size of a list. The most recently used entries are kept.
	maxEntries = 250_000

	suffix = ".verdicts"
	magic  = "workspaces-release verdicts 1\n"
	// A file consists of magic, kind, entries and seal.
	headSize  = len(magic) + sha256.Size
	entrySize = sha256.Size + 4 + 4
	maxSize   = headSize + maxEntries*entrySize + sha256.Size
)

// errForeign is returned for a file that is not a list of this kind sealed with this key.
var errForeign = errors.New("the file is not a list of this kind with this seal")

// List is a list of verdicts of one kind. It is not safe for concurrent use.
type List struct {
	path   string
	kind   [sha256.Size]byte
	seal   secret.Value
	known  map[Key]Verdict
	learnt bool
	// room is the maximum number of entries.
	room int
}

// Open reads the list of a kind from a directory, and creates the directory if necessary. The
// kind identifies everything but the content that the verdicts depend on.
func Open(dir, kind string, seal secret.Value) (*List, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create directory: %w", err)
	}
	l := &List{kind: sha256.Sum256([]byte(kind)), seal: seal, room: maxEntries}
	l.path = filepath.Join(dir, fmt.Sprintf("%x", l.kind[:16])+suffix)
	l.known = l.readFile()
	return l, nil
}

// readFile returns the entries of the file, or none if the file is unusable.
func (l *List) readFile() map[Key]Verdict {
	file, err := os.Open(l.path)
	if err != nil {
		return map[Key]Verdict{}
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, int64(maxSize)+1))
	if err != nil {
		return map[Key]Verdict{}
	}
	known, err := l.decodeFile(data)
	if err != nil {
		return map[Key]Verdict{}
	}
	return known
}

// Len returns the number of verdicts.
func (l *List) Len() int { return len(l.known) }

// Get returns the verdict for a key and renews its age.
func (l *List) Get(k Key) (Verdict, bool) {
	v, ok := l.known[k]
	if now := today(); ok && v.used != now {
		v.used = now
		l.learnt = true
		l.known[k] = v
	}
	return v, ok
}

// Put adds a verdict.
func (l *List) Put(k Key, v Verdict) {
	v.used = today()
	l.learnt = true
	l.known[k] = v
}

func today() uint32 { return uint32(time.Now().Unix() / int64(24*time.Hour/time.Second)) }

// Save writes the list, merged with entries that other programs have written since, and removes
// old lists of other kinds. It writes nothing if the list has not changed.
func (l *List) Save() error {
	if !l.learnt {
		return nil
	}
	for k, v := range l.readFile() {
		if own, known := l.known[k]; !known || own.used < v.used {
			l.known[k] = v
		}
	}
	l.pruneEntries()
	if err := atomicfile.WriteFile(l.path, l.encodeFile(), 0o600); err != nil {
		return fmt.Errorf("write verdicts: %w", err)
	}
	l.learnt = false
	return l.removeOldLists()
}

// pruneEntries removes expired entries, and the least recently used ones above the limit.
func (l *List) pruneEntries() {
	oldest := today() - uint32(maxAge/(24*time.Hour))
	maps.DeleteFunc(l.known, func(_ Key, v Verdict) bool { return v.used < oldest || v.used > today() })
	if len(l.known) <= l.room {
		return
	}
	keys := l.sortKeys(func(a, b Key) int { return cmp.Compare(l.known[b].used, l.known[a].used) })
	for _, k := range keys[l.room:] {
		delete(l.known, k)
	}
}

func (l *List) sortKeys(first func(a, b Key) int) []Key {
	return slices.SortedFunc(
		maps.Keys(l.known),
		func(a, b Key) int { return cmp.Or(first(a, b), bytes.Compare(a[:], b[:])) },
	)
}

// removeOldLists removes old lists of other kinds.
func (l *List) removeOldLists() error {
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(l.path), "*"+suffix))
	if err != nil {
		return fmt.Errorf("look for old verdicts: %w", err)
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err == nil && path != l.path && time.Since(info.ModTime()) > maxAge {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // another program may have removed it
			return fmt.Errorf("remove old verdicts: %w", err)
		}
	}
	return nil
}

func (l *List) encodeFile() []byte {
	data := make([]byte, 0, headSize+len(l.known)*entrySize+sha256.Size)
	data = append(data, magic...)
	data = append(data, l.kind[:]...)
	for _, k := range l.sortKeys(func(Key, Key) int { return 0 }) {
		data = append(data, k[:]...)
		data = binary.BigEndian.AppendUint32(data, l.known[k].Filtered)
		data = binary.BigEndian.AppendUint32(data, l.known[k].used)
	}
	return append(data, l.computeSeal(data)...)
}

// computeSeal returns the seal of data. Without a key it is a checksum.
func (l *List) computeSeal(data []byte) []byte {
	mac := hmac.New(sha256.New, []byte(l.seal.Reveal()))
	mac.Write(data)
	return mac.Sum(nil)
}

func (l *List) decodeFile(data []byte) (map[Key]Verdict, error) {
	body := len(data) - sha256.Size
	if body < headSize || len(data) > maxSize || (body-headSize)%entrySize != 0 {
		return nil, errForeign
	}
	head := append([]byte(magic), l.kind[:]...)
	if !bytes.HasPrefix(data, head) || !hmac.Equal(data[body:], l.computeSeal(data[:body])) {
		return nil, errForeign
	}
	known := make(map[Key]Verdict, (body-headSize)/entrySize)
	for entry := range slices.Chunk(data[headSize:body], entrySize) {
		numbers := entry[sha256.Size:]
		known[Key(entry[:sha256.Size])] = Verdict{binary.BigEndian.Uint32(numbers), binary.BigEndian.Uint32(numbers[4:])}
	}
	return known, nil
}

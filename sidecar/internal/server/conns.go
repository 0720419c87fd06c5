// SPDX-License-Identifier: Apache-2.0

package server

import (
	"container/list"
	"net"
	"net/http"
	"runtime"
	"sync"
)

// conns bounds the open connections. A new one is never refused: when there are
// too many, the one that has done nothing new for the longest time is closed. So
// a probe, which is answered at once, gets through however many others are held
// open, and no address has to be known as the kubelet's.
type conns struct {
	max   int
	mu    sync.Mutex
	order *list.List // of net.Conn, the least recently active in front
	place map[net.Conn]*list.Element
}

func newConns(limit int) *conns {
	return &conns{max: limit, order: list.New(), place: map[net.Conn]*list.Element{}}
}

// track is a hook for [http.Server.ConnState].
func (c *conns) track(conn net.Conn, to http.ConnState) {
	if stale := c.move(conn, to); stale != nil {
		stale.Close()
		runtime.Gosched() // many come at once: those that are here get their turn before the next
	}
}

// move notes the change and returns a connection to close, if there is one too many.
func (c *conns) move(conn net.Conn, to http.ConnState) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.place[conn]
	switch to {
	case http.StateNew:
		c.place[conn] = c.order.PushBack(conn)
	case http.StateActive, http.StateIdle:
		if known {
			c.order.MoveToBack(at)
		}
	default:
		c.forget(conn)
	}
	if c.order.Len() <= c.max {
		return nil
	}
	stale := c.order.Front().Value.(net.Conn)
	c.forget(stale)
	return stale
}

func (c *conns) forget(conn net.Conn) {
	if at, known := c.place[conn]; known {
		c.order.Remove(at)
		delete(c.place, conn)
	}
}

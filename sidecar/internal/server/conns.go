// SPDX-License-Identifier: Apache-2.0

package server

import (
	"container/list"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// conns bounds the open connections. A new one is never refused: when there are
// too many, the one that has done nothing new for the longest time is closed. So
// a probe, which is answered at once, gets through however many others are held
// open, and no address has to be known as the kubelet's.
type conns struct {
	max   int
	mu    sync.Mutex
	order *list.List // of *client, the least recently active in front
	place map[net.Conn]*list.Element
}

type client struct {
	conn net.Conn
	seen time.Time // when it last did something new
}

// young is a connection whose request may just be on its way.
const young = 100 * time.Millisecond

func newConns(limit int) *conns {
	return &conns{max: limit, order: list.New(), place: map[net.Conn]*list.Element{}}
}

// track is a hook for [http.Server.ConnState].
func (c *conns) track(conn net.Conn, to http.ConnState) {
	stale := c.move(conn, to)
	if stale == nil {
		return
	}
	stale.conn.Close()
	if time.Since(stale.seen) < young {
		runtime.Gosched() // a burst: who is here gets a turn before the next comes in
	}
}

// move notes the change and returns the client to close, if there is one too many.
func (c *conns) move(conn net.Conn, to http.ConnState) *client {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.place[conn]
	switch to {
	case http.StateNew:
		c.place[conn] = c.order.PushBack(&client{conn, time.Now()})
	case http.StateActive, http.StateIdle:
		if known {
			at.Value.(*client).seen = time.Now()
			c.order.MoveToBack(at)
		}
	default:
		c.forget(conn)
	}
	if c.order.Len() <= c.max {
		return nil
	}
	stale := c.order.Front().Value.(*client)
	c.forget(stale.conn)
	return stale
}

func (c *conns) forget(conn net.Conn) {
	if at, known := c.place[conn]; known {
		c.order.Remove(at)
		delete(c.place, conn)
	}
}

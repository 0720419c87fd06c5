// SPDX-License-Identifier: Apache-2.0

package server

import (
	"container/list"
	"net"
	"net/http"
	"runtime"
	"sync"
)

// conns bounds the number of open connections. It never refuses a new one: above the limit it
// closes the connection that has been inactive for the longest time. A probe, which is served
// immediately, always gets through, however many connections other clients hold, and the kubelet's
// address need not be known.
type conns struct {
	max   int
	mu    sync.Mutex
	order *list.List // of net.Conn, least recently active first
	place map[net.Conn]*list.Element
}

func newConns(limit int) *conns {
	return &conns{max: limit, order: list.New(), place: map[net.Conn]*list.Element{}}
}

// trackState implements [http.Server.ConnState].
func (c *conns) trackState(conn net.Conn, to http.ConnState) {
	stale := c.updateState(conn, to)
	if stale == nil {
		return
	}
	stale.Close()
	runtime.Gosched() // in a burst, requests that were read are answered before more connections are accepted
}

// updateState records the new state. Above the limit it returns the connection to close.
func (c *conns) updateState(conn net.Conn, to http.ConnState) net.Conn {
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
		c.removeConn(conn)
	}
	if c.order.Len() <= c.max {
		return nil
	}
	stale := c.order.Front().Value.(net.Conn)
	c.removeConn(stale)
	return stale
}

func (c *conns) removeConn(conn net.Conn) {
	if at, known := c.place[conn]; known {
		c.order.Remove(at)
		delete(c.place, conn)
	}
}

package peer

import (
	"context"
	"errors"
	"io"
	"time"

	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

// session is what the sessions of both roles have: an authenticated peer at the other end of a stream.
type session struct {
	*Peer
	stream    *stream
	entry     *v1.Multihost_Peer // the peer, as our config has it
	granted   grants
	push      chan *pb.SyncStreamItem // items that others want sent; unbuffered
	displaced chan struct{}           // closed when a newer session of this key has begun
	ended     chan struct{}
}

func (p *Peer) newSession(stream *stream, entry *v1.Multihost_Peer, granted grants) session {
	return session{p, stream, entry, granted, make(chan *pb.SyncStreamItem), make(chan struct{}), make(chan struct{})}
}

// role is what a session does as a host or as a client.
type role interface {
	// refresh sends what has changed, and at first everything. It returns what tells of the next change, or nil where the
	// session is over.
	refresh() (changed <-chan struct{}, err error)
	receive(item *pb.SyncStreamItem) error
}

// run goes on until the session ends, which the peer's state then tells. The error is nil when the peer ended it without one.
func (s *session) run(ctx context.Context, role role) error {
	s.States.begin(s)
	err := s.talk(ctx, role)
	s.States.end(s, err)
	return err
}

func (s *session) talk(ctx context.Context, role role) error {
	heartbeat := time.NewTicker(s.Heartbeat)
	defer heartbeat.Stop()
	changed, err := role.refresh()
	for err == nil && changed != nil {
		select {
		case in := <-s.stream.incoming:
			if errors.Is(in.err, io.EOF) {
				return nil
			}
			item, failed := s.stream.open(in)
			if failed != nil {
				return failed
			}
			err = role.receive(item)
		case item := <-s.push:
			err = s.stream.write(item)
		case <-heartbeat.C:
			err = s.stream.write(&pb.SyncStreamItem{Action: &pb.SyncStreamItem_Heartbeat{
				Heartbeat: new(pb.SyncStreamItem_SyncActionHeartbeat),
			}})
		case <-changed:
			changed, err = role.refresh()
		case <-s.displaced:
			err = secure.Refuse(secure.Session, "displaced by a newer session of the same key")
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	return err
}

package peer

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"connectrpc.com/connect"

	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

const (
	keyExchangeWait = 15 * time.Second
	handshakeWait   = 15 * time.Second
	// How long a peer may leave an item unread.
	sendWait = 30 * time.Second
	// Items of 64 MiB pass; sealing and envelope add a little.
	messageBytesMax = 64<<20 + 4<<10
)

// stream is one Sync stream, of either role. One goroutine sends and handles items, a second one only receives. There is
// no queue between them: while we cannot send, we do not read, and the peer is held back by HTTP/2.
type stream struct {
	send      func(*pb.SyncStreamItem) error
	abandon   func() // makes a blocked send fail
	channel   *secure.Channel
	incoming  chan received
	stop      context.CancelFunc
	interrupt func() // makes a blocked receive fail
	reader    sync.WaitGroup
}

type received struct {
	item *pb.SyncStreamItem
	err  error
}

// rpc is what stream needs of connect's two stream types.
type rpc interface {
	Send(*pb.SyncStreamItem) error
	Receive() (*pb.SyncStreamItem, error)
}

// startStream begins to receive. close must be called.
func startStream(ctx context.Context, rpc rpc, interrupt, abandon func()) *stream {
	ctx, stop := context.WithCancel(ctx)
	s := &stream{send: rpc.Send, abandon: abandon, incoming: make(chan received), stop: stop, interrupt: interrupt}
	s.reader.Go(func() {
		for {
			item, err := rpc.Receive()
			select {
			case s.incoming <- received{item, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	})
	return s
}

// close returns when the reader has ended.
func (s *stream) close() {
	s.stop()
	s.interrupt()
	s.reader.Wait()
}

// await waits for the next item, opened if there are keys by now. late is the error of an item that does not come in time.
func (s *stream) await(ctx context.Context, wait time.Duration, late error) (*pb.SyncStreamItem, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case in := <-s.incoming:
		if errors.Is(in.err, io.EOF) {
			return nil, secure.Refuse(secure.Session, "stream ended before the handshake")
		}
		return s.open(in)
	case <-timer.C:
		return nil, late
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *stream) open(in received) (*pb.SyncStreamItem, error) {
	if in.err != nil || s.channel == nil {
		return in.item, in.err
	}
	return s.channel.Open(in.item)
}

// write sends items, sealed if there are keys by now.
func (s *stream) write(items ...*pb.SyncStreamItem) error {
	watchdog := time.AfterFunc(sendWait, s.abandon)
	defer watchdog.Stop()
	for _, item := range items {
		watchdog.Reset(sendWait)
		if s.channel != nil {
			sealed, err := s.channel.Seal(item)
			if err != nil {
				return err
			}
			item = sealed
		}
		if err := s.send(item); err != nil {
			return err
		}
	}
	return nil
}

// stateAfter is how a session's end shows in the peer's state.
func stateAfter(err error) (pb.ConnectionState, string) {
	var fault *secure.Fault
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, errConfigChanged):
		return pb.ConnectionState_CONNECTION_STATE_DISCONNECTED, "disconnected"
	case connect.CodeOf(err) == connect.CodeCanceled || connect.CodeOf(err) == connect.CodeUnavailable:
		return pb.ConnectionState_CONNECTION_STATE_DISCONNECTED, err.Error()
	case errors.As(err, &fault) && fault.Kind == secure.Auth, connect.CodeOf(err) == connect.CodePermissionDenied:
		return pb.ConnectionState_CONNECTION_STATE_ERROR_AUTH, err.Error()
	case errors.As(err, &fault) && fault.Kind == secure.Protocol, connect.CodeOf(err) == connect.CodeInvalidArgument:
		return pb.ConnectionState_CONNECTION_STATE_ERROR_PROTOCOL, err.Error()
	default:
		return pb.ConnectionState_CONNECTION_STATE_ERROR_INTERNAL, err.Error()
	}
}

package peer

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

// sync serves one client (docs/protocol.md, section 6).
func (p *Peer) sync(ctx context.Context, rpc *connect.BidiStream[pb.SyncStreamItem, pb.SyncStreamItem]) error {
	call := callOf(ctx)
	stream := startStream(ctx, rpc, call.interrupt, call.abandon)
	defer stream.close()
	err := p.host(ctx, stream)
	if err != nil {
		log.Printf("client at %s: %v", rpc.Peer().Addr, err)
	}
	return statusOf(ctx, err)
}

func (p *Peer) host(ctx context.Context, stream *stream) error {
	if p.Store.identity == nil {
		return secure.Refuse(secure.Auth, "sync is not configured")
	}
	claim, err := p.greetClient(ctx, stream)
	if err != nil {
		return err
	}
	client, granted, err := p.Store.admit(claim, time.Now())
	if err != nil {
		return err
	}
	host := &hostSession{p.newSession(stream, client, granted)}
	if err := host.run(ctx, host); err != nil {
		return fmt.Errorf("%q: %w", claim.InstanceID, err)
	}
	return nil
}

// greetClient exchanges keys and handshakes. Ours goes out at once: it tells nothing that the client does not know.
func (p *Peer) greetClient(ctx context.Context, stream *stream) (*secure.Claim, error) {
	first, err := stream.await(ctx, keyExchangeWait, secure.Refuse(secure.Protocol, "no key exchange in time"))
	if err != nil {
		return nil, err
	}
	reply, channel, err := secure.Accept(first)
	if err != nil {
		return nil, err
	}
	if err := stream.write(reply); err != nil {
		return nil, err
	}
	stream.channel = channel
	config, _ := p.Store.Get()
	if err := stream.write(p.Store.identity.Handshake(config.GetInstance(), "", channel.Transcript())); err != nil {
		return nil, err
	}
	handshake, err := stream.await(ctx, handshakeWait, secure.Refuse(secure.Auth, "no handshake in time"))
	if err != nil {
		return nil, err
	}
	return secure.VerifyHandshake(handshake, channel.Transcript())
}

// hostSession is a session with an admitted client.
type hostSession struct{ session }

// refresh sends what the client may see. The session is over when the client's entry is not the one that it began with.
func (h *hostSession) refresh() (<-chan struct{}, error) {
	config, changed := h.Store.Get()
	if !proto.Equal(findPeer(config.GetMultihost().GetAuthorizedClients(), h.entry.GetKeyid()), h.entry) {
		return nil, nil
	}
	items := []*pb.SyncStreamItem{configView(config, h.granted), resourceView(config, h.granted.mayRead)}
	if shared := sharedView(config, h.granted); shared != nil {
		items = append(items, shared)
	}
	return changed, h.stream.write(items...)
}

func (h *hostSession) receive(item *pb.SyncStreamItem) error {
	switch action := item.GetAction().(type) {
	case *pb.SyncStreamItem_OperationManifest:
		return h.reconcile(action.OperationManifest)
	case *pb.SyncStreamItem_ReceiveOperations:
		return h.receiveOperations(action.ReceiveOperations.GetEvent())
	}
	return h.States.receive(&h.session, item)
}

func (h *hostSession) reconcile(manifest *pb.SyncStreamItem_SyncActionOperationManifest) error {
	wanted, err := h.Operations.Reconcile(h.entry.GetKeyid(), manifest.GetOpIds(), manifest.GetModnos())
	if err != nil || len(wanted) == 0 {
		return err
	}
	return h.stream.write(&pb.SyncStreamItem{Action: &pb.SyncStreamItem_RequestOperationData{
		RequestOperationData: &pb.SyncStreamItem_SyncActionRequestOperationData{OpIds: wanted},
	}})
}

func (h *hostSession) receiveOperations(event *v1.OperationEvent) error {
	switch kind := event.GetEvent().(type) {
	case *v1.OperationEvent_KeepAlive:
		return nil
	case *v1.OperationEvent_CreatedOperations:
		return h.Operations.Put(h.entry.GetKeyid(), kind.CreatedOperations.GetOperations())
	case *v1.OperationEvent_UpdatedOperations:
		return h.Operations.Put(h.entry.GetKeyid(), kind.UpdatedOperations.GetOperations())
	case *v1.OperationEvent_DeletedOperations:
		h.Operations.Delete(h.entry.GetKeyid(), kind.DeletedOperations.GetValues())
		return nil
	default:
		return secure.Refuse(secure.Protocol, "operation event of no kind")
	}
}

// statusOf turns the end of a session into the status that the client sees. The log says why; the client learns the family
// of the failure, and no text that came from elsewhere.
func statusOf(ctx context.Context, err error) error {
	var fault *secure.Fault
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, errors.New("deadline exceeded"))
	case ctx.Err() != nil:
		return connect.NewError(connect.CodeUnavailable, errors.New("shutting down"))
	case errors.As(err, &fault) && fault.Kind == secure.Auth:
		return connect.NewError(connect.CodePermissionDenied, errors.New("refused"))
	case errors.As(err, &fault) && fault.Kind == secure.Protocol:
		return connect.NewError(connect.CodeInvalidArgument, errors.New("protocol error"))
	}
	switch code := connect.CodeOf(err); code {
	case connect.CodeResourceExhausted, connect.CodeUnimplemented:
		return connect.NewError(code, errors.New("message not accepted"))
	}
	return connect.NewError(connect.CodeInternal, errors.New("session failed"))
}

// Package peer is a peer of the sync protocol in both roles: configs, permissions, operations, sessions and the RPC services.
package peer

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	types "syncspec.example/peer/internal/pb/types"
	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
)

const (
	syncPath            = "/v1sync.BackrestSyncService/Sync"
	statesPath          = "/v1sync.BackrestSyncStateService/GetPeerSyncStatesStream"
	setRemoteConfigPath = "/v1sync.BackrestSyncStateService/SetRemoteClientConfig"
	getConfigPath       = "/v1.Backrest/GetConfig"
	setConfigPath       = "/v1.Backrest/SetConfig"
	getOperationsPath   = "/v1.Backrest/GetOperations"
)

// pings find out that the other machine is gone; without them its sessions would stay for ever.
func pings() *http.HTTP2Config {
	return &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second}
}

// Peer is one instance.
type Peer struct {
	Store      *Store
	Operations *Operations
	States     *States
	Heartbeat  time.Duration
	Redial     time.Duration // wait before the second dial; doubles with each failure
	Token      string        // what callers of all services but Sync must bear; empty: nothing
}

// NewServer serves gRPC, gRPC-Web and Connect, under a path prefix.
func (p *Peer) NewServer(prefix string) *http.Server {
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(messageBytesMax),
		// Sealed items do not get smaller. What is compressed can still be read.
		connect.WithCompressMinBytes(math.MaxInt),
	}
	mux := http.NewServeMux()
	mux.Handle(prefix+syncPath, connect.NewBidiStreamHandler(syncPath, p.sync, options...))
	guarded := map[string]http.Handler{
		statesPath:          connect.NewServerStreamHandlerSimple(statesPath, p.streamStates, options...),
		setRemoteConfigPath: connect.NewUnaryHandlerSimple(setRemoteConfigPath, p.setRemoteClientConfig, options...),
		getConfigPath:       connect.NewUnaryHandlerSimple(getConfigPath, p.getConfig, options...),
		setConfigPath:       connect.NewUnaryHandlerSimple(setConfigPath, p.replaceConfig, options...),
		getOperationsPath:   connect.NewUnaryHandlerSimple(getOperationsPath, p.getOperations, options...),
		hookPath:            http.HandlerFunc(p.answerHook),
	}
	for path, handler := range guarded {
		mux.Handle(prefix+path, p.guard(handler))
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // the unary methods serve plain HTTP clients too; Sync refuses them
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           withCall(mux),
		Protocols:         protocols,
		HTTP2:             pings(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
}

// guard stands for the host's own authentication.
func (p *Peer) guard(next http.Handler) http.Handler {
	writer := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := "Bearer " + p.Token
		if p.Token != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) == 0 {
			_ = writer.Write(w, r, connect.NewError(connect.CodeUnauthenticated, errors.New("not authenticated")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// call lets a handler get out of a blocked read or write, which its context alone does not.
type call struct {
	body interface{ Close() error }
	http *http.ResponseController
}

type callKey struct{}

func withCall(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := &call{r.Body, http.NewResponseController(w)}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, call)))
	})
}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

func (c *call) interrupt() { _ = c.body.Close() }

func (c *call) abandon() { _ = c.http.SetWriteDeadline(time.Unix(1, 0)) }

func (p *Peer) streamStates(ctx context.Context, request *pb.SyncStateStreamRequest, out *connect.ServerStream[pb.PeerState]) error {
	config, _ := p.Store.Get()
	subscriber := p.States.subscribe(config)
	defer p.States.unsubscribe(subscriber)
	for {
		for _, state := range p.States.take(subscriber) {
			watchdog := time.AfterFunc(sendWait, callOf(ctx).abandon)
			err := out.Send(state)
			watchdog.Stop()
			if err != nil {
				return err
			}
		}
		if !request.GetSubscribe() {
			return nil
		}
		select {
		case <-subscriber.wake:
		case <-ctx.Done():
			return statusOf(ctx, ctx.Err())
		}
	}
}

func (p *Peer) setRemoteClientConfig(ctx context.Context, request *pb.SetRemoteClientConfigRequest) (*pb.SetRemoteClientConfigResponse, error) {
	if request.GetPeerKeyid() == "" {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("peer_keyid is empty"))
	}
	config, _ := p.Store.Get()
	session := p.States.session(request.GetPeerKeyid())
	notConnected := connect.NewError(connect.CodeNotFound, errors.New("client is not connected"))
	// Our hosts have sessions too, but take no set_config.
	if session == nil || findPeer(config.GetMultihost().GetAuthorizedClients(), request.GetPeerKeyid()) == nil {
		return nil, notConnected
	}
	item := &pb.SyncStreamItem{Action: &pb.SyncStreamItem_SetConfig{SetConfig: &pb.SyncStreamItem_SyncActionSetConfig{
		Repos: request.GetRepos(), Plans: request.GetPlans(),
		ReposToDelete: request.GetReposToDelete(), PlansToDelete: request.GetPlansToDelete(),
	}}}
	select {
	case session.push <- item:
		return new(pb.SetRemoteClientConfigResponse), nil
	case <-session.ended:
		return nil, notConnected
	case <-ctx.Done():
		return nil, statusOf(ctx, ctx.Err())
	}
}

// Of a deployed peer's own API there are the three methods, called with JSON, by which a test reads and changes its config
// and reads its operations.

func (p *Peer) getConfig(context.Context, *types.Empty) (*v1.Config, error) {
	config, _ := p.Store.Get()
	return config, nil
}

func (p *Peer) replaceConfig(ctx context.Context, next *v1.Config) (*v1.Config, error) {
	err := p.Store.Update(func(config *v1.Config) (bool, error) {
		if next.GetModno() != config.GetModno() {
			return false, fmt.Errorf("expected modno %d, got %d", config.GetModno(), next.GetModno())
		}
		proto.Reset(config)
		proto.Merge(config, next)
		config.Modno++
		return true, nil
	})
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	return p.getConfig(ctx, nil)
}

func (p *Peer) getOperations(_ context.Context, request *structpb.Struct) (*v1.OperationList, error) {
	selector := request.GetFields()["selector"].GetStructValue().GetFields()
	return p.selectOperations(selector["originalInstanceKeyid"].GetStringValue()), nil
}

func (p *Peer) selectOperations(keyID string) *v1.OperationList {
	operations := slices.DeleteFunc(p.Operations.All(), func(operation *v1.Operation) bool {
		return keyID != "" && operation.GetOriginalInstanceKeyid() != keyID
	})
	slices.SortFunc(operations, func(a, b *v1.Operation) int { return cmp.Compare(a.GetId(), b.GetId()) })
	return &v1.OperationList{Operations: operations}
}

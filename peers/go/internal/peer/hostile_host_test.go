package peer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	types "syncspec.example/peer/internal/pb/types"
	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

// fakeHost is an honest responder up to the point where play departs from honesty.
type fakeHost struct {
	rpc      *connect.BidiStream[pb.SyncStreamItem, pb.SyncStreamItem]
	channel  *secure.Channel
	identity *secure.Identity
	instance string
}

func (f *fakeHost) send(item *pb.SyncStreamItem) error {
	if f.channel != nil {
		sealed, err := f.channel.Seal(item)
		if err != nil {
			return err
		}
		item = sealed
	}
	return f.rpc.Send(item)
}

func (f *fakeHost) receive() (*pb.SyncStreamItem, error) {
	item, err := f.rpc.Receive()
	if err != nil || f.channel == nil {
		return item, err
	}
	return f.channel.Open(item)
}

// keys leaves the client's handshake unread.
func (f *fakeHost) keys() error {
	first, err := f.receive()
	if err != nil {
		return err
	}
	reply, channel, err := secure.Accept(first)
	if err != nil {
		return err
	}
	err = f.send(reply)
	f.channel = channel
	return err
}

func (f *fakeHost) handshake() error {
	return f.send(f.identity.Handshake(f.instance, "", f.channel.Transcript()))
}

func (f *fakeHost) then(items ...*pb.SyncStreamItem) error {
	for _, step := range []func() error{f.keys, f.handshake} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, item := range items {
		if err := f.send(item); err != nil {
			return err
		}
	}
	return nil
}

func TestClientClosesStreamsOfFaultyHosts(t *testing.T) {
	const auth, protocol, internal = pb.ConnectionState_CONNECTION_STATE_ERROR_AUTH,
		pb.ConnectionState_CONNECTION_STATE_ERROR_PROTOCOL, pb.ConnectionState_CONNECTION_STATE_ERROR_INTERNAL
	keepAlive := &pb.SyncStreamItem{Action: &pb.SyncStreamItem_ReceiveOperations{
		ReceiveOperations: &pb.SyncStreamItem_SyncActionReceiveOperations{
			Event: &v1.OperationEvent{Event: &v1.OperationEvent_KeepAlive{KeepAlive: new(types.Empty)}},
		},
	}}
	cases := map[string]struct {
		state  pb.ConnectionState
		proved bool // the host has shown a good handshake, so it may be sent the pairing secret
		play   func(*fakeHost) error
	}{
		"another first item": {protocol, false, func(f *fakeHost) error { return f.send(heartbeat()) }},
		"no encapsulation": {protocol, false, func(f *fakeHost) error {
			return f.send(&pb.SyncStreamItem{Action: &pb.SyncStreamItem_EstablishSharedSecret{
				EstablishSharedSecret: &pb.SyncStreamItem_SyncEstablishSharedSecret{ProtocolVersion: 1},
			}})
		}},
		"tampered ciphertext": {internal, false, func(f *fakeHost) error {
			first, err := f.receive()
			if err != nil {
				return err
			}
			reply, channel, err := secure.Accept(first)
			if err != nil {
				return err
			}
			reply.GetEstablishSharedSecret().KemEncapsulation[0] ^= 1
			err = f.send(reply)
			f.channel = channel
			_ = f.handshake()
			return err
		}},
		"not sealed":             {internal, false, func(f *fakeHost) error { err := f.keys(); f.channel = nil; _ = f.send(heartbeat()); return err }},
		"no handshake":           {auth, false, func(f *fakeHost) error { _ = f.keys(); return f.send(heartbeat()) }},
		"another instance":       {auth, false, func(f *fakeHost) error { f.instance = "Host"; return f.then() }},
		"empty item":             {protocol, true, func(f *fakeHost) error { return f.then(new(pb.SyncStreamItem)) }},
		"handshake again":        {protocol, true, func(f *fakeHost) error { _ = f.then(); return f.handshake() }},
		"operations from a host": {protocol, true, func(f *fakeHost) error { return f.then(keepAlive) }},
		"config without config": {protocol, true, func(f *fakeHost) error {
			return f.then(&pb.SyncStreamItem{Action: &pb.SyncStreamItem_ReceiveConfig{ReceiveConfig: new(pb.SyncStreamItem_SyncActionReceiveConfig)}})
		}},
		"set_config without permission": {auth, true, func(f *fakeHost) error {
			return f.then(&pb.SyncStreamItem{Action: &pb.SyncStreamItem_SetConfig{
				SetConfig: &pb.SyncStreamItem_SyncActionSetConfig{Repos: []*v1.Repo{repo("x")}},
			}})
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { playHost(t, c.state, c.proved, c.play) })
	}
}

// playHost waits until the client has closed the stream, and then looks at the state that it gives the host.
func playHost(t *testing.T, state pb.ConnectionState, proved bool, play func(*fakeHost) error) {
	t.Helper()
	hostKey := newKey(t)
	identity, err := secure.NewIdentity(hostKey)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{}, 1)
	var secretSent atomic.Bool
	server := httptest.NewUnstartedServer(connect.NewBidiStreamHandler(syncPath,
		func(_ context.Context, rpc *connect.BidiStream[pb.SyncStreamItem, pb.SyncStreamItem]) error {
			host := &fakeHost{rpc: rpc, identity: identity, instance: "host"}
			err := play(host)
			for err == nil {
				var item *pb.SyncStreamItem
				item, err = host.receive()
				if item.GetHandshake() != nil {
					secretSent.Store(true)
				}
			}
			closed <- struct{}{}
			return err
		}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer func() {
		server.CloseClientConnections()
		server.Close()
	}()
	client := newPeer(t, "client", newKey(t), func(config *v1.Config) {
		config.Multihost.KnownHosts = []*v1.Multihost_Peer{{
			InstanceId: "host", Keyid: hostKey.GetKeyid(), InstanceUrl: server.URL, InitialPairingSecret: "s",
		}}
	})
	client.Redial = time.Hour
	before := proto.Clone(configOf(client)).(*v1.Config)
	start(t, client)
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatal("the stream was left open")
	}
	until(t, "the host's state is "+state.String(), func() bool {
		return client.States.take(client.States.subscribe(configOf(client)))[0].GetState() == state
	})
	if secretSent.Load() && !proved {
		t.Error("the pairing secret went to a host that had not proved itself")
	}
	if after := configOf(client); len(after.GetRepos()) != len(before.GetRepos()) || after.GetModno() != before.GetModno() {
		t.Errorf("config changed to %v", after)
	}
}

package peer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

const patience = 10 * time.Second

func newKey(t *testing.T) *v1.PrivateKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	return &v1.PrivateKey{
		Keyid:       "ed25519." + base64.RawURLEncoding.EncodeToString(sum[:]),
		Ed25519Priv: base64.RawStdEncoding.EncodeToString(private.Seed()),
		Ed25519Pub:  base64.RawStdEncoding.EncodeToString(public),
	}
}

func newPeer(t *testing.T, instance string, key *v1.PrivateKey, edit func(*v1.Config)) *Peer {
	t.Helper()
	config := &v1.Config{Modno: 1, Version: 6, Instance: instance, Multihost: &v1.Multihost{Identity: key}}
	edit(config)
	store, err := NewStore(config)
	if err != nil {
		t.Fatal(err)
	}
	return &Peer{
		Store: store, Operations: NewOperations(), States: NewStates(), Heartbeat: 50 * time.Millisecond, Redial: 20 * time.Millisecond,
	}
}

// serve returns the URL of a running host.
func serve(t *testing.T, node *Peer) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	server := httptest.NewUnstartedServer(nil)
	server.Config = node.NewServer("/prefix")
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Start()
	t.Cleanup(func() {
		stop()
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL + "/prefix"
}

func start(t *testing.T, node *Peer) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		node.DialHosts(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func repo(id string) *v1.Repo {
	return &v1.Repo{Id: id, Guid: strings.Repeat("0", 64-len(id)) + id, Uri: "/" + id}
}

func all(kind v1.Multihost_Permission_Type) *v1.Multihost_Permission {
	return &v1.Multihost_Permission{Type: kind, Scopes: []string{"*"}}
}

func operation(id, modno int64, repo *v1.Repo) *v1.Operation {
	return &v1.Operation{Id: id, FlowId: 7, Modno: modno, RepoId: repo.GetId(), RepoGuid: repo.GetGuid(), PlanId: "p", InstanceId: "client"}
}

func TestTwoPeersPairAndKeepOperationsInStep(t *testing.T) {
	hostKey, clientKey := newKey(t), newKey(t)
	shared := repo("shared")
	shared.Shared = true
	host := newPeer(t, "host", hostKey, func(config *v1.Config) {
		config.Repos = []*v1.Repo{repo("r"), shared}
		config.Multihost.PairingTokens = []*v1.Multihost_PairingToken{{
			Secret: "s", MaxUses: 1, Permissions: []*v1.Multihost_Permission{{Type: readConfig, Scopes: []string{"repo:r"}}, all(sharedRepos)},
		}}
	})
	url := serve(t, host)
	visible, hidden := repo("c"), repo("h")
	client := newPeer(t, "client", clientKey, func(config *v1.Config) {
		config.Repos = []*v1.Repo{visible, hidden}
		config.Multihost.KnownHosts = []*v1.Multihost_Peer{{
			InstanceId: "host", Keyid: hostKey.GetKeyid(), InstanceUrl: url + "/", InitialPairingSecret: "s",
			Permissions: []*v1.Multihost_Permission{{Type: readOperations, Scopes: []string{"*", "!repo:h"}}, all(readWrite), all(sharedRepos)},
		}}
	})
	var own []*v1.Operation
	for id := int64(1); id <= 1500; id++ {
		own = append(own, operation(id, 1, visible))
	}
	client.Operations.SetOwn(append(own, operation(9000, 1, hidden)))
	start(t, client)

	stored := func() []*v1.Operation { return host.selectOperations(clientKey.GetKeyid()).GetOperations() }
	until(t, "the manifest is served in batches", func() bool { return len(stored()) == 1500 })
	if first := stored()[0]; first.GetOriginalId() == 0 || first.GetOriginalFlowId() != 7 || first.GetFlowId() != stored()[1].GetFlowId() {
		t.Errorf("stored as %v", first)
	}
	until(t, "the shared repo arrives with its origin", func() bool {
		config, _ := client.Store.Get()
		return len(config.GetRepos()) == 3 && config.GetRepos()[2].GetOriginInstanceId() == "host"
	})
	until(t, "the client forgets its secret", func() bool {
		config, _ := client.Store.Get()
		return config.GetMultihost().GetKnownHosts()[0].GetInitialPairingSecret() == ""
	})
	if config, _ := host.Store.Get(); len(config.GetMultihost().GetPairingTokens()) != 0 || len(config.GetMultihost().GetAuthorizedClients()) != 1 {
		t.Errorf("host config after pairing: %v", config.GetMultihost())
	}

	client.Operations.SetOwn([]*v1.Operation{operation(1, 2, visible), operation(9001, 1, visible), operation(9000, 2, hidden)})
	until(t, "created, updated and deleted operations follow", func() bool {
		now := map[int64]int64{}
		for _, operation := range stored() {
			now[operation.GetOriginalId()] = operation.GetModno()
		}
		return len(now) == 2 && now[1] == 2 && now[9001] == 1
	})
	until(t, "the client knows the host's repo, and heartbeats arrive", func() bool {
		state := client.States.take(client.States.subscribe(configOf(client)))[0]
		return len(state.GetRemoteConfig().GetRepos()) == 1 && state.GetLastHeartbeatMillis() > 0
	})
	checkStateService(t, host, client, url, clientKey.GetKeyid())
}

func configOf(node *Peer) *v1.Config {
	config, _ := node.Store.Get()
	return config
}

func checkStateService(t *testing.T, host, client *Peer, url, keyID string) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	set := connect.NewClient[pb.SetRemoteClientConfigRequest, pb.SetRemoteClientConfigResponse](http.DefaultClient, url+setRemoteConfigPath)
	call := func(request *pb.SetRemoteClientConfigRequest) connect.Code {
		_, err := set.CallUnary(ctx, connect.NewRequest(request))
		if err == nil {
			return 0
		}
		return connect.CodeOf(err)
	}
	if code := call(&pb.SetRemoteClientConfigRequest{}); code != connect.CodeInvalidArgument {
		t.Errorf("no key id: %v", code)
	}
	if code := call(&pb.SetRemoteClientConfigRequest{PeerKeyid: "x"}); code != connect.CodeNotFound {
		t.Errorf("not connected: %v", code)
	}
	until(t, "a connected client takes set_config", func() bool {
		return call(&pb.SetRemoteClientConfigRequest{PeerKeyid: keyID, ReposToDelete: []string{"h"}}) == 0
	})
	until(t, "the client has deleted the repo", func() bool { return len(configOf(client).GetRepos()) == 2 })
	states := connect.NewClient[pb.SyncStateStreamRequest, pb.PeerState](http.DefaultClient, url+statesPath)
	stream, err := states.CallServerStream(ctx, connect.NewRequest(new(pb.SyncStateStreamRequest)))
	if err != nil || !stream.Receive() || stream.Msg().GetPeerKeyid() != keyID || stream.Receive() || stream.Err() != nil {
		t.Errorf("snapshot: %v, %v", err, stream.Err())
	}
	host.Token = "t"
	if code := call(&pb.SetRemoteClientConfigRequest{}); code != connect.CodeUnauthenticated {
		t.Errorf("no token: %v", code)
	}
}

// dialogue is an honest initiator up to the point where a test departs from honesty.
type dialogue struct {
	t       *testing.T
	rpc     *connect.BidiStreamForClient[pb.SyncStreamItem, pb.SyncStreamItem]
	channel *secure.Channel
}

func converse(t *testing.T, url string, options ...connect.ClientOption) *dialogue {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	transport := newTransport()
	t.Cleanup(func() {
		stop()
		transport.CloseIdleConnections()
	})
	client := connect.NewClient[pb.SyncStreamItem, pb.SyncStreamItem](&http.Client{Transport: transport}, url+syncPath, options...)
	return &dialogue{t: t, rpc: client.CallBidiStream(ctx)}
}

func (d *dialogue) send(item *pb.SyncStreamItem) {
	d.t.Helper()
	var err error
	if d.channel != nil {
		if item, err = d.channel.Seal(item); err != nil {
			d.t.Fatal(err)
		}
	}
	_ = d.rpc.Send(item)
}

func (d *dialogue) receive() *pb.SyncStreamItem {
	d.t.Helper()
	item, err := d.rpc.Receive()
	if err == nil && d.channel != nil {
		item, err = d.channel.Open(item)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return item
}

// exchangeKeys leaves the host's handshake read.
func (d *dialogue) exchangeKeys() {
	d.t.Helper()
	offer, err := secure.NewOffer()
	if err != nil {
		d.t.Fatal(err)
	}
	d.send(offer.Item())
	if d.channel, err = offer.Finish(d.receive()); err != nil {
		d.t.Fatal(err)
	}
	if _, err := secure.VerifyHandshake(d.receive(), d.channel.Transcript()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dialogue) handshake(identity *secure.Identity, instance, secret string) {
	d.send(identity.Handshake(instance, secret, d.channel.Transcript()))
}

func (d *dialogue) status() connect.Code {
	for {
		if _, err := d.rpc.Receive(); err != nil {
			return connect.CodeOf(err)
		}
	}
}

func heartbeat() *pb.SyncStreamItem {
	return &pb.SyncStreamItem{Action: &pb.SyncStreamItem_Heartbeat{Heartbeat: new(pb.SyncStreamItem_SyncActionHeartbeat)}}
}

func TestHostEndsFaultyDialoguesWithTheRightCode(t *testing.T) {
	key, known, stranger := newKey(t), newKey(t), newKey(t)
	host := newPeer(t, "host", key, func(config *v1.Config) {
		config.Multihost.AuthorizedClients = []*v1.Multihost_Peer{{InstanceId: "client", Keyid: known.GetKeyid()}}
		config.Multihost.PairingTokens = []*v1.Multihost_PairingToken{{Secret: "s"}}
	})
	url := serve(t, host)
	identity, err := secure.NewIdentity(known)
	if err != nil {
		t.Fatal(err)
	}
	other, err := secure.NewIdentity(stranger)
	if err != nil {
		t.Fatal(err)
	}
	established := func(bad *pb.SyncStreamItem) func(*dialogue) {
		return func(d *dialogue) {
			d.exchangeKeys()
			d.handshake(identity, "client", "")
			d.send(bad)
		}
	}
	cases := map[string]struct {
		code connect.Code
		play func(*dialogue)
	}{
		"another first item": {connect.CodeInvalidArgument, func(d *dialogue) { d.send(heartbeat()) }},
		"no KEM key": {connect.CodeInvalidArgument, func(d *dialogue) {
			d.send(&pb.SyncStreamItem{Action: &pb.SyncStreamItem_EstablishSharedSecret{
				EstablishSharedSecret: &pb.SyncStreamItem_SyncEstablishSharedSecret{ProtocolVersion: 1},
			}})
		}},
		"half-close at once":      {connect.CodeInternal, func(d *dialogue) { d.send(nil); _ = d.rpc.CloseRequest() }},
		"not sealed":              {connect.CodeInternal, func(d *dialogue) { d.exchangeKeys(); d.channel = nil; d.send(heartbeat()) }},
		"no handshake":            {connect.CodePermissionDenied, func(d *dialogue) { d.exchangeKeys(); d.send(heartbeat()) }},
		"unknown key":             {connect.CodePermissionDenied, func(d *dialogue) { d.exchangeKeys(); d.handshake(other, "new", "") }},
		"wrong secret":            {connect.CodePermissionDenied, func(d *dialogue) { d.exchangeKeys(); d.handshake(other, "new", "S") }},
		"taken instance id":       {connect.CodePermissionDenied, func(d *dialogue) { d.exchangeKeys(); d.handshake(other, "host", "s") }},
		"reserved instance id":    {connect.CodePermissionDenied, func(d *dialogue) { d.exchangeKeys(); d.handshake(other, "_x_", "s") }},
		"instance id of no key":   {connect.CodePermissionDenied, func(d *dialogue) { d.exchangeKeys(); d.handshake(identity, "Client", "") }},
		"empty item":              {connect.CodeInvalidArgument, established(new(pb.SyncStreamItem))},
		"handshake again":         {connect.CodeInvalidArgument, established(identity.Handshake("client", "", nil))},
		"key exchange again":      {connect.CodeInvalidArgument, established(&pb.SyncStreamItem{Action: new(pb.SyncStreamItem_EstablishSharedSecret)})},
		"encrypted in encrypted":  {connect.CodeInvalidArgument, established(&pb.SyncStreamItem{Action: new(pb.SyncStreamItem_Encrypted)})},
		"set_config from client":  {connect.CodeInvalidArgument, established(&pb.SyncStreamItem{Action: new(pb.SyncStreamItem_SetConfig)})},
		"event of no kind":        {connect.CodeInvalidArgument, established(&pb.SyncStreamItem{Action: new(pb.SyncStreamItem_ReceiveOperations)})},
		"manifest of two lengths": {connect.CodeInvalidArgument, established(manifest([]int64{1}, nil))},
	}
	protocols := map[string][]connect.ClientOption{"connect": nil, "grpc": {connect.WithGRPC()}, "grpc-web": {connect.WithGRPCWeb()}}
	for protocol, options := range protocols {
		for name, c := range cases {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				dialogue := converse(t, url, options...)
				c.play(dialogue)
				if code := dialogue.status(); code != c.code {
					t.Errorf("expected %v, got %v", c.code, code)
				}
			})
		}
	}
	until(t, "no goroutine of a session is left", func() bool {
		stacks := make([]byte, 1<<20)
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "peer.startStream")
	})
	if clients := configOf(host).GetMultihost().GetAuthorizedClients(); len(clients) != 1 {
		t.Errorf("refused clients were stored: %v", clients)
	}
}

func manifest(ids, modnos []int64) *pb.SyncStreamItem {
	return &pb.SyncStreamItem{Action: &pb.SyncStreamItem_OperationManifest{
		OperationManifest: &pb.SyncStreamItem_SyncActionOperationManifest{OpIds: ids, Modnos: modnos},
	}}
}

func TestNewerSessionDisplacesOlderAndRevocationEndsIt(t *testing.T) {
	key, known := newKey(t), newKey(t)
	host := newPeer(t, "host", key, func(config *v1.Config) {
		config.Multihost.AuthorizedClients = []*v1.Multihost_Peer{{InstanceId: "client", Keyid: known.GetKeyid()}}
	})
	url := serve(t, host)
	identity, err := secure.NewIdentity(known)
	if err != nil {
		t.Fatal(err)
	}
	join := func() *dialogue {
		d := converse(t, url)
		d.exchangeKeys()
		d.handshake(identity, "client", "")
		if d.receive().GetReceiveConfig() == nil || d.receive().GetReceiveResources() == nil {
			t.Fatal("expected config, then resources")
		}
		return d
	}
	older := join()
	newer := join()
	if code := older.status(); code != connect.CodeInternal {
		t.Errorf("older session: %v", code)
	}
	newer.send(manifest([]int64{5, 6}, []int64{1, 1}))
	for item := newer.receive(); ; item = newer.receive() {
		if wanted := item.GetRequestOperationData().GetOpIds(); len(wanted) == 2 && wanted[0] == 5 {
			break
		}
	}
	err = host.Store.Update(func(config *v1.Config) (bool, error) {
		config.Multihost.AuthorizedClients = nil
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = newer.rpc.Receive()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("expected a clean end, got %v", err)
	}
}

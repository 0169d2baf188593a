package peer

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"

	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

const (
	redialDoublings = 5
	redialWaitMin   = time.Second
)

var errConfigChanged = errors.New("our config changed")

// DialHosts keeps a session with every known host. A change of our config starts all of them anew.
func (p *Peer) DialHosts(ctx context.Context) {
	for ctx.Err() == nil {
		config, changed := p.Store.Get()
		round, stop := context.WithCancelCause(ctx)
		var dialers sync.WaitGroup
		if p.Store.identity != nil {
			for _, host := range config.GetMultihost().GetKnownHosts() {
				dialers.Go(func() { p.dialAgainAndAgain(round, host.GetKeyid()) })
			}
		}
		select {
		case <-changed:
			stop(errConfigChanged)
		case <-ctx.Done():
			stop(ctx.Err())
		}
		dialers.Wait()
	}
}

func (p *Peer) dialAgainAndAgain(ctx context.Context, hostKeyID string) {
	for failures := 0; ctx.Err() == nil; failures++ {
		// Read anew each time: the pairing secret may have been forgotten since.
		config, _ := p.Store.Get()
		host := findPeer(config.GetMultihost().GetKnownHosts(), hostKeyID)
		if host == nil {
			return
		}
		begun := time.Now()
		err := p.dial(ctx, config, host)
		log.Printf("host %q: session ended: %v", host.GetInstanceId(), err)
		state, message := stateAfter(err)
		if state == pb.ConnectionState_CONNECTION_STATE_DISCONNECTED {
			state = pb.ConnectionState_CONNECTION_STATE_RETRY_WAIT
		}
		p.States.note(host, state, message)
		if time.Since(begun) > p.Redial {
			failures = 0
		}
		wait := p.Redial<<min(failures, redialDoublings) - time.Since(begun)
		select {
		case <-time.After(max(wait, min(p.Redial, redialWaitMin))):
		case <-ctx.Done():
		}
	}
}

// dial runs one session with a host. The error is nil when the host ended it without one.
func (p *Peer) dial(ctx context.Context, config *v1.Config, host *v1.Multihost_Peer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	transport := newTransport()
	defer transport.CloseIdleConnections()
	client := connect.NewClient[pb.SyncStreamItem, pb.SyncStreamItem](
		&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		strings.TrimRight(host.GetInstanceUrl(), "/")+syncPath,
		connect.WithReadMaxBytes(messageBytesMax),
	)
	p.States.note(host, pb.ConnectionState_CONNECTION_STATE_PENDING, "dialling")
	rpc := client.CallBidiStream(ctx)
	// A host that we refuse is not left waiting: closing the response resets the stream. Ending the context alone would
	// not, because net/http does not look at it while it waits for more of the request.
	reset := func() {
		stop()
		_ = rpc.CloseResponse()
	}
	stream := startStream(ctx, rpc, reset, reset)
	defer stream.close()
	err := p.join(ctx, stream, config, host)
	if errors.Is(err, io.EOF) {
		// A send reports only that the stream is over; why is received.
		err = drain(stream)
	}
	return err
}

// newTransport gives every session its own connection.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols:           protocols,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		HTTP2:               pings(),
		// A stream that was reset may still be on its connection when the idle ones are closed.
		IdleConnTimeout: time.Second,
	}
}

func drain(stream *stream) error {
	timeout := time.After(time.Second)
	for {
		select {
		case in := <-stream.incoming:
			if errors.Is(in.err, io.EOF) {
				return nil
			}
			if in.err != nil {
				return in.err
			}
		case <-timeout:
			return secure.Refuse(secure.Session, "stream closed by the host")
		}
	}
}

func (p *Peer) join(ctx context.Context, stream *stream, config *v1.Config, host *v1.Multihost_Peer) error {
	if err := p.greetHost(ctx, stream, config, host); err != nil {
		return err
	}
	granted, err := parseGrants(host.GetPermissions())
	if err != nil {
		return err
	}
	client := &clientSession{session: p.newSession(stream, host, granted), config: config}
	return client.run(ctx, client)
}

// greetHost exchanges keys and handshakes with the very host that was dialled.
func (p *Peer) greetHost(ctx context.Context, stream *stream, config *v1.Config, host *v1.Multihost_Peer) error {
	offer, err := secure.NewOffer()
	if err != nil {
		return err
	}
	if err := stream.write(offer.Item()); err != nil {
		return err
	}
	reply, err := stream.await(ctx, keyExchangeWait, secure.Refuse(secure.Protocol, "no key exchange in time"))
	if err != nil {
		return err
	}
	if stream.channel, err = offer.Finish(reply); err != nil {
		return err
	}
	secret := host.GetInitialPairingSecret()
	ours := p.Store.identity.Handshake(config.GetInstance(), secret, stream.channel.Transcript())
	// A secret that goes out before the host has proved itself can be read by whoever answered the call.
	if secret == "" {
		if err := stream.write(ours); err != nil {
			return err
		}
	}
	handshake, err := stream.await(ctx, handshakeWait, secure.Refuse(secure.Auth, "no handshake in time"))
	if err != nil {
		return err
	}
	claim, err := secure.VerifyHandshake(handshake, stream.channel.Transcript())
	if err != nil {
		return err
	}
	if claim.KeyID != host.GetKeyid() || claim.InstanceID != host.GetInstanceId() {
		return secure.Refuse(secure.Auth, "another peer answered: %q", claim.KeyID)
	}
	if secret != "" {
		return stream.write(ours)
	}
	return nil
}

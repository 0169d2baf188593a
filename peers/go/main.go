// Command peer is a small peer of Backrest's sync protocol, host and client at once: docs/protocol.md in Go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	v1 "syncspec.example/peer/internal/pb/v1"
	"syncspec.example/peer/internal/peer"
)

// Sessions last for ever, so a shutdown cannot wait for them; this is for their last words.
const shutdownWait = 100 * time.Millisecond

type options struct {
	config, listen, prefix, operations, token, hook string
	pairToken, pairURL                              string
	heartbeat, redial                               time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.config, "config", "", "config `file`, v1.Config in protobuf's JSON mapping (required)")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:9898", "`address` to serve on")
	flag.StringVar(&o.prefix, "prefix", "", "`path` in front of every method's path")
	flag.StringVar(&o.operations, "operations", "", "`file` of our own operations, v1.OperationList in JSON")
	flag.StringVar(&o.token, "token", "", "bearer `token` that callers of all services but Sync must have")
	flag.StringVar(&o.hook, "hook", "", "do no more than take a suite's questions from stdin to the peer at this `URL`, and its answers to stdout")
	flag.StringVar(&o.pairToken, "pair-token", "", "pairing `token` of a host to be known from now on; needs -pair-url")
	flag.StringVar(&o.pairURL, "pair-url", "", "`URL` of that host")
	flag.DurationVar(&o.heartbeat, "heartbeat", 10*time.Minute, "time between heartbeats")
	flag.DurationVar(&o.redial, "redial", time.Minute, "time until a failed host is dialled again; doubles up to 32 times that")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	if o.hook != "" {
		return peer.Ask(o.hook, o.token, os.Stdin, os.Stdout)
	}
	if o.config == "" || o.heartbeat <= 0 || o.redial <= 0 || flag.NArg() > 0 {
		return errors.New("expected -config FILE, positive durations and no arguments")
	}
	node, err := load(o)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())

	server := node.NewServer(strings.TrimRight(o.prefix, "/"))
	server.BaseContext = func(net.Listener) context.Context { return ctx }
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	go node.DialHosts(ctx)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), shutdownWait)
	defer cancel()
	_ = server.Shutdown(last)
	return server.Close()
}

func load(o options) (*peer.Peer, error) {
	config, err := peer.ReadConfig(o.config)
	if err != nil {
		return nil, err
	}
	if o.pairToken != "" {
		host, err := peer.ParseToken(o.pairToken)
		if err != nil {
			return nil, err
		}
		host.InstanceUrl = o.pairURL
		if config.Multihost == nil {
			config.Multihost = new(v1.Multihost)
		}
		config.Multihost.KnownHosts = append(config.Multihost.KnownHosts, host)
	}
	store, err := peer.NewStore(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.config, err)
	}
	operations := peer.NewOperations()
	if o.operations != "" {
		own, err := peer.ReadOperations(o.operations)
		if err != nil {
			return nil, err
		}
		operations.SetOwn(own)
	}
	return &peer.Peer{
		Store: store, Operations: operations, States: peer.NewStates(), Heartbeat: o.heartbeat, Redial: o.redial, Token: o.token,
	}, nil
}

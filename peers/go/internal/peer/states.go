package peer

import (
	"maps"
	"slices"
	"sync"
	"time"

	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

const (
	// Repos, and plans, that one peer may make known.
	knownMax = 1 << 20
	// States that wait for one subscriber before newer ones take the place of older ones.
	pendingMax = 16
)

// States is what the state service tells of every peer, and which session serves each of our clients.
type States struct {
	mu          sync.Mutex
	states      map[string]*pb.PeerState // by key id; never changed, only replaced
	sessions    map[string]*session      // by key id; those that run
	subscribers map[*subscriber]bool
}

// NewStates makes an empty registry.
func NewStates() *States {
	return &States{states: map[string]*pb.PeerState{}, sessions: map[string]*session{}, subscribers: map[*subscriber]bool{}}
}

// begin registers a session and ends the one before it. What the peer made known then is forgotten.
func (s *States) begin(session *session) {
	keyID := session.entry.GetKeyid()
	s.mu.Lock()
	defer s.mu.Unlock()
	if older := s.sessions[keyID]; older != nil {
		close(older.displaced)
	}
	s.sessions[keyID] = session
	s.publish(&pb.PeerState{
		PeerInstanceId: session.entry.GetInstanceId(), PeerKeyid: keyID, State: pb.ConnectionState_CONNECTION_STATE_CONNECTED,
		LastHeartbeatMillis: s.states[keyID].GetLastHeartbeatMillis(),
	})
}

// end takes a session out. One that was displaced leaves the state to its successor.
func (s *States) end(session *session, err error) {
	close(session.ended)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[session.entry.GetKeyid()] != session {
		return
	}
	delete(s.sessions, session.entry.GetKeyid())
	next := copyState(s.states[session.entry.GetKeyid()])
	next.State, next.StatusMessage = stateAfter(err)
	s.publish(next)
}

// session finds the session of a connected client.
func (s *States) session(keyID string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[keyID]
}

// note sets the state of a peer that has no session, such as a host that we wait to dial.
func (s *States) note(peer *v1.Multihost_Peer, state pb.ConnectionState, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := copyState(s.stateOf(peer))
	next.State, next.StatusMessage = state, message
	s.publish(next)
}

// receive takes in what a peer tells of itself in either role, unless a newer session has taken over. Nothing else may come.
// The resources of one session add up.
func (s *States) receive(session *session, item *pb.SyncStreamItem) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[session.entry.GetKeyid()] != session {
		return nil
	}
	next := copyState(s.states[session.entry.GetKeyid()])
	switch action := item.GetAction().(type) {
	case *pb.SyncStreamItem_Heartbeat:
		next.LastHeartbeatMillis = time.Now().UnixMilli()
	case *pb.SyncStreamItem_ReceiveConfig:
		next.RemoteConfig = action.ReceiveConfig.GetConfig()
	case *pb.SyncStreamItem_ReceiveResources:
		next.KnownRepos = merge(next.KnownRepos, action.ReceiveResources.GetRepos())
		next.KnownPlans = merge(next.KnownPlans, action.ReceiveResources.GetPlans())
		if len(next.KnownRepos) > knownMax || len(next.KnownPlans) > knownMax {
			return secure.Refuse(secure.Session, "more than %d known repos or plans", knownMax)
		}
	default:
		return secure.Refuse(secure.Protocol, "unexpected item: %T", item.GetAction())
	}
	s.publish(next)
	return nil
}

// merge makes a new list, because states that were handed out share the old one.
func merge[T interface{ GetId() string }](known, received []T) []T {
	merged := slices.Clone(known)
	index := make(map[string]int, len(known))
	for i, item := range known {
		index[item.GetId()] = i
	}
	for _, item := range received {
		if i, ok := index[item.GetId()]; ok {
			merged[i] = item
			continue
		}
		index[item.GetId()] = len(merged)
		merged = append(merged, item)
	}
	return merged
}

func (s *States) stateOf(peer *v1.Multihost_Peer) *pb.PeerState {
	if state := s.states[peer.GetKeyid()]; state != nil {
		return state
	}
	return &pb.PeerState{
		PeerInstanceId: peer.GetInstanceId(), PeerKeyid: peer.GetKeyid(), State: pb.ConnectionState_CONNECTION_STATE_DISCONNECTED,
	}
}

func (s *States) publish(state *pb.PeerState) {
	s.states[state.GetPeerKeyid()] = state
	for subscriber := range maps.Keys(s.subscribers) {
		subscriber.offer(state)
	}
}

// subscriber is one caller of the state stream. Publishing never waits for it.
type subscriber struct {
	pending []*pb.PeerState
	wake    chan struct{}
}

func (u *subscriber) offer(state *pb.PeerState) {
	at := -1
	if len(u.pending) >= pendingMax {
		at = slices.IndexFunc(u.pending, func(older *pb.PeerState) bool { return older.GetPeerKeyid() == state.GetPeerKeyid() })
	}
	u.pending = putAt(u.pending, at, state)
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// subscribe starts with the state of every known host, then of every authorized client.
func (s *States) subscribe(config *v1.Config) *subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	subscriber := &subscriber{wake: make(chan struct{}, 1)}
	for _, peer := range slices.Concat(config.GetMultihost().GetKnownHosts(), config.GetMultihost().GetAuthorizedClients()) {
		subscriber.pending = append(subscriber.pending, s.stateOf(peer))
	}
	s.subscribers[subscriber] = true
	return subscriber
}

func (s *States) unsubscribe(subscriber *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.subscribers, subscriber)
}

// take empties the queue of a subscriber.
func (s *States) take(subscriber *subscriber) []*pb.PeerState {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := subscriber.pending
	subscriber.pending = nil
	return pending
}

// copyState is shallow: the parts of a state are never changed, only replaced.
func copyState(state *pb.PeerState) *pb.PeerState {
	return &pb.PeerState{
		PeerInstanceId: state.GetPeerInstanceId(), PeerKeyid: state.GetPeerKeyid(), State: state.GetState(),
		StatusMessage: state.GetStatusMessage(), KnownPlans: state.GetKnownPlans(), KnownRepos: state.GetKnownRepos(),
		RemoteConfig: state.GetRemoteConfig(), LastHeartbeatMillis: state.GetLastHeartbeatMillis(),
	}
}

package peer

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	v1 "syncspec.example/peer/internal/pb/v1"
	"syncspec.example/peer/internal/secure"
)

const configVersion = 6

// Store holds the config. A *v1.Config that it hands out is never changed: a change makes a new one.
type Store struct {
	identity *secure.Identity // nil: sync is not configured

	mu      sync.Mutex
	config  *v1.Config
	changed signal
}

// ReadConfig reads a file in protobuf's JSON mapping of v1.Config.
func ReadConfig(path string) (*v1.Config, error) {
	config := new(v1.Config)
	return config, readJSON(path, config)
}

// readJSON refuses unknown fields: one would be a typing error that nobody notices.
func readJSON(path string, message proto.Message) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := protojson.Unmarshal(text, message); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// NewStore takes a config into use. Changes stay in memory.
func NewStore(config *v1.Config) (*Store, error) {
	store := &Store{config: config, changed: newSignal()}
	if err := validate(config); err != nil {
		return nil, err
	}
	if key := config.GetMultihost().GetIdentity(); key != nil {
		identity, err := secure.NewIdentity(key)
		if err != nil {
			return nil, fmt.Errorf("sync.identity: %w", err)
		}
		store.identity = identity
	}
	return store, nil
}

// Get returns the config and a channel that is closed when it is no longer the current one.
func (s *Store) Get() (*v1.Config, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config, s.changed.channel()
}

// Update changes the config in one step: change works on a copy, and says whether it changed anything that sessions must
// hear of. After an error nothing is changed.
func (s *Store) Update(change func(*v1.Config) (announce bool, err error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := proto.Clone(s.config).(*v1.Config)
	announce, err := change(next)
	if err != nil {
		return err
	}
	if err := validate(next); err != nil {
		return err
	}
	if !proto.Equal(s.config.GetMultihost().GetIdentity(), next.GetMultihost().GetIdentity()) {
		return errors.New("the identity cannot change while the peer runs")
	}
	s.config = next
	if announce {
		s.changed.raise()
	}
	return nil
}

// validate leaves scopes alone: a peer entry with a bad scope costs that peer its session, not the others theirs.
func validate(config *v1.Config) error {
	if config.GetVersion() != configVersion {
		return fmt.Errorf("expected config version %d, got %d", configVersion, config.GetVersion())
	}
	if config.GetInstance() == "" {
		return errors.New("instance: missing")
	}
	if err := validateResources(config); err != nil {
		return err
	}
	return validatePeers(config)
}

func validateResources(config *v1.Config) error {
	ids, guids, plans := unique{}, unique{}, unique{}
	for _, repo := range config.GetRepos() {
		if repo.GetUri() == "" {
			return fmt.Errorf("repo %q: no uri", repo.GetId())
		}
		if err := errors.Join(ids.add("repo id", repo.GetId()), guids.add("repo guid", repo.GetGuid())); err != nil {
			return err
		}
	}
	for _, plan := range config.GetPlans() {
		if err := plans.add("plan id", plan.GetId()); err != nil {
			return err
		}
		if len(plan.GetPaths()) == 0 || !ids[plan.GetRepo()] {
			return fmt.Errorf("plan %q: needs a path and an existing repo", plan.GetId())
		}
	}
	return nil
}

func validatePeers(config *v1.Config) error {
	sync := config.GetMultihost()
	instances, keys := unique{config.GetInstance(): true}, unique{}
	if sync.GetIdentity() != nil {
		keys[sync.GetIdentity().GetKeyid()] = true
	}
	for _, entries := range [][]*v1.Multihost_Peer{sync.GetKnownHosts(), sync.GetAuthorizedClients()} {
		for _, entry := range entries {
			err := errors.Join(instances.add("peer instance id", entry.GetInstanceId()), keys.add("peer key id", entry.GetKeyid()))
			if err != nil {
				return err
			}
		}
	}
	for _, host := range sync.GetKnownHosts() {
		url := host.GetInstanceUrl()
		if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
			return fmt.Errorf("known host %q: expected an http or https URL, got %q", host.GetInstanceId(), url)
		}
	}
	return nil
}

// unique is a set of texts that may neither be empty nor come twice.
type unique map[string]bool

func (u unique) add(what, text string) error {
	if text == "" {
		return fmt.Errorf("%s: missing", what)
	}
	if u[text] {
		return fmt.Errorf("%s %q: already taken", what, text)
	}
	u[text] = true
	return nil
}

var (
	wellFormed = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,50}$`)
	reserved   = regexp.MustCompile(`^_.*_$`)
)

// wellFormedInstanceID is asked of those who pair; those whom the operator entered are taken as they are.
func wellFormedInstanceID(id string) bool {
	return wellFormed.MatchString(id) && !reserved.MatchString(id)
}

// signal tells any number of waiters that something changed. It needs its owner's lock.
type signal struct{ current chan struct{} }

func newSignal() signal { return signal{make(chan struct{})} }

func (s *signal) channel() <-chan struct{} { return s.current }

func (s *signal) raise() {
	close(s.current)
	s.current = make(chan struct{})
}

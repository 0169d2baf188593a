package peer

import (
	"slices"

	"google.golang.org/protobuf/proto"

	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

// setConfig applies a host's set_config to our config, all or nothing.
func (s *Store) setConfig(host *v1.Multihost_Peer, granted grants, request *pb.SyncStreamItem_SyncActionSetConfig) error {
	err := s.Update(func(config *v1.Config) (bool, error) {
		before := proto.Clone(config)
		edit := configEdit{config, host, granted}
		if err := edit.apply(request); err != nil {
			return false, err
		}
		if proto.Equal(before, config) {
			return false, nil
		}
		config.Modno++
		return true, nil
	})
	if _, isFault := err.(*secure.Fault); err != nil && !isFault {
		return secure.Refuse(secure.Protocol, "set_config: %v", err)
	}
	return err
}

type configEdit struct {
	config  *v1.Config
	host    *v1.Multihost_Peer
	granted grants
}

func (e *configEdit) apply(request *pb.SyncStreamItem_SyncActionSetConfig) error {
	for _, repo := range request.GetRepos() {
		if err := e.putRepo(repo); err != nil {
			return err
		}
	}
	for _, plan := range request.GetPlans() {
		if err := e.mayWrite(planScope(plan.GetId())); err != nil {
			return err
		}
		at := slices.IndexFunc(e.config.Plans, func(held *v1.Plan) bool { return held.GetId() == plan.GetId() })
		e.config.Plans = putAt(e.config.Plans, at, plan)
	}
	for _, id := range request.GetReposToDelete() {
		if err := e.mayWrite(repoScope(id)); err != nil {
			return err
		}
		e.config.Repos = without(e.config.Repos, id)
	}
	for _, id := range request.GetPlansToDelete() {
		if err := e.mayWrite(planScope(id)); err != nil {
			return err
		}
		e.config.Plans = without(e.config.Plans, id)
	}
	return nil
}

func (e *configEdit) putRepo(sent *v1.Repo) error {
	at := slices.IndexFunc(e.config.Repos, func(held *v1.Repo) bool { return held.GetGuid() == sent.GetGuid() })
	shared := len(e.granted[sharedRepos]) > 0 && (at < 0 || e.config.Repos[at].GetOriginInstanceId() == e.host.GetInstanceId())
	written := e.mayWrite(repoScope(sent.GetId()))
	if at >= 0 && written == nil {
		// The guid finds the repo, but its id is what the permission names: renaming one needs both.
		written = e.mayWrite(repoScope(e.config.Repos[at].GetId()))
	}
	repo := proto.Clone(sent).(*v1.Repo)
	if written != nil {
		if !shared {
			return written
		}
		// What a repo's origin is, is ours to say: it decides who may replace the repo later.
		repo.OriginInstanceId = e.host.GetInstanceId()
	}
	if at < 0 && slices.ContainsFunc(e.config.Repos, func(held *v1.Repo) bool {
		return held.GetId() == repo.GetId() || held.GetUri() == repo.GetUri()
	}) {
		return nil
	}
	e.config.Repos = putAt(e.config.Repos, at, repo)
	return nil
}

func (e *configEdit) mayWrite(subject string) error {
	if !e.granted.mayWrite(subject) {
		return secure.Refuse(secure.Auth, "set_config: %q may not be written by %q", subject, e.host.GetInstanceId())
	}
	return nil
}

func without[T interface{ GetId() string }](list []T, id string) []T {
	return slices.DeleteFunc(list, func(held T) bool { return held.GetId() == id })
}

// putAt replaces the element at an index, or appends when the index is negative.
func putAt[T any](list []T, at int, element T) []T {
	if at < 0 {
		return append(list, element)
	}
	list[at] = element
	return list
}

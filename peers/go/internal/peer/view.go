package peer

import (
	"slices"

	"google.golang.org/protobuf/proto"

	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
)

// visibleOf lists the repos, or plans, that a peer may see.
func visibleOf[T interface{ GetId() string }](all []T, scope func(id string) string, visible func(subject string) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(one T) bool { return !visible(scope(one.GetId())) })
}

// configView is what a peer may see of our config.
func configView(config *v1.Config, granted grants) *pb.SyncStreamItem {
	return &pb.SyncStreamItem{Action: &pb.SyncStreamItem_ReceiveConfig{ReceiveConfig: &pb.SyncStreamItem_SyncActionReceiveConfig{
		Config: &pb.RemoteConfig{
			Modno: config.GetModno(), Version: config.GetVersion(),
			Repos: visibleOf(config.GetRepos(), repoScope, granted.mayRead),
			Plans: visibleOf(config.GetPlans(), planScope, granted.mayRead),
		},
	}}}
}

// resourceView lists the repos and plans that visible lets through. A host lists those whose config it shows; a client
// also those whose operations it shows.
func resourceView(config *v1.Config, visible func(subject string) bool) *pb.SyncStreamItem {
	view := new(pb.SyncStreamItem_SyncActionReceiveResources)
	for _, repo := range visibleOf(config.GetRepos(), repoScope, visible) {
		view.Repos = append(view.Repos, &pb.RepoMetadata{Id: repo.GetId(), Guid: repo.GetGuid()})
	}
	for _, plan := range visibleOf(config.GetPlans(), planScope, visible) {
		view.Plans = append(view.Plans, &pb.PlanMetadata{Id: plan.GetId()})
	}
	return &pb.SyncStreamItem{Action: &pb.SyncStreamItem_ReceiveResources{ReceiveResources: view}}
}

// sharedView is the set_config that gives a client our shared repos, or nil when there is none for it.
func sharedView(config *v1.Config, granted grants) *pb.SyncStreamItem {
	view := new(pb.SyncStreamItem_SyncActionSetConfig)
	for _, repo := range config.GetRepos() {
		if repo.GetShared() && granted.mayReceive(repo.GetId()) {
			shared := proto.Clone(repo).(*v1.Repo)
			shared.OriginInstanceId = config.GetInstance()
			view.Repos = append(view.Repos, shared)
		}
	}
	if len(view.Repos) == 0 {
		return nil
	}
	return &pb.SyncStreamItem{Action: &pb.SyncStreamItem_SetConfig{SetConfig: view}}
}

// operationView says which of our operations a host may read. The repo is found by its guid: the operation's repo id may
// have passed to another repo since, so that id only ever excludes.
func operationView(config *v1.Config, granted grants) func(*v1.Operation) bool {
	repoIDs := map[string]string{}
	for _, repo := range config.GetRepos() {
		repoIDs[repo.GetGuid()] = repo.GetId()
	}
	return func(operation *v1.Operation) bool {
		subjects := []string{planScope(operation.GetPlanId())}
		if id, ok := repoIDs[operation.GetRepoGuid()]; ok {
			subjects = append(subjects, repoScope(id))
		}
		for _, held := range granted[readOperations] {
			if held.cover(subjects) && !held.exclude[repoScope(operation.GetRepoId())] {
				return true
			}
		}
		return false
	}
}

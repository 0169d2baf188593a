package peer

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

func TestScopes(t *testing.T) {
	cases := []struct {
		scopes   []string
		subjects []string
		covered  bool
	}{
		{nil, []string{"repo:a"}, true},
		{[]string{"*"}, []string{"plan:a"}, true},
		{[]string{"repo:a"}, []string{"repo:a"}, true},
		{[]string{"repo:a"}, []string{"plan:a"}, false},
		{[]string{"!repo:a"}, []string{"repo:b"}, false},
		{[]string{"*", "!repo:a"}, []string{"repo:b"}, true},
		{[]string{"!repo:a", "repo:a", "*"}, []string{"repo:a"}, false},
		{[]string{"repo:a"}, []string{"repo:a", "plan:b"}, true},
		{[]string{"plan:b"}, []string{"repo:a", "plan:b"}, true},
		{[]string{"plan:b", "!repo:a"}, []string{"repo:a", "plan:b"}, false},
	}
	for _, c := range cases {
		granted, err := parseGrants([]*v1.Multihost_Permission{{Type: readOperations, Scopes: c.scopes}})
		if err != nil || granted.allow(c.subjects, readOperations) != c.covered {
			t.Errorf("%q over %q: expected %v, %v", c.scopes, c.subjects, c.covered, err)
		}
	}
	for _, text := range []string{"", "**", "!*", "repo", "repo:", "Repo:a", "tag:a", "!!repo:a", " repo:a"} {
		if _, err := parseScopes([]string{text}); err == nil {
			t.Errorf("scope %q was taken", text)
		}
	}
}

func TestSetConfigIsAllOrNothing(t *testing.T) {
	own, fromHost, writable := repo("own"), repo("given"), repo("w")
	fromHost.OriginInstanceId = "host"
	before := &v1.Config{
		Modno: 1, Version: 6, Instance: "client", Repos: []*v1.Repo{own, fromHost, writable},
		Plans: []*v1.Plan{{Id: "p", Repo: "own", Paths: []string{"/"}}},
	}
	changed := func(of *v1.Repo, edit func(*v1.Repo)) *v1.Repo {
		edited := proto.Clone(of).(*v1.Repo)
		edit(edited)
		return edited
	}
	password := func(repo *v1.Repo) { repo.Password = "new" }
	type request = pb.SyncStreamItem_SyncActionSetConfig
	cases := map[string]struct {
		request *request
		modno   int32
		kind    secure.Kind
	}{
		"nothing":                     {&request{}, 1, 0},
		"new repo":                    {&request{Repos: []*v1.Repo{repo("new")}}, 2, 0},
		"repo as it is":               {&request{Repos: []*v1.Repo{fromHost}}, 1, 0},
		"repo of this host":           {&request{Repos: []*v1.Repo{changed(fromHost, password)}}, 2, 0},
		"repo of the client's own":    {&request{Repos: []*v1.Repo{repo("new"), changed(own, password)}}, 0, secure.Auth},
		"repo in scope":               {&request{Repos: []*v1.Repo{changed(writable, password)}}, 2, 0},
		"repo renamed into scope":     {&request{Repos: []*v1.Repo{changed(own, func(r *v1.Repo) { r.Id = "w2" })}}, 0, secure.Auth},
		"id taken":                    {&request{Repos: []*v1.Repo{changed(repo("x"), func(r *v1.Repo) { r.Id = "own" })}}, 1, 0},
		"uri taken":                   {&request{Repos: []*v1.Repo{changed(repo("x"), func(r *v1.Repo) { r.Uri = "/own" })}}, 1, 0},
		"no guid":                     {&request{Repos: []*v1.Repo{changed(repo("x"), func(r *v1.Repo) { r.Guid = "" })}}, 0, secure.Protocol},
		"plan out of scope":           {&request{Plans: []*v1.Plan{{Id: "p", Repo: "w", Paths: []string{"/"}}}}, 0, secure.Auth},
		"plan in scope":               {&request{Plans: []*v1.Plan{{Id: "q", Repo: "w", Paths: []string{"/"}}}}, 2, 0},
		"plan without its repo":       {&request{Plans: []*v1.Plan{{Id: "q", Repo: "x", Paths: []string{"/"}}}}, 0, secure.Protocol},
		"deletion out of scope":       {&request{ReposToDelete: []string{"w", "given"}}, 0, secure.Auth},
		"deletion of what is not":     {&request{PlansToDelete: []string{"q"}}, 1, 0},
		"unknown plan out of scope":   {&request{PlansToDelete: []string{"r"}}, 0, secure.Auth},
		"deletion":                    {&request{ReposToDelete: []string{"w"}}, 2, 0},
		"plan of a repo deleted, too": {&request{Plans: []*v1.Plan{{Id: "q", Repo: "w", Paths: []string{"/"}}}, ReposToDelete: []string{"w"}}, 0, secure.Protocol},
	}
	granted, err := parseGrants([]*v1.Multihost_Permission{
		{Type: readWrite, Scopes: []string{"repo:w", "repo:w2", "plan:q"}}, {Type: sharedRepos, Scopes: []string{"repo:none"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			store, err := NewStore(proto.Clone(before).(*v1.Config))
			if err != nil {
				t.Fatal(err)
			}
			err = store.setConfig(&v1.Multihost_Peer{InstanceId: "host"}, granted, c.request)
			after, _ := store.Get()
			var fault *secure.Fault
			switch {
			case c.modno == 0 && (!errors.As(err, &fault) || fault.Kind != c.kind || !proto.Equal(before, after)):
				t.Errorf("expected a refusal that changes nothing, got %v and %v", err, after)
			case c.modno != 0 && (err != nil || after.GetModno() != c.modno):
				t.Errorf("expected modno %d, got %d, %v", c.modno, after.GetModno(), err)
			case c.modno == 1 && !proto.Equal(before, after):
				t.Errorf("changed to %v", after)
			}
		})
	}
}

func TestOneOfManyGetsATokensLastUse(t *testing.T) {
	node := newPeer(t, "host", newKey(t), func(config *v1.Config) {
		config.Multihost.PairingTokens = []*v1.Multihost_PairingToken{{Secret: "s", MaxUses: 3, Uses: 2}}
	})
	results := make([]error, 8)
	var racers sync.WaitGroup
	for i := range results {
		racers.Go(func() {
			name := string(rune('a' + i))
			_, _, results[i] = node.Store.admit(&secure.Claim{KeyID: name, InstanceID: name, PairingSecret: "s"}, time.Now())
		})
	}
	racers.Wait()
	admitted := len(results) - len(slices.DeleteFunc(slices.Clone(results), func(err error) bool { return err == nil }))
	if admitted != 1 || len(configOf(node).GetMultihost().GetAuthorizedClients()) != 1 {
		t.Errorf("admitted %d", admitted)
	}
}

func TestReceivedOperationsKeepToTheirOwner(t *testing.T) {
	operations := NewOperations()
	put := func(owner string, id, modno int64) {
		t.Helper()
		if err := operations.Put(owner, []*v1.Operation{operation(id, modno, repo("r"))}); err != nil {
			t.Fatal(err)
		}
	}
	put("a", 1, 1)
	put("b", 1, 1)
	put("a", 1, 5)
	put("a", 2, 1)
	if count := len(operations.All()); count != 3 {
		t.Fatalf("%d operations", count)
	}
	wanted, err := operations.Reconcile("a", []int64{9, 1, 9}, []int64{1, 4, 1})
	if err != nil || !slices.Equal(wanted, []int64{9, 1, 9}) {
		t.Errorf("wanted %v, %v", wanted, err)
	}
	if _, err := operations.Reconcile("b", nil, []int64{1}); err == nil {
		t.Error("uneven manifest was taken")
	}
	operations.Delete("a", []int64{1, 77})
	left := operations.All()
	if len(left) != 1 || left[0].GetOriginalInstanceKeyid() != "b" {
		t.Errorf("left: %v", left)
	}
	if ledger := operations.ledger("a"); ledger.bytes != 0 || len(ledger.flows) != 0 {
		t.Errorf("an empty ledger counts %d bytes, %d flows", ledger.bytes, len(ledger.flows))
	}
	if err := operations.Put("a", []*v1.Operation{operation(1, 1, repo("r")), {Id: 2}}); err == nil || len(operations.All()) != 1 {
		t.Errorf("half a list was stored: %v", err)
	}
}

package peer

import (
	"strings"
	"testing"

	v1 "syncspec.example/peer/internal/pb/v1"
)

func TestHookDoesWhatASuiteAsksOfAClient(t *testing.T) {
	hostKey := newKey(t).GetKeyid()
	node := newPeer(t, "client", newKey(t), func(config *v1.Config) {
		config.Multihost.KnownHosts = []*v1.Multihost_Peer{{InstanceId: "host", Keyid: hostKey, InstanceUrl: "http://127.0.0.1:1"}}
	})
	node.Token = "t"
	url := serve(t, node)
	for _, step := range []struct {
		asked, answered string
		own             []int64
		permissions     int
	}{
		{`{"do": "put-operation", "operation": {"id": "7", "modno": "1"}}`, `{}`, []int64{7}, 0},
		{`{"do": "put-operation", "operation": {"id": "9"}}`, `{}`, []int64{7, 9}, 0},
		{`{"do": "put-operation", "operation": {"id": "7", "modno": "2"}}`, `{}`, []int64{9, 7}, 0},
		{`{"do": "delete-operation", "id": "9"}`, `{}`, []int64{7}, 0},
		{`{"do": "delete-operation", "id": "nine"}`, `{"error":`, []int64{7}, 0},
		{`{"do": "change-config", "permit_host": {"key_id": "nobody", "permissions": []}}`, `{"error":`, []int64{7}, 0},
		{`{"do": "change-config", "permit_host": {"key_id": "` + hostKey + `", "permissions": [{"type": "PERMISSION_READ_CONFIG", "scopes": ["*"]}]}}`, `{}`, []int64{7}, 1},
		{`{"do": "something-else"}`, `{"error":`, []int64{7}, 1},
	} {
		var answer strings.Builder
		if err := Ask(url, "t", strings.NewReader(step.asked+"\n"), &answer); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(answer.String(), step.answered) || strings.Count(answer.String(), "\n") != 1 {
			t.Errorf("%s: answered %q", step.asked, answer.String())
		}
		own, _ := node.Operations.Own()
		var ids []int64
		for _, operation := range own {
			ids = append(ids, operation.GetId())
		}
		permissions := configOf(node).GetMultihost().GetKnownHosts()[0].GetPermissions()
		if len(ids) != len(step.own) || ids[0] != step.own[0] || len(permissions) != step.permissions {
			t.Errorf("%s: operations %v, permissions %v", step.asked, ids, permissions)
		}
	}
	if err := Ask(url, "wrong", strings.NewReader("{}\n"), new(strings.Builder)); err == nil {
		t.Error("a wrong token is let in")
	}
}

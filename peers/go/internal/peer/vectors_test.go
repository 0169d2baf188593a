package peer

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	v1 "syncspec.example/peer/internal/pb/v1"
)

type tokenVector struct {
	ID, Result, Token, Keyid, Secret string
	InstanceID                       string `json:"instance_id"`
	NowUnix                          string `json:"now_unix"`
	AcceptedLabel                    string `json:"accepted_label"`
	Tokens                           []json.RawMessage
}

func eachToken(t *testing.T, kind string, check func(t *testing.T, v tokenVector)) {
	t.Helper()
	text, err := os.ReadFile("../../../../vectors/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Type  string
			Tests []tokenVector
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, group := range file.Groups {
		if group.Type != kind {
			continue
		}
		for _, v := range group.Tests {
			count++
			t.Run(v.ID, func(t *testing.T) { check(t, v) })
		}
	}
	if count == 0 {
		t.Fatalf("no vectors of type %s", kind)
	}
}

func TestPairingTokenTexts(t *testing.T) {
	eachToken(t, "pairing_token_parse", func(t *testing.T, v tokenVector) {
		host, err := ParseToken(v.Token)
		if (err == nil) != (v.Result != "invalid") {
			t.Fatalf("%s: %v", v.Result, err)
		}
		if err == nil && (host.GetKeyid() != v.Keyid || host.GetInitialPairingSecret() != v.Secret || host.GetInstanceId() != v.InstanceID) {
			t.Errorf("got %v", host)
		}
	})
}

func TestPairingSecrets(t *testing.T) {
	eachToken(t, "pairing_secret_validate", func(t *testing.T, v tokenVector) {
		tokens := make([]*v1.Multihost_PairingToken, len(v.Tokens))
		for i, raw := range v.Tokens {
			tokens[i] = new(v1.Multihost_PairingToken)
			if err := protojson.Unmarshal(raw, tokens[i]); err != nil {
				t.Fatal(err)
			}
		}
		now, err := strconv.ParseInt(v.NowUnix, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		index, err := findToken(tokens, v.Secret, now)
		if (err == nil) != (v.Result != "invalid") {
			t.Fatalf("%s: %v", v.Result, err)
		}
		if err == nil && tokens[index].GetLabel() != v.AcceptedLabel {
			t.Errorf("got token %q", tokens[index].GetLabel())
		}
	})
}

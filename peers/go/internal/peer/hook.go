package peer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	v1 "syncspec.example/peer/internal/pb/v1"
)

const hookPath = "/hook"

// Ask takes a conformance suite's questions about a client (docs/hook.md), a line each, to the peer that runs at a URL.
func Ask(url, token string, questions io.Reader, answers io.Writer) error {
	lines := bufio.NewReader(questions)
	for {
		question, err := lines.ReadString('\n')
		if err != nil {
			return nil // the suite has no more
		}
		request, err := http.NewRequest(http.MethodPost, strings.TrimRight(url, "/")+hookPath, strings.NewReader(question))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		_, err = io.Copy(answers, response.Body)
		response.Body.Close()
		if err != nil {
			return err
		}
	}
}

// answerHook answers one of those questions, in one line.
func (p *Peer) answerHook(w http.ResponseWriter, r *http.Request) {
	answer := map[string]string{}
	if err := p.doAsAsked(r.Body); err != nil {
		answer["error"] = err.Error()
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (p *Peer) doAsAsked(question io.Reader) error {
	var asked struct {
		Do         string
		ID         string
		Operation  json.RawMessage
		PermitHost struct {
			KeyID       string `json:"key_id"`
			Permissions json.RawMessage
		} `json:"permit_host"`
	}
	if err := json.NewDecoder(question).Decode(&asked); err != nil {
		return err
	}
	switch {
	case asked.Do == "put-operation":
		operation := new(v1.Operation)
		if err := protojson.Unmarshal(asked.Operation, operation); err != nil {
			return err
		}
		p.Operations.PutOwn(operation)
		return nil
	case asked.Do == "delete-operation":
		id, err := strconv.ParseInt(asked.ID, 10, 64)
		if err == nil {
			p.Operations.DeleteOwn(id)
		}
		return err
	case asked.Do == "change-config" && asked.PermitHost.KeyID != "":
		entry := new(v1.Multihost_Peer)
		if err := protojson.Unmarshal(fmt.Appendf(nil, `{"permissions": %s}`, asked.PermitHost.Permissions), entry); err != nil {
			return err
		}
		return p.Store.Update(func(config *v1.Config) (bool, error) {
			host := findPeer(config.GetMultihost().GetKnownHosts(), asked.PermitHost.KeyID)
			if host == nil {
				return false, errors.New("no such host")
			}
			host.Permissions = entry.GetPermissions()
			return true, nil
		})
	}
	return fmt.Errorf("cannot do %q", asked.Do)
}

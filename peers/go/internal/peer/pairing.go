package peer

import (
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"time"

	v1 "syncspec.example/peer/internal/pb/v1"
	"syncspec.example/peer/internal/secure"
)

// admit decides whether the peer behind a verified handshake may be our client. A pairing happens in one step of the
// store: of clients racing for a token's last use one gets it.
func (s *Store) admit(claim *secure.Claim, now time.Time) (client *v1.Multihost_Peer, granted grants, err error) {
	err = s.Update(func(config *v1.Config) (bool, error) {
		var err error
		if client = findPeer(config.GetMultihost().GetAuthorizedClients(), claim.KeyID); client == nil {
			client, err = pair(config, claim, now)
		} else if client.GetInstanceId() != claim.InstanceID {
			err = secure.Refuse(secure.Auth, "instance id %q is not the one known for its key", claim.InstanceID)
		}
		if err == nil {
			granted, err = parseGrants(client.GetPermissions())
		}
		// The other sessions see nothing of a pairing, so they are not told.
		return false, err
	})
	return client, granted, err
}

func pair(config *v1.Config, claim *secure.Claim, now time.Time) (*v1.Multihost_Peer, error) {
	if claim.PairingSecret == "" {
		return nil, secure.Refuse(secure.Auth, "key %s is not known", claim.KeyID)
	}
	if !wellFormedInstanceID(claim.InstanceID) {
		return nil, secure.Refuse(secure.Auth, "instance id is not of the right form")
	}
	sync := config.GetMultihost()
	index, err := findToken(sync.GetPairingTokens(), claim.PairingSecret, now.Unix())
	if err != nil {
		return nil, err
	}
	token := sync.GetPairingTokens()[index]
	client := &v1.Multihost_Peer{InstanceId: claim.InstanceID, Keyid: claim.KeyID, Permissions: token.GetPermissions()}
	sync.AuthorizedClients = append(sync.AuthorizedClients, client)
	if err := validatePeers(config); err != nil {
		return nil, secure.Refuse(secure.Auth, "pair: %v", err)
	}
	token.Uses++
	if token.GetMaxUses() > 0 && token.GetUses() >= token.GetMaxUses() {
		sync.PairingTokens = slices.Delete(sync.GetPairingTokens(), index, index+1)
	}
	return client, nil
}

// findToken gives the index of the token with this secret. The first one that has it decides.
func findToken(tokens []*v1.Multihost_PairingToken, secret string, nowUnix int64) (int, error) {
	for index, token := range tokens {
		if token.GetSecret() == "" || subtle.ConstantTimeCompare([]byte(token.GetSecret()), []byte(secret)) == 0 {
			continue
		}
		if token.GetExpiresAtUnix() > 0 && nowUnix > token.GetExpiresAtUnix() {
			return 0, secure.Refuse(secure.Auth, "pairing token has expired")
		}
		if token.GetMaxUses() > 0 && token.GetUses() >= token.GetMaxUses() {
			return 0, secure.Refuse(secure.Auth, "pairing token is used up")
		}
		return index, nil
	}
	return 0, secure.Refuse(secure.Auth, "pairing secret is not known")
}

func findPeer(entries []*v1.Multihost_Peer, keyID string) *v1.Multihost_Peer {
	for _, entry := range entries {
		if entry.GetKeyid() == keyID {
			return entry
		}
	}
	return nil
}

// ParseToken reads the text of a pairing token, <keyid>:<secret>#<instance id>, as the known host that it introduces.
func ParseToken(text string) (*v1.Multihost_Peer, error) {
	at := strings.LastIndexByte(text, '#')
	if at < 0 {
		return nil, errors.New("pairing token: no '#'")
	}
	keyID, secret, found := strings.Cut(text[:at], ":")
	if !found || keyID == "" || secret == "" || text[at+1:] == "" {
		return nil, errors.New("pairing token: expected <keyid>:<secret>#<instance id>")
	}
	return &v1.Multihost_Peer{Keyid: keyID, InitialPairingSecret: secret, InstanceId: text[at+1:]}, nil
}

package secure

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"

	pb "syncspec.example/peer/internal/pb/v1sync"
)

const (
	handshakeVersion = 3
	handshakeLabel   = "backrest-sync-handshake/v1\x00"
)

// Handshake makes the first sealed item of our direction. A responder has no pairing secret to send.
func (i *Identity) Handshake(instanceID, pairingSecret string, transcript []byte) *pb.SyncStreamItem {
	return &pb.SyncStreamItem{Action: &pb.SyncStreamItem_Handshake{Handshake: &pb.SyncStreamItem_SyncActionHandshake{
		ProtocolVersion: handshakeVersion,
		PublicKey:       i.public,
		InstanceId:      instanceID,
		PairingSecret:   pairingSecret,
		Signature:       ed25519.Sign(i.private, handshakeHash(handshakeVersion, instanceID, pairingSecret, transcript)),
	}}}
}

// Claim is what a valid handshake proves: the peer holds the key, and says this of itself. Whether the key may connect is
// another question.
type Claim struct {
	KeyID, InstanceID, PairingSecret string
}

// VerifyHandshake checks the peer's first sealed item against our own transcript, in the order that section 4 gives.
func VerifyHandshake(item *pb.SyncStreamItem, transcript []byte) (*Claim, error) {
	handshake := item.GetHandshake()
	if handshake == nil {
		return nil, Refuse(Auth, "expected a handshake, got %T", item.GetAction())
	}
	if handshake.GetProtocolVersion() != handshakeVersion {
		return nil, Refuse(Auth, "expected handshake version %d, got %d", handshakeVersion, handshake.GetProtocolVersion())
	}
	if handshake.GetPublicKey().GetEd25519Pub() == "" || handshake.GetPublicKey().GetKeyid() == "" {
		return nil, Refuse(Auth, "handshake without key or key id")
	}
	if handshake.GetInstanceId() == "" {
		return nil, Refuse(Auth, "handshake without instance id")
	}
	key, err := publicKey(handshake.GetPublicKey())
	if err != nil {
		return nil, Refuse(Auth, "handshake: %v", err)
	}
	signed := handshakeHash(handshake.GetProtocolVersion(), handshake.GetInstanceId(), handshake.GetPairingSecret(), transcript)
	if !ed25519.Verify(key, signed, handshake.GetSignature()) {
		return nil, Refuse(Auth, "handshake signature does not verify")
	}
	return &Claim{handshake.GetPublicKey().GetKeyid(), handshake.GetInstanceId(), handshake.GetPairingSecret()}, nil
}

func handshakeHash(version int64, instanceID, pairingSecret string, transcript []byte) []byte {
	hashed := binary.BigEndian.AppendUint64([]byte(handshakeLabel), uint64(version))
	hashed = appendPrefixed(hashed, []byte(instanceID))
	hashed = appendPrefixed(hashed, []byte(pairingSecret))
	hashed = appendPrefixed(hashed, transcript)
	sum := sha256.Sum256(hashed)
	return sum[:]
}

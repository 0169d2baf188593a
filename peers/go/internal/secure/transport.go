package secure

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"

	pb "syncspec.example/peer/internal/pb/v1sync"
)

const (
	transportVersion  = 1
	transportInfo     = "backrest-sync-transport-v1"
	transcriptLabel   = "backrest-sync-transport-transcript/v1\x00"
	toResponderLabel  = "backrest-sync-session-key/v1/initiator-to-responder"
	toInitiatorLabel  = "backrest-sync-session-key/v1/responder-to-initiator"
	sessionKeyLen     = 32
	encapsulatedBytes = 1568 + 97 // ML-KEM-1024, then an uncompressed P-384 point: the same for key and encapsulation
)

// The standard library gives MLKEM1024-P384 the id 0x0051, as deployed peers do; the published comment says 0x0050.
func suite() (hpke.KEM, hpke.KDF, hpke.AEAD) {
	return hpke.MLKEM1024P384(), hpke.HKDFSHA256(), hpke.AES256GCM()
}

// Accept is the responder's half of the key exchange: the initiator's first item in, the reply and the channel out.
func Accept(first *pb.SyncStreamItem) (*pb.SyncStreamItem, *Channel, error) {
	offer, err := establishment(first)
	if err != nil {
		return nil, nil, err
	}
	if len(offer.GetKemPublicKey()) != encapsulatedBytes {
		return nil, nil, Refuse(Protocol, "expected a KEM public key of %d bytes, got %d", encapsulatedBytes, len(offer.GetKemPublicKey()))
	}
	kem, kdf, aead := suite()
	// Checks the coefficients' range, and that the point is uncompressed and on the curve.
	public, err := kem.NewPublicKey(offer.GetKemPublicKey())
	if err != nil {
		return nil, nil, Refuse(Protocol, "KEM public key: %v", err)
	}
	encapsulation, sender, err := hpke.NewSender(public, kdf, aead, []byte(transportInfo))
	if err != nil {
		return nil, nil, Refuse(Protocol, "encapsulate: %v", err)
	}
	channel, err := newChannel(sender.Export, toInitiatorLabel, toResponderLabel, offer.GetKemPublicKey(), encapsulation)
	if err != nil {
		return nil, nil, err
	}
	return wrapEstablishment(&pb.SyncStreamItem_SyncEstablishSharedSecret{
		ProtocolVersion: transportVersion, KemEncapsulation: encapsulation,
	}), channel, nil
}

// Offer is the initiator's half of the key exchange. It serves one connection: every dial makes its own.
type Offer struct {
	private hpke.PrivateKey
}

// NewOffer makes a fresh key pair.
func NewOffer() (*Offer, error) {
	kem, _, _ := suite()
	private, err := kem.GenerateKey()
	if err != nil {
		return nil, Refuse(Session, "generate KEM key: %v", err)
	}
	return &Offer{private}, nil
}

// Item is what the initiator sends first.
func (o *Offer) Item() *pb.SyncStreamItem {
	return wrapEstablishment(&pb.SyncStreamItem_SyncEstablishSharedSecret{
		ProtocolVersion: transportVersion, KemPublicKey: o.private.PublicKey().Bytes(),
	})
}

// Finish takes the responder's reply. A tampered ML-KEM ciphertext goes unnoticed here (implicit rejection): the first
// frame does not open then.
func (o *Offer) Finish(reply *pb.SyncStreamItem) (*Channel, error) {
	answer, err := establishment(reply)
	if err != nil {
		return nil, err
	}
	if len(answer.GetKemEncapsulation()) != encapsulatedBytes {
		return nil, Refuse(Protocol, "expected a KEM encapsulation of %d bytes, got %d", encapsulatedBytes, len(answer.GetKemEncapsulation()))
	}
	_, kdf, aead := suite()
	recipient, err := hpke.NewRecipient(answer.GetKemEncapsulation(), o.private, kdf, aead, []byte(transportInfo))
	if err != nil {
		return nil, Refuse(Protocol, "decapsulate: %v", err)
	}
	return newChannel(recipient.Export, toResponderLabel, toInitiatorLabel, o.private.PublicKey().Bytes(), answer.GetKemEncapsulation())
}

func establishment(item *pb.SyncStreamItem) (*pb.SyncStreamItem_SyncEstablishSharedSecret, error) {
	establish := item.GetEstablishSharedSecret()
	if establish == nil {
		return nil, Refuse(Protocol, "expected establish_shared_secret first, got %T", item.GetAction())
	}
	if establish.GetProtocolVersion() != transportVersion {
		return nil, Refuse(Protocol, "expected transport version %d, got %d", transportVersion, establish.GetProtocolVersion())
	}
	return establish, nil
}

func wrapEstablishment(establish *pb.SyncStreamItem_SyncEstablishSharedSecret) *pb.SyncStreamItem {
	return &pb.SyncStreamItem{Action: &pb.SyncStreamItem_EstablishSharedSecret{EstablishSharedSecret: establish}}
}

func newChannel(export func(string, int) ([]byte, error), outLabel, inLabel string, publicKey, encapsulation []byte) (*Channel, error) {
	out, err := newDirection(export, outLabel)
	if err != nil {
		return nil, err
	}
	in, err := newDirection(export, inLabel)
	if err != nil {
		return nil, err
	}
	return &Channel{out: out, in: in, transcript: transcript(transportVersion, publicKey, encapsulation)}, nil
}

func newDirection(export func(string, int) ([]byte, error), label string) (*direction, error) {
	key, err := export(label, sessionKeyLen)
	if err != nil {
		return nil, Refuse(Session, "export session key: %v", err)
	}
	return directionOf(key)
}

func directionOf(key []byte) (*direction, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, Refuse(Session, "session key: %v", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, Refuse(Session, "session key: %v", err)
	}
	return &direction{aead: aead}, nil
}

func transcript(version uint32, publicKey, encapsulation []byte) []byte {
	hashed := binary.BigEndian.AppendUint32([]byte(transcriptLabel), version)
	hashed = appendPrefixed(hashed, publicKey)
	hashed = appendPrefixed(hashed, encapsulation)
	sum := sha256.Sum256(hashed)
	return sum[:]
}

// appendPrefixed is LP(x) of the protocol: without the length, bytes could move from one field to the next unnoticed.
func appendPrefixed(to, field []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(field))), field...)
}

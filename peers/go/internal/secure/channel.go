package secure

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/proto"

	pb "syncspec.example/peer/internal/pb/v1sync"
)

// Channel seals what we send and opens what we receive. Sealing and opening may run side by side, each in one goroutine.
type Channel struct {
	out, in    *direction
	transcript []byte
}

// Transcript is the hash of the key exchange, which both handshakes sign.
func (c *Channel) Transcript() []byte { return c.transcript }

// direction is one key with the counter of its nonces.
type direction struct {
	aead    cipher.AEAD
	counter uint64
	spent   bool
}

// nonce gives each nonce once: 4 zero bytes, then the counter. After the last one nothing more can be sealed or opened.
func (d *direction) nonce() ([]byte, error) {
	if d.spent {
		return nil, Refuse(Session, "nonces are used up")
	}
	nonce := binary.BigEndian.AppendUint64(make([]byte, 4, 12), d.counter)
	d.spent = d.counter == math.MaxUint64
	d.counter++
	return nonce, nil
}

// Seal wraps an item for the stream.
func (c *Channel) Seal(item *pb.SyncStreamItem) (*pb.SyncStreamItem, error) {
	plaintext, err := proto.Marshal(item)
	if err != nil {
		return nil, Refuse(Session, "serialize: %v", err)
	}
	return c.out.seal(plaintext)
}

func (d *direction) seal(plaintext []byte) (*pb.SyncStreamItem, error) {
	nonce, err := d.nonce()
	if err != nil {
		return nil, err
	}
	return &pb.SyncStreamItem{Action: &pb.SyncStreamItem_Encrypted{Encrypted: &pb.SyncStreamItem_SyncActionEncrypted{
		Nonce: nonce, Ciphertext: d.aead.Seal(nil, nonce, plaintext, nil),
	}}}, nil
}

// Open unwraps an item. After an error the channel must not be used again.
func (c *Channel) Open(item *pb.SyncStreamItem) (*pb.SyncStreamItem, error) {
	plaintext, err := c.in.open(item)
	if err != nil {
		return nil, err
	}
	opened := new(pb.SyncStreamItem)
	if err := proto.Unmarshal(plaintext, opened); err != nil {
		return nil, Refuse(Session, "opened frame is no item: %v", err)
	}
	return opened, nil
}

func (d *direction) open(item *pb.SyncStreamItem) ([]byte, error) {
	sealed := item.GetEncrypted()
	if sealed == nil {
		return nil, Refuse(Session, "expected an encrypted item, got %T", item.GetAction())
	}
	nonce, err := d.nonce()
	if err != nil {
		return nil, err
	}
	// The nonce on the wire decides nothing: it must be the one that comes next.
	if !bytes.Equal(sealed.GetNonce(), nonce) {
		return nil, Refuse(Session, "expected nonce %x, got %x", nonce, clip(sealed.GetNonce()))
	}
	plaintext, err := d.aead.Open(nil, nonce, sealed.GetCiphertext(), nil)
	if err != nil {
		return nil, Refuse(Session, "frame %x does not open", nonce)
	}
	return plaintext, nil
}

// clip keeps a hostile field from filling the log.
func clip[T ~string | ~[]byte](field T) T { return field[:min(len(field), 64)] }

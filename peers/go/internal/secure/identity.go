package secure

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"

	v1 "syncspec.example/peer/internal/pb/v1"
)

// Identity is this instance's signing key.
type Identity struct {
	private ed25519.PrivateKey
	public  *v1.PublicKey
}

// NewIdentity reads a key from the config; its three parts must belong together.
func NewIdentity(key *v1.PrivateKey) (*Identity, error) {
	seed, err := decodeKey(key.GetEd25519Priv())
	if err != nil {
		return nil, errors.New("private key: " + err.Error())
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := &v1.PublicKey{Keyid: key.GetKeyid(), Ed25519Pub: key.GetEd25519Pub()}
	if key.GetEd25519Pub() != base64.RawStdEncoding.EncodeToString(private.Public().(ed25519.PublicKey)) {
		return nil, errors.New("public key is not that of the private key")
	}
	if _, err := publicKey(public); err != nil {
		return nil, err
	}
	return &Identity{private, public}, nil
}

// KeyID is how peers are told apart.
func (i *Identity) KeyID() string { return i.public.GetKeyid() }

// publicKey decodes a key as a peer sent it, and refuses those that no honest peer has.
func publicKey(sent *v1.PublicKey) (ed25519.PublicKey, error) {
	key, err := decodeKey(sent.GetEd25519Pub())
	if err != nil {
		return nil, errors.New("public key: " + err.Error())
	}
	if sent.GetKeyid() != keyID(key) {
		return nil, errors.New("key id does not match the public key")
	}
	if weak(key) {
		return nil, errors.New("public key is of low order or not canonical")
	}
	return key, nil
}

func keyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return "ed25519." + base64.RawURLEncoding.EncodeToString(sum[:])
}

func decodeKey(text string) ([]byte, error) {
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("not base64")
	}
	if len(key) != ed25519.PublicKeySize {
		return nil, errors.New("not 32 bytes")
	}
	// Go's decoder skips line breaks and ignores unused bits at the end: a key would have several spellings.
	if base64.RawStdEncoding.EncodeToString(key) != text {
		return nil, errors.New("not canonical base64")
	}
	return key, nil
}

var (
	// 2^255 - 19, little-endian
	fieldPrime = fromHex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
	// The y coordinates, little-endian, of the eight points whose order divides 8. Anyone can sign for such a key, and for
	// the identity one signature holds for every transcript. The standard library accepts them.
	lowOrder = [][]byte{
		fromHex("0000000000000000000000000000000000000000000000000000000000000000"),
		fromHex("0100000000000000000000000000000000000000000000000000000000000000"),
		fromHex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
		fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
	}
)

func weak(key ed25519.PublicKey) bool {
	y := bytes.Clone(key)
	y[31] &= 0x7f // the sign of x
	for _, low := range lowOrder {
		if bytes.Equal(y, low) {
			return true
		}
	}
	slices.Reverse(y)
	prime := bytes.Clone(fieldPrime)
	slices.Reverse(prime)
	return bytes.Compare(y, prime) >= 0
}

func fromHex(text string) []byte {
	decoded, err := hex.DecodeString(text)
	if err != nil {
		panic(err) // a constant of ours
	}
	return decoded
}

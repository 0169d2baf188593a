// Package secure is the part of the protocol that stands between the RPC stream and the session: key exchange, sealed
// channel, identities and the identity handshake (docs/protocol.md, sections 2 to 4). It knows no network and no clock.
package secure

import "fmt"

// Kind says which of the three families of failure ended a session (docs/protocol.md, section 8).
type Kind int

const (
	// Session is any failure that is neither of the others: a frame that does not open, a displaced session.
	Session Kind = iota
	// Auth is a failed identity, signature, pairing or permission.
	Auth
	// Protocol is an item that may not come, or may not look like this.
	Protocol
)

// Fault is why a session ends. Reason is for our own log: it may say more than a peer should learn.
type Fault struct {
	Kind   Kind
	Reason string
}

func (f *Fault) Error() string { return f.Reason }

// Refuse makes a Fault.
func Refuse(kind Kind, format string, args ...any) error {
	return &Fault{Kind: kind, Reason: fmt.Sprintf(format, args...)}
}

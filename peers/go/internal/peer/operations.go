package peer

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	v1 "syncspec.example/peer/internal/pb/v1"
	"syncspec.example/peer/internal/secure"
)

// Bytes of operations that one client may have us hold.
const receivedBytesMax = 512 << 20

// Operations holds our own operations and, apart from them, those received from clients. What it hands out is never
// changed.
type Operations struct {
	mu       sync.Mutex
	own      []*v1.Operation
	changed  signal
	received map[string]*ledger // by the client's key id
	lastID   int64
}

// ledger is what one client has sent. Nothing a client sends can reach another's.
type ledger struct {
	operations map[int64]*v1.Operation // by original id
	flows      map[int64]*flow         // by original flow id
	bytes      int
}

// flow is the local id of a client's flow, kept while an operation uses it.
type flow struct {
	id   int64
	uses int
}

// NewOperations makes an empty store.
func NewOperations() *Operations {
	return &Operations{changed: newSignal(), received: map[string]*ledger{}}
}

// ReadOperations reads a file in protobuf's JSON mapping of v1.OperationList.
func ReadOperations(path string) ([]*v1.Operation, error) {
	list := new(v1.OperationList)
	if err := readJSON(path, list); err != nil {
		return nil, err
	}
	seen := map[int64]bool{}
	for _, operation := range list.GetOperations() {
		if missing := missingField(operation); missing != "" || seen[operation.GetId()] {
			return nil, fmt.Errorf("%s: operation %d: field %s missing, or id twice", path, operation.GetId(), missing)
		}
		seen[operation.GetId()] = true
	}
	return list.GetOperations(), nil
}

// SetOwn replaces our own operations; sessions with hosts then send what changed.
func (o *Operations) SetOwn(own []*v1.Operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.own = own
	o.changed.raise()
}

// PutOwn sets one of our own operations, in place of the one with its id or beside the others.
func (o *Operations) PutOwn(operation *v1.Operation) {
	o.changeOwn(operation.GetId(), operation)
}

// DeleteOwn takes one out.
func (o *Operations) DeleteOwn(id int64) { o.changeOwn(id) }

func (o *Operations) changeOwn(id int64, with ...*v1.Operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	others := slices.DeleteFunc(slices.Clone(o.own), func(held *v1.Operation) bool { return held.GetId() == id })
	o.own = append(others, with...)
	o.changed.raise()
}

// Own returns our own operations and a channel that is closed when they have changed.
func (o *Operations) Own() ([]*v1.Operation, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.own, o.changed.channel()
}

// All returns our own operations and every received one.
func (o *Operations) All() []*v1.Operation {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := slices.Clone(o.own)
	for _, ledger := range o.received {
		all = slices.AppendSeq(all, maps.Values(ledger.operations))
	}
	return all
}

// Put stores what a client sent, or nothing if one of them cannot be stored.
func (o *Operations) Put(owner string, sent []*v1.Operation) error {
	for _, operation := range sent {
		if missing := missingField(operation); missing != "" {
			return secure.Refuse(secure.Protocol, "operation without %s", missing)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	ledger := o.ledger(owner)
	for _, operation := range sent {
		if ledger.bytes+proto.Size(operation) > receivedBytesMax {
			return secure.Refuse(secure.Session, "more than %d bytes of operations", receivedBytesMax)
		}
		o.put(ledger, owner, operation)
	}
	return nil
}

func (o *Operations) put(ledger *ledger, owner string, sent *v1.Operation) {
	stored := proto.Clone(sent).(*v1.Operation)
	stored.OriginalId, stored.OriginalFlowId, stored.OriginalInstanceKeyid = sent.GetId(), sent.GetFlowId(), owner
	if earlier := ledger.operations[sent.GetId()]; earlier != nil {
		stored.Id = earlier.GetId()
		// Taken out before it is put back: it may have moved to another flow, and its size differs.
		defer ledger.release(earlier)
	} else {
		stored.Id = o.newID()
	}
	if ledger.flows[sent.GetFlowId()] == nil {
		ledger.flows[sent.GetFlowId()] = &flow{id: o.newID()}
	}
	ledger.flows[sent.GetFlowId()].uses++
	stored.FlowId = ledger.flows[sent.GetFlowId()].id
	ledger.bytes += proto.Size(stored)
	ledger.operations[sent.GetId()] = stored
}

// Delete removes a client's operations by the ids it gave them. Unknown ids are ignored.
func (o *Operations) Delete(owner string, ids []int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		o.ledger(owner).remove(id)
	}
}

// Reconcile compares what we hold of a client with its manifest: operations that are not listed go, and the ids of those
// that we lack or have with another modno come back, in the manifest's order.
func (o *Operations) Reconcile(owner string, ids, modnos []int64) ([]int64, error) {
	if len(ids) != len(modnos) {
		return nil, secure.Refuse(secure.Protocol, "manifest of %d ids and %d modnos", len(ids), len(modnos))
	}
	listed := make(map[int64]bool, len(ids))
	for _, id := range ids {
		listed[id] = true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	ledger := o.ledger(owner)
	for id := range ledger.operations {
		if !listed[id] {
			ledger.remove(id)
		}
	}
	var wanted []int64
	for i, id := range ids {
		if held := ledger.operations[id]; held == nil || held.GetModno() != modnos[i] {
			wanted = append(wanted, id)
		}
	}
	return wanted, nil
}

func (o *Operations) ledger(owner string) *ledger {
	if o.received[owner] == nil {
		o.received[owner] = &ledger{operations: map[int64]*v1.Operation{}, flows: map[int64]*flow{}}
	}
	return o.received[owner]
}

// newID serves operations and flows alike. Our own operations have ids of their own: the two are never looked up together.
func (o *Operations) newID() int64 {
	o.lastID++
	return o.lastID
}

func (l *ledger) remove(id int64) {
	if stored := l.operations[id]; stored != nil {
		delete(l.operations, id)
		l.release(stored)
	}
}

func (l *ledger) release(stored *v1.Operation) {
	l.bytes -= proto.Size(stored)
	used := l.flows[stored.GetOriginalFlowId()]
	if used.uses--; used.uses == 0 {
		delete(l.flows, stored.GetOriginalFlowId())
	}
}

// missingField names the first field without which an operation cannot be found or permitted. The protocol names none.
func missingField(operation *v1.Operation) string {
	switch {
	case operation.GetId() == 0:
		return "id"
	case operation.GetFlowId() == 0:
		return "flow_id"
	case operation.GetRepoId() == "":
		return "repo_id"
	case operation.GetPlanId() == "":
		return "plan_id"
	case operation.GetInstanceId() == "":
		return "instance_id"
	}
	return ""
}

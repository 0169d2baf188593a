package peer

import (
	"iter"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	types "syncspec.example/peer/internal/pb/types"
	v1 "syncspec.example/peer/internal/pb/v1"
	pb "syncspec.example/peer/internal/pb/v1sync"
	"syncspec.example/peer/internal/secure"
)

const (
	batchOperations = 512
	batchBytes      = 8 << 20
)

// clientSession is a session with a host (docs/protocol.md, section 7).
type clientSession struct {
	session
	config   *v1.Config
	admitted bool
	told     map[int64]int64 // modno of each operation that the host has been told of, by id
}

func (c *clientSession) refresh() (<-chan struct{}, error) {
	if c.told != nil {
		return c.sendChanges()
	}
	if err := c.stream.write(configView(c.config, c.granted), c.resources()); err != nil {
		return nil, err
	}
	return c.sendManifest()
}

func (c *clientSession) receive(item *pb.SyncStreamItem) error {
	if err := c.forgetSecret(); err != nil {
		return err
	}
	switch action := item.GetAction().(type) {
	case *pb.SyncStreamItem_RequestOperationData:
		return c.sendRequested(action.RequestOperationData.GetOpIds())
	case *pb.SyncStreamItem_OperationManifest:
		_, err := c.sendManifest()
		return err
	case *pb.SyncStreamItem_RequestResources:
		return c.stream.write(c.resources())
	case *pb.SyncStreamItem_SetConfig:
		return c.Store.setConfig(c.entry, c.granted, action.SetConfig)
	case *pb.SyncStreamItem_ReceiveConfig:
		if action.ReceiveConfig.GetConfig() == nil {
			return secure.Refuse(secure.Protocol, "receive_config without a config")
		}
	}
	return c.States.receive(&c.session, item)
}

func (c *clientSession) resources() *pb.SyncStreamItem {
	return resourceView(c.config, c.granted.mayKnow)
}

// forgetSecret takes the pairing secret out of the config once the host has sent something: only then are we admitted.
func (c *clientSession) forgetSecret() error {
	if c.admitted || c.entry.GetInitialPairingSecret() == "" {
		return nil
	}
	c.admitted = true
	return c.Store.Update(func(config *v1.Config) (bool, error) {
		if host := findPeer(config.GetMultihost().GetKnownHosts(), c.entry.GetKeyid()); host != nil {
			host.InitialPairingSecret = ""
		}
		return false, nil
	})
}

// visible lists the operations that the host may read.
func (c *clientSession) visible() ([]*v1.Operation, <-chan struct{}) {
	own, changed := c.Operations.Own()
	mayRead := operationView(c.config, c.granted)
	visible := slices.DeleteFunc(slices.Clone(own), func(operation *v1.Operation) bool { return !mayRead(operation) })
	return visible, changed
}

func (c *clientSession) sendManifest() (<-chan struct{}, error) {
	visible, changed := c.visible()
	c.told = make(map[int64]int64, len(visible))
	manifest := new(pb.SyncStreamItem_SyncActionOperationManifest)
	for _, operation := range visible {
		c.told[operation.GetId()] = operation.GetModno()
		manifest.OpIds = append(manifest.OpIds, operation.GetId())
		manifest.Modnos = append(manifest.Modnos, operation.GetModno())
	}
	return changed, c.stream.write(&pb.SyncStreamItem{
		Action: &pb.SyncStreamItem_OperationManifest{OperationManifest: manifest},
	})
}

// sendChanges compares what the host was told with what there is now: no change can be missed, and none has to be queued.
func (c *clientSession) sendChanges() (<-chan struct{}, error) {
	visible, changed := c.visible()
	var created, updated []*v1.Operation
	gone := c.told
	c.told = make(map[int64]int64, len(visible))
	for _, operation := range visible {
		modno, known := gone[operation.GetId()]
		delete(gone, operation.GetId())
		c.told[operation.GetId()] = operation.GetModno()
		if !known {
			created = append(created, operation)
		} else if modno != operation.GetModno() {
			updated = append(updated, operation)
		}
	}
	err := c.sendBatches(slices.Values(created), func(list *v1.OperationList) *v1.OperationEvent {
		return &v1.OperationEvent{Event: &v1.OperationEvent_CreatedOperations{CreatedOperations: list}}
	})
	if err == nil {
		err = c.sendBatches(slices.Values(updated), updatedEvent)
	}
	if err == nil && len(gone) > 0 {
		deleted := &types.Int64List{Values: slices.Sorted(maps.Keys(gone))}
		err = c.sendEvent(&v1.OperationEvent{Event: &v1.OperationEvent_DeletedOperations{DeletedOperations: deleted}})
	}
	return changed, err
}

// sendRequested answers with the operations in the asked order. What the host may not read is skipped as if it did not
// exist.
func (c *clientSession) sendRequested(ids []int64) error {
	visible, _ := c.visible()
	byID := make(map[int64]*v1.Operation, len(visible))
	for _, operation := range visible {
		byID[operation.GetId()] = operation
	}
	return c.sendBatches(func(yield func(*v1.Operation) bool) {
		for _, id := range ids {
			if operation := byID[id]; operation != nil && !yield(operation) {
				return
			}
		}
	}, updatedEvent)
}

func updatedEvent(list *v1.OperationList) *v1.OperationEvent {
	return &v1.OperationEvent{Event: &v1.OperationEvent_UpdatedOperations{UpdatedOperations: list}}
}

// sendBatches keeps each item well under the limit of its receiver.
func (c *clientSession) sendBatches(operations iter.Seq[*v1.Operation], event func(*v1.OperationList) *v1.OperationEvent) error {
	var batch []*v1.Operation
	size := 0
	for operation := range operations {
		batch, size = append(batch, operation), size+proto.Size(operation)
		if len(batch) < batchOperations && size < batchBytes {
			continue
		}
		if err := c.sendEvent(event(&v1.OperationList{Operations: batch})); err != nil {
			return err
		}
		batch, size = nil, 0
	}
	if len(batch) == 0 {
		return nil
	}
	return c.sendEvent(event(&v1.OperationList{Operations: batch}))
}

func (c *clientSession) sendEvent(event *v1.OperationEvent) error {
	return c.stream.write(&pb.SyncStreamItem{Action: &pb.SyncStreamItem_ReceiveOperations{
		ReceiveOperations: &pb.SyncStreamItem_SyncActionReceiveOperations{Event: event},
	}})
}

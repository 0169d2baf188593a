//! A host that has no state service.

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tonic::Status;

use super::{Caller, InboundItems, OutboundItems, SyncApp};
use crate::wire::v1sync::{PeerState, SetRemoteClientConfigRequest};

/// An application whose state service is not there: its calls end with UNIMPLEMENTED, as those of a server that never
/// heard of them.
#[derive(Clone, Debug)]
pub struct SyncOnly<A>(pub A);

fn refusal() -> Status {
    Status::unimplemented("this host has no state service")
}

impl<A: SyncApp> SyncApp for SyncOnly<A> {
    fn sync(
        &self,
        inbound: InboundItems,
        outbound: OutboundItems,
    ) -> BoxFuture<'static, Result<(), Status>> {
        self.0.sync(inbound, outbound)
    }

    fn peer_states(&self, _: Caller, _: bool) -> BoxStream<'static, Result<PeerState, Status>> {
        stream::iter([Err(refusal())]).boxed()
    }

    fn set_remote_client_config(
        &self,
        _: Caller,
        _: SetRemoteClientConfigRequest,
    ) -> BoxFuture<'static, Result<(), Status>> {
        async { Err(refusal()) }.boxed()
    }
}

//! The state service beside a client: what it knows of its hosts.

use std::collections::HashMap;

use futures_util::{
    StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tonic::Status;

use super::ClientApp;
use crate::{
    net::serve::{Caller, InboundItems, OutboundItems, SyncApp},
    wire::v1sync::{PeerState, SetRemoteClientConfigRequest},
};

/// A client, to be put behind [`crate::net::serve::serve`] so that its states can be read. Nobody syncs with it there.
#[derive(Clone)]
pub struct ClientStates(ClientApp);

impl ClientStates {
    /// The states of this client's hosts.
    pub fn new(client: ClientApp) -> Self {
        ClientStates(client)
    }
}

impl SyncApp for ClientStates {
    fn sync(&self, _: InboundItems, _: OutboundItems) -> BoxFuture<'static, Result<(), Status>> {
        let refusal = Status::permission_denied("sync is not configured: this is a client");
        Box::pin(async { Err(refusal) })
    }

    fn peer_states(
        &self,
        _caller: Caller,
        subscribe: bool,
    ) -> BoxStream<'static, Result<PeerState, Status>> {
        let mut changes = self.0.changes();
        // What changes from here on is told behind the snapshot.
        changes.mark_unchanged();
        let snapshot = self.0.peer_states();
        if !subscribe {
            return stream::iter(snapshot).map(Ok).boxed();
        }
        let told: HashMap<String, PeerState> = snapshot
            .iter()
            .map(|state| (state.peer_keyid.clone(), state.clone()))
            .collect();
        let updates = stream::unfold(
            (self.0.clone(), changes, told),
            |(client, mut changes, mut told)| async move {
                changes.changed().await.ok()?;
                let mut news = client.peer_states();
                news.retain(|state| told.get(&state.peer_keyid) != Some(state));
                told.extend(news.iter().map(|one| (one.peer_keyid.clone(), one.clone())));
                Some((stream::iter(news), (client, changes, told)))
            },
        );
        let snapshot = stream::iter(snapshot);
        snapshot.chain(updates.flatten()).map(Ok).boxed()
    }

    fn set_remote_client_config(
        &self,
        _caller: Caller,
        request: SetRemoteClientConfigRequest,
    ) -> BoxFuture<'static, Result<(), Status>> {
        let refusal = match request.peer_keyid.is_empty() {
            true => Status::invalid_argument("the key id is empty"),
            false => Status::not_found("no client of this key id is connected"),
        };
        Box::pin(async { Err(refusal) })
    }
}

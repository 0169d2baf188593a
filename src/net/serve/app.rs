//! The seam between the RPC server and the host behind it, and what carries items across.

use std::{fmt, sync::Arc};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::sleep_until,
};
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use super::{deadline::Deadline, limits::OUTBOUND_ITEMS_MAX};
use crate::wire::{
    SyncStreamItem,
    v1sync::{
        PeerState, SetRemoteClientConfigRequest, SetRemoteClientConfigResponse,
        SyncStateStreamRequest, backrest_sync_service_server::BackrestSyncService,
        backrest_sync_state_service_server::BackrestSyncStateService,
    },
};

/// Items as the caller sends them. Ends with `None` when the caller half-closes; with one error, then `None`, when bytes
/// are no item (INTERNAL), an item is too long (RESOURCE_EXHAUSTED), the deadline passes (DEADLINE_EXCEEDED) or the server is leaving (UNAVAILABLE); and in either
/// way when the caller is gone, since HTTP/2 may tell of a reset first or last.
pub type InboundItems = BoxStream<'static, Result<SyncStreamItem, Status>>;

/// What stands behind the server.
///
/// Each call's future runs to its end even when the caller is gone, so that it can tidy up: it sees its inbound items
/// end and its outbound items refused.
pub trait SyncApp: Send + Sync + 'static {
    /// One sync stream. Its result is the stream's status, sent after everything that was queued before.
    fn sync(
        &self,
        inbound: InboundItems,
        outbound: OutboundItems,
    ) -> BoxFuture<'static, Result<(), Status>>;

    /// The states of all peers, and with `subscribe` each change from then on. Dropped when the caller is gone.
    fn peer_states(
        &self,
        caller: Caller,
        subscribe: bool,
    ) -> BoxStream<'static, Result<PeerState, Status>>;

    /// Sends one `set_config` to a connected client.
    fn set_remote_client_config(
        &self,
        caller: Caller,
        request: SetRemoteClientConfigRequest,
    ) -> BoxFuture<'static, Result<(), Status>>;
}

/// Who calls the state service, as far as the request says.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The request's headers, an `authorization` among them.
    pub metadata: MetadataMap,
}

/// The way back to the caller; holds [`OUTBOUND_ITEMS_MAX`] items ahead of it.
#[derive(Clone, Debug)]
pub struct OutboundItems {
    items: mpsc::Sender<SyncStreamItem>,
    over: Over,
}

impl OutboundItems {
    /// Queues an item, waiting for room. Cancel-safe: the item is queued or it is not.
    pub async fn send(&self, item: SyncStreamItem) -> Result<(), CallOver> {
        tokio::select! {
            biased;
            _ = self.over.clone().wait() => Err(CallOver),
            sent = self.items.send(item) => sent.map_err(|_| CallOver),
        }
    }
}

impl OutboundItems {
    /// Resolves once the call is over for the caller.
    pub(crate) async fn closed(&self) {
        self.over.clone().wait().await;
    }
}

/// The caller will receive nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallOver;

impl fmt::Display for CallOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("send an item: the call is over")
    }
}

impl std::error::Error for CallOver {}

/// tonic's view of an application.
#[derive(Debug)]
pub(super) struct Host<A: ?Sized> {
    pub(super) app: Arc<A>,
    /// Tells every call that the server is leaving.
    pub(super) leaving: Over,
}

impl<A: ?Sized> Clone for Host<A> {
    fn clone(&self) -> Host<A> {
        Host {
            app: self.app.clone(),
            leaving: self.leaving.clone(),
        }
    }
}

#[tonic::async_trait]
impl<A: SyncApp + ?Sized> BackrestSyncService for Host<A> {
    type SyncStream = BoxStream<'static, Result<SyncStreamItem, Status>>;

    async fn sync(
        &self,
        request: Request<Streaming<SyncStreamItem>>,
    ) -> Result<Response<Self::SyncStream>, Status> {
        let deadline = request.extensions().get::<Deadline>().copied();
        let (end, over) = Over::channel();
        let (items, queued) = mpsc::channel(OUTBOUND_ITEMS_MAX);
        let received = request.into_inner().map(|item| item.map_err(over_limit));
        let inbound = until_over(received, over.clone());
        let outbound = OutboundItems { items, over };
        let session = self.app.sync(inbound, outbound);
        let session = tokio::spawn(within(session, deadline, end.clone()));
        let answers = Answers {
            queued,
            session: Some(session),
            status: None,
            deadline,
            end,
            leaving: self.leaving.clone(),
        };
        let answers = stream::unfold(answers, |mut answers| async move {
            let answer = answers.next().await?;
            Some((answer, answers))
        });
        Ok(Response::new(answers.boxed()))
    }
}

#[tonic::async_trait]
impl<A: SyncApp + ?Sized> BackrestSyncStateService for Host<A> {
    type GetPeerSyncStatesStreamStream = BoxStream<'static, Result<PeerState, Status>>;

    async fn get_peer_sync_states_stream(
        &self,
        request: Request<SyncStateStreamRequest>,
    ) -> Result<Response<Self::GetPeerSyncStatesStreamStream>, Status> {
        let (metadata, _, SyncStateStreamRequest { subscribe }) = request.into_parts();
        let states = self.app.peer_states(Caller { metadata }, subscribe);
        Ok(Response::new(until_over(states, self.leaving.clone())))
    }

    async fn set_remote_client_config(
        &self,
        request: Request<SetRemoteClientConfigRequest>,
    ) -> Result<Response<SetRemoteClientConfigResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let caller = Caller { metadata };
        self.app.set_remote_client_config(caller, request).await?;
        Ok(Response::new(SetRemoteClientConfigResponse {}))
    }
}

/// Whether something is over, and with which status; known to any number of waiters.
#[derive(Clone, Debug)]
pub(super) struct Over(watch::Receiver<Option<Status>>);

/// The other end of [`Over`].
#[derive(Clone, Debug)]
pub(super) struct End(Arc<watch::Sender<Option<Status>>>);

impl End {
    /// Says that it is over; the first to say so gives the reason.
    pub(super) fn tell(&self, status: Status) {
        self.0.send_if_modified(|told| {
            let is_first = told.is_none();
            told.get_or_insert(status);
            is_first
        });
    }
}

impl Over {
    pub(super) fn channel() -> (End, Over) {
        let (end, over) = watch::channel(None);
        (End(Arc::new(end)), Over(over))
    }

    pub(super) async fn wait(mut self) -> Status {
        let status = self.0.wait_for(Option::is_some).await;
        let status = status.ok().and_then(|status| status.clone());
        status.unwrap_or_else(|| Status::cancelled("the call is over"))
    }
}

/// tonic's word for a message over the limit is OUT_OF_RANGE, which no other gRPC library says; ours for any limit is
/// RESOURCE_EXHAUSTED.
fn over_limit(status: Status) -> Status {
    match status.code() {
        tonic::Code::OutOfRange => Status::resource_exhausted(status.message()),
        _ => status,
    }
}

/// Passes a stream on until it ends or something is over, which is its last error.
fn until_over<T: Send + 'static>(
    items: impl stream::Stream<Item = Result<T, Status>> + Send + Unpin + 'static,
    over: Over,
) -> BoxStream<'static, Result<T, Status>> {
    let state = Some((items, over));
    let items = stream::unfold(state, |state| async move {
        let (mut items, over) = state?;
        tokio::select! {
            biased;
            status = over.clone().wait() => Some((Err(status), None)),
            item = items.next() => match item? {
                Ok(item) => Some((Ok(item), Some((items, over)))),
                Err(status) => Some((Err(status), None)),
            },
        }
    });
    items.fuse().boxed()
}

/// Runs a session to its end; a deadline that passes first is told to it, not forced on it.
async fn within(
    mut session: BoxFuture<'static, Result<(), Status>>,
    deadline: Option<Deadline>,
    end: End,
) -> Result<(), Status> {
    if let Some(Deadline(at)) = deadline {
        tokio::select! {
            result = &mut session => return result,
            () = sleep_until(at) => {
                end.tell(Deadline::status());
            }
        }
    }
    session.await
}

/// What a sync stream answers: the items queued, then the session's status. Dropped when the caller is gone.
struct Answers {
    queued: mpsc::Receiver<SyncStreamItem>,
    session: Option<JoinHandle<Result<(), Status>>>,
    status: Option<Status>,
    deadline: Option<Deadline>,
    end: End,
    leaving: Over,
}

impl Answers {
    async fn next(&mut self) -> Option<Result<SyncStreamItem, Status>> {
        if let Some(session) = &mut self.session {
            tokio::select! {
                biased;
                status = self.leaving.clone().wait() => {
                    self.session = None;
                    self.queued.close();
                    self.end.tell(status.clone());
                    return Some(Err(status));
                }
                Some(item) = self.queued.recv() => return Some(Ok(item)),
                result = session => {
                    self.session = None;
                    self.queued.close();
                    self.status = match result {
                        Ok(result) => result.err(),
                        Err(_) => Some(Status::internal("the session panicked")),
                    };
                }
            }
        }
        match self.queued.recv().await {
            Some(item) => Some(Ok(item)),
            None => self.status.take().map(Err),
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        // The body may be dropped because of the deadline, before the session was told.
        let status = match self.deadline {
            Some(deadline) if deadline.has_passed() => Deadline::status(),
            _ => Status::cancelled("the caller is gone"),
        };
        self.end.tell(status);
    }
}

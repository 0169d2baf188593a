//! One stream of the reference host: its session machine, its timer, and what the mind wants sent.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{OwnedMutexGuard, mpsc, watch};
use tonic::Status;

use super::{
    Shared,
    lapsing::{self, End},
};
use crate::{
    crypto::kem::EncapsulationRandomness,
    lapses::{Lapse, Lapses},
    net::{
        dawdle::dawdle,
        due::due,
        serve::{InboundItems, OutboundItems},
    },
    reference::{
        effect::{Gone, SessionId},
        host::Refusal,
        store::StoreFault,
    },
    session::{Class, Input, Output, ResponderParams, Session, StepError, Violation},
    wire::{Action, Code},
};

/// What the mind wants of a stream.
pub(super) struct Orders {
    /// Actions to seal and send, in order.
    pub queue: mpsc::Receiver<Action>,
    /// Set once the stream is to end, after what is queued where it ends well.
    pub ended: watch::Receiver<Option<Result<(), Violation>>>,
}

/// How a stream came to its end.
enum Ending {
    /// The mind, or the session machine, ended it.
    Ended(Result<(), Violation>),
    /// Our store failed.
    Failed(StoreFault),
    /// The caller went, or broke the RPC.
    Left(Status),
    /// The caller half-closed; a session is both directions.
    HalfClosed,
    /// The caller takes nothing any more.
    Unreadable,
}

/// Runs one stream to its end, and says with which status.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut inbound: InboundItems,
    outbound: OutboundItems,
) -> Result<(), Status> {
    let lapses = shared.lapses();
    shared.lapsing.check_alive()?;
    let turn = shared.lapsing.turn(lapses).await;
    let randomness = fresh_randomness(lapses)?;
    let (id, orders) = shared.open().map_err(|crowded| crowded.status())?;
    let params = ResponderParams {
        local: shared.local.clone(),
        encapsulation: randomness,
    };
    let (session, outputs) = Session::responder(params, shared.now().monotonic);
    let mut stream = Stream {
        shared: shared.clone(),
        id,
        session: Some(session),
        outbound: outbound.clone(),
        wake: None,
        turn,
        secret: String::new(),
    };
    let ending = stream.run(outputs, &mut inbound, orders).await;
    shared.close(id, &ending.gone());
    ending.log(id);
    if let Ending::Ended(Err(violation)) = &ending {
        shared.lapsing.suffer(violation.class, lapses);
    }
    lapsing::hold_back(ending.kind(), &mut inbound, &outbound, lapses).await;
    ending.into_status(&stream.secret, lapses)
}

fn fresh_randomness(lapses: Lapses) -> Result<EncapsulationRandomness, Status> {
    let mut seed = [0; 32];
    if lapses.has(Lapse::EncapsulationReused) {
        return Ok(EncapsulationRandomness::from_seed(&seed));
    }
    getrandom::fill(&mut seed)
        .map_err(|error| Status::internal(format!("failed to draw randomness: {error}")))?;
    Ok(EncapsulationRandomness::from_seed(&seed))
}

struct Stream {
    shared: Arc<Shared>,
    id: SessionId,
    /// None only while a step is under way.
    session: Option<Session>,
    outbound: OutboundItems,
    wake: Option<Duration>,
    /// Held by a host that serves one caller at a time.
    turn: Option<OwnedMutexGuard<()>>,
    /// The secret the caller sent, for a host that repeats it.
    secret: String,
}

impl Stream {
    async fn run(
        &mut self,
        first: Vec<Output>,
        inbound: &mut InboundItems,
        mut orders: Orders,
    ) -> Ending {
        let mut ended = orders.ended.clone();
        let mut todo = Some(first);
        loop {
            if let Some(outputs) = todo.take()
                && let Err(ending) = self.carry_out(outputs, &mut ended).await
            {
                return self.finish(ending, &mut orders).await;
            }
            let wake = self.wake.map(|at| self.shared.started + at);
            let input = tokio::select! {
                biased;
                ending = over(&mut ended) => return self.finish(Ending::Ended(ending), &mut orders).await,
                Some(action) = orders.queue.recv() => Input::Submit(action),
                item = inbound.next() => match item {
                    Some(Ok(item)) => Input::Received(item),
                    Some(Err(status)) => return Ending::Left(status),
                    None => return Ending::HalfClosed,
                },
                () = due(wake) => Input::TimePassed,
            };
            match self.step(input) {
                Ok(outputs) => todo = Some(outputs),
                Err(violation) => {
                    return self
                        .finish(Ending::Ended(Err(violation)), &mut orders)
                        .await;
                }
            }
        }
    }

    fn step(&mut self, input: Input) -> Result<Vec<Output>, Violation> {
        let Some(session) = self.session.take() else {
            return Ok(Vec::new());
        };
        match session.step(input, self.shared.now().monotonic) {
            Ok((session, outputs)) => {
                self.session = Some(session);
                Ok(outputs)
            }
            Err(StepError::Violation(violation)) => Err(violation),
            // The mind sends nothing to a stream that it has not admitted.
            Err(StepError::Misuse(_)) => Ok(Vec::new()),
        }
    }

    async fn carry_out(
        &mut self,
        outputs: Vec<Output>,
        ended: &mut watch::Receiver<Option<Result<(), Violation>>>,
    ) -> Result<(), Ending> {
        for output in outputs {
            match output {
                Output::Send(item) => {
                    dawdle(self.shared.lapses()).await;
                    // A caller that does not read must not keep a displaced or revoked session alive.
                    tokio::select! {
                        biased;
                        sent = self.outbound.send(item) => sent.map_err(|_| Ending::Unreadable)?,
                        ending = over(ended) => return Err(Ending::Ended(ending)),
                    }
                }
                Output::WakeAt(at) => self.wake = Some(at),
                Output::NoWake => self.wake = None,
                Output::PeerVerified(peer) => {
                    let now = self.shared.now();
                    if self.shared.lapses().has(Lapse::SecretInStatus) {
                        self.secret.clone_from(&peer.pairing_secret);
                    }
                    let mut mind = self.shared.lock();
                    let effects = mind.host.admit(self.id, &peer, now).map_err(refused)?;
                    mind.admitted(self.id);
                    tracing::info!(
                        session = self.id.0,
                        client = %peer.instance_id.escape_debug(),
                        keyid = peer.keyid,
                        "a client was admitted"
                    );
                    self.shared.carry_out(&mut mind, effects);
                    if self.shared.lapses().has(Lapse::OneHandshakeAtATime) {
                        self.turn = None;
                    }
                }
                Output::Deliver(action) => {
                    let now = self.shared.now();
                    let mut mind = self.shared.lock();
                    let effects = mind.host.receive(self.id, action, now).map_err(refused)?;
                    self.shared.carry_out(&mut mind, effects);
                }
            }
        }
        Ok(())
    }

    /// What the mind wanted sent before the end is still sent, as far as the caller reads without being waited for.
    async fn finish(&mut self, ending: Ending, orders: &mut Orders) -> Ending {
        orders.queue.close();
        while let Ok(action) = orders.queue.try_recv() {
            let Ok(outputs) = self.step(Input::Submit(action)) else {
                break;
            };
            for output in outputs {
                if let Output::Send(item) = output
                    && !matches!(self.outbound.send(item).now_or_never(), Some(Ok(())))
                {
                    return ending;
                }
            }
        }
        ending
    }
}

fn refused(refusal: Refusal) -> Ending {
    match refusal {
        Refusal::Violation(violation) => Ending::Ended(Err(violation)),
        Refusal::Store(fault) => Ending::Failed(fault),
    }
}

/// Resolves once the mind has ended the stream.
async fn over(ended: &mut watch::Receiver<Option<Result<(), Violation>>>) -> Result<(), Violation> {
    match ended.wait_for(Option::is_some).await {
        Ok(ending) => ending.clone().unwrap_or(Ok(())),
        // The mind keeps the other end until the stream closes.
        Err(_) => Ok(()),
    }
}

impl Ending {
    fn gone(&self) -> Gone {
        match self {
            Ending::Ended(Ok(())) => Gone::Ended(Code::Ok),
            Ending::Ended(Err(violation)) => Gone::Violation(violation.clone()),
            Ending::Failed(fault) => Gone::Failed(fault.to_string()),
            Ending::Left(status) => Gone::Lost(status.message().to_owned()),
            Ending::HalfClosed => Gone::Lost("the peer ended its side of the stream".to_owned()),
            Ending::Unreadable => Gone::Lost("the peer is gone".to_owned()),
        }
    }

    fn kind(&self) -> End {
        match self {
            Ending::Ended(Err(_)) => End::Refusal,
            Ending::Left(_) => End::Broken,
            Ending::HalfClosed => End::HalfClosed,
            Ending::Ended(Ok(())) | Ending::Failed(_) | Ending::Unreadable => End::Other,
        }
    }

    fn log(&self, id: SessionId) {
        let session = id.0;
        match self {
            Ending::Ended(Ok(())) => tracing::info!(session, "a session was ended"),
            Ending::Ended(Err(violation)) => tracing::info!(
                session,
                rule = violation.rule.as_str(),
                seen = %violation.seen.escape_debug(),
                "a session was ended"
            ),
            Ending::Failed(fault) => {
                tracing::error!(session, %fault, "failed to keep what a client sent");
            }
            Ending::Left(_) | Ending::HalfClosed | Ending::Unreadable => {
                tracing::info!(session, "a caller left");
            }
        }
    }

    /// The peer learns the kind of its failure; which check failed is for our log alone.
    fn into_status(self, secret: &str, lapses: Lapses) -> Result<(), Status> {
        match self {
            Ending::Ended(Ok(())) => Ok(()),
            Ending::Ended(Err(violation)) if !lapses.is_honest() => {
                lapsing::status(&violation, public_words(violation.class), secret, lapses)
            }
            Ending::Left(_) if lapses.has(Lapse::BrokenFrameOk) => Ok(()),
            Ending::Ended(Err(violation)) => Err(Status::new(
                i32::from(violation.code().number()).into(),
                public_words(violation.class),
            )),
            Ending::Failed(_) => Err(Status::internal("failed to keep what was sent")),
            Ending::Left(status) => Err(status),
            Ending::HalfClosed => Err(Status::internal("the stream was half-closed")),
            Ending::Unreadable => Err(Status::cancelled("the caller is gone")),
        }
    }
}

fn public_words(class: Class) -> &'static str {
    match class {
        Class::Auth => "not authorized",
        Class::Protocol => "protocol error",
        Class::Session => "session error",
        Class::Limit => "limit exceeded",
    }
}

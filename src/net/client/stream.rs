//! One dial, from the connection to the end of the session it led to: its session machine, its timer, and what the mind
//! wants sent.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use prost::Message as _;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{
    CLOSE_WAIT,
    ending::Ending,
    keep,
    shared::{HowToEnd, Order, Orders, Shared},
};
use crate::{
    lapses::{Lapse, Lapses},
    net::{
        dawdle::dawdle,
        dial::{Connection, DialOptions},
        due::due,
        error::LinkError,
        link::{Link, LinkEvent, OutFrame},
    },
    reference::{
        client::Dial,
        effect::{Gone, SessionId},
    },
    rules::RuleId,
    session::{InitiatorParams, Input, Local, Output, Session, Violation},
    wire::{SyncStreamItem, decode},
};

/// One attempt to reach a host, about to begin.
pub(super) struct Attempt {
    pub session: SessionId,
    pub dial: Dial,
    pub local: Local,
    /// The config it shows the host.
    pub config_version: u64,
    pub orders: Orders,
    pub shared: Arc<Shared>,
}

/// Tells the mind of the end of an attempt once, even if its task is aborted or panics.
struct Departure {
    shared: Arc<Shared>,
    session: SessionId,
    why: Gone,
}

impl Drop for Departure {
    fn drop(&mut self) {
        self.shared.close(self.session, &self.why);
    }
}

/// Runs one attempt to its end.
pub(super) async fn run(attempt: Attempt) {
    let host = attempt.dial.expected.instance_id.clone();
    let mut departure = Departure {
        shared: attempt.shared.clone(),
        session: attempt.session,
        why: Gone::Lost("the attempt was given up".to_owned()),
    };
    tracing::debug!(%host, "dialling");
    let (ending, stream) = match attempt.open().await {
        Err(ending) => (ending, None),
        Ok(mut stream) => (stream.run().await, Some(stream)),
    };
    ending.log(&host);
    departure.why = ending.gone();
    drop(departure);
    if let Some(stream) = stream {
        let is_failed = matches!(ending, Ending::Violation(_));
        if is_failed && stream.shared.lapses().has(Lapse::FailedStreamLeftOpen) {
            std::future::pending::<()>().await;
        }
        stream.close().await;
    }
}

impl Attempt {
    async fn open(self) -> Result<Stream, Ending> {
        let Attempt {
            session,
            dial,
            local,
            config_version,
            orders,
            shared,
        } = self;
        let mut ended = orders.ended.clone();
        let (connection, link) = tokio::select! {
            biased;
            how = over(&mut ended) => return Err(how.into()),
            opened = connect(&shared, &dial, config_version) => opened?,
        };
        let host = dial.expected.instance_id.clone();
        let params = InitiatorParams {
            local,
            kem_seed: fresh_seed(shared.lapses())?,
            expected: dial.expected,
            pairing_secret: dial.pairing_secret,
        };
        let (machine, first) = Session::initiator(params, shared.now().monotonic);
        Ok(Stream {
            id: session,
            host,
            is_admitted: false,
            machine: Some(machine),
            first,
            connection,
            link,
            is_mid_item: false,
            wake: None,
            queue: orders.queue,
            ended,
            shared,
        })
    }
}

async fn connect(
    shared: &Shared,
    dial: &Dial,
    config_version: u64,
) -> Result<(Connection, Link), Ending> {
    keep::until_kept(&mut shared.kept(), config_version).await?;
    let options = DialOptions {
        tls_roots: shared.options.tls_roots.clone(),
        step_wait: shared.options.step_wait,
        limits: shared.options.limits,
        pings: Some(shared.options.pings),
        ..DialOptions::new(&dial.url, shared.options.protocol)
    };
    let connection = Connection::dial(&options).await?;
    let link = connection.open_sync().await?;
    Ok((connection, link))
}

fn fresh_seed(lapses: Lapses) -> Result<[u8; 32], Ending> {
    let mut seed = [0; 32];
    if lapses.has(Lapse::KemKeyReused) {
        return Ok(seed);
    }
    getrandom::fill(&mut seed)
        .map_err(|error| Ending::OurFault(format!("draw randomness: {error}")))?;
    Ok(seed)
}

struct Stream {
    id: SessionId,
    /// Its instance id, for the log.
    host: String,
    is_admitted: bool,
    /// None only while a step is under way.
    machine: Option<Session>,
    /// What the machine wants done first.
    first: Vec<Output>,
    connection: Connection,
    link: Link,
    /// Set while an item is being sent, and ever after if that came to nothing.
    is_mid_item: bool,
    wake: Option<Duration>,
    queue: mpsc::UnboundedReceiver<Order>,
    ended: watch::Receiver<Option<HowToEnd>>,
    shared: Arc<Shared>,
}

impl Stream {
    async fn run(&mut self) -> Ending {
        let ending = match self.serve().await {
            Err(ending) => ending,
            Ok(never) => match never {},
        };
        if matches!(ending, Ending::Wanted) && !self.is_mid_item {
            // A host that does not take it in time goes without.
            let _ = timeout(CLOSE_WAIT, self.flush()).await;
        }
        ending
    }

    async fn serve(&mut self) -> Result<Infallible, Ending> {
        let mut outputs = std::mem::take(&mut self.first);
        loop {
            self.carry_out(outputs).await?;
            let input = self.next_input().await?;
            outputs = self.step(input)?;
        }
    }

    async fn next_input(&mut self) -> Result<Input, Ending> {
        loop {
            let wake = self.wake.map(|at| self.shared.instant(at));
            tokio::select! {
                biased;
                how = over(&mut self.ended) => return Err(how.into()),
                Some(order) = self.queue.recv() => return Ok(Input::Submit(order.action)),
                event = self.link.next() => match event {
                    LinkEvent::Headers(_) => {}
                    LinkEvent::Message { payload, .. } => return read(&payload),
                    LinkEvent::Ended(end) => return Err(Ending::Over(end)),
                },
                () = due(wake) => return Ok(Input::TimePassed),
            }
        }
    }

    fn step(&mut self, input: Input) -> Result<Vec<Output>, Ending> {
        let lost = || Ending::OurFault("step a session that is over".to_owned());
        let machine = self.machine.take().ok_or_else(lost)?;
        let (machine, outputs) = machine.step(input, self.shared.now().monotonic)?;
        self.machine = Some(machine);
        Ok(outputs)
    }

    async fn carry_out(&mut self, outputs: Vec<Output>) -> Result<(), Ending> {
        for output in outputs {
            match output {
                Output::Send(item) => self.send(item).await?,
                Output::WakeAt(at) => self.wake = Some(at),
                Output::NoWake => self.wake = None,
                Output::PeerVerified(host) => self.shared.admit(self.id, &host)?,
                Output::Deliver(action) => {
                    self.shared.receive(self.id, action)?;
                    self.note_admission();
                }
            }
        }
        Ok(())
    }

    /// A host that speaks has let us in; one that only proved its identity may still refuse us.
    fn note_admission(&mut self) {
        if !std::mem::replace(&mut self.is_admitted, true) {
            tracing::info!(host = %self.host, "connected");
        }
    }

    /// Sends an item. A host that does not take it must not keep a stream alive that is to end.
    async fn send(&mut self, item: SyncStreamItem) -> Result<(), Ending> {
        dawdle(self.shared.lapses()).await;
        self.is_mid_item = true;
        let mut sending = pin!(
            self.link
                .send(OutFrame::Message(item.encode_to_vec().into()))
        );
        let (sent, how) = tokio::select! {
            biased;
            sent = &mut sending => (Some(sent), None),
            how = over(&mut self.ended) => (timeout(CLOSE_WAIT, sending).await.ok(), Some(how)),
        };
        match sent {
            // A stream that is over says how in what is still to be read from it.
            Some(Ok(()) | Err(LinkError::StreamOver)) => self.is_mid_item = false,
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
        how.map_or(Ok(()), |how| Err(how.into()))
    }

    /// What the mind wanted sent before the end is still sent.
    async fn flush(&mut self) -> Result<(), Ending> {
        self.queue.close();
        // The end was told already, and is not to stop this too.
        self.ended = watch::channel(None).1;
        while let Ok(order) = self.queue.try_recv() {
            let outputs = self.step(Input::Submit(order.action))?;
            self.carry_out(outputs).await?;
        }
        Ok(())
    }

    /// Leaves no stream open, whatever its host does: says that nothing more comes, gives the host time to end the call,
    /// and then cuts the connection.
    async fn close(mut self) {
        if self.is_mid_item || !self.half_closed_and_ended().await {
            self.connection.cut();
        }
    }

    async fn half_closed_and_ended(&mut self) -> bool {
        let host_ends = async {
            self.link.half_close()?;
            while !matches!(self.link.next().await, LinkEvent::Ended(_)) {}
            Ok::<_, LinkError>(())
        };
        matches!(timeout(CLOSE_WAIT, host_ends).await, Ok(Ok(())))
    }
}

fn read(payload: &[u8]) -> Result<Input, Ending> {
    decode::item(payload).map(Input::Received).map_err(|error| {
        let seen = format!("bytes that are no item: {error}");
        Ending::Violation(Violation::protocol(RuleId::WireMalformedEndsSession, seen))
    })
}

/// Resolves once the mind has ended the stream.
async fn over(ended: &mut watch::Receiver<Option<HowToEnd>>) -> HowToEnd {
    let how = match ended.wait_for(Option::is_some).await {
        Ok(how) => how.clone(),
        // Nobody can end the stream any more.
        Err(_) => None,
    };
    match how {
        Some(how) => how,
        None => std::future::pending().await,
    }
}

//! A client made of the library's parts: a link and a session machine.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use bytes::Bytes;
use prost::Message as _;
use syncspec::{
    crypto::identity::Identity,
    net::{Connection, DialOptions, End, Link, LinkError, LinkEvent, OutFrame, RpcProtocol},
    session::{ExpectedPeer, InitiatorParams, Input, Local, Output, Session, StepError},
    wire::{Action, Code, SyncStreamItem},
};

use crate::{
    host::{CLIENT, HOST, client_identity, crowd_id, crowd_identity, host_identity},
    in_time,
};

/// Each connection needs a key of its own.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// Who dials.
pub struct Client {
    pub identity: Identity,
    pub instance_id: String,
    pub secret: String,
}

impl Client {
    /// The one that the host knows.
    pub fn known() -> Client {
        Client {
            identity: client_identity(),
            instance_id: CLIENT.to_owned(),
            secret: String::new(),
        }
    }

    /// One of many that the host does not.
    pub fn stranger(number: u8, secret: &str) -> Client {
        Client {
            identity: Identity::from_seed(&[number; 32]),
            instance_id: format!("stranger-{number}"),
            secret: secret.to_owned(),
        }
    }

    /// One of the others that the host knows.
    pub fn of_a_crowd(number: u32) -> Client {
        Client {
            identity: crowd_identity(number),
            instance_id: crowd_id(number),
            secret: String::new(),
        }
    }

    fn params(&self) -> InitiatorParams {
        let mut kem_seed = [0; 32];
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        kem_seed[..8].copy_from_slice(&number.to_be_bytes());
        InitiatorParams {
            local: Local::new(self.identity.clone(), self.instance_id.clone()),
            kem_seed,
            expected: ExpectedPeer {
                keyid: host_identity().keyid().to_owned(),
                instance_id: HOST.to_owned(),
            },
            pairing_secret: self.secret.clone(),
        }
    }
}

/// A session with a host.
pub struct Peer {
    session: Option<Session>,
    link: Link,
    inbox: VecDeque<Action>,
    started: Instant,
}

/// Why there is no session any more.
#[derive(Debug)]
#[allow(dead_code, reason = "it is printed by a test that fails")]
pub enum Over {
    Ended(End),
    Link(LinkError),
}

impl Over {
    /// The status, if that is what it ended with.
    pub fn code(&self) -> Option<Code> {
        match self {
            Over::Ended(End::Status(status)) => Some(status.code),
            _ => None,
        }
    }
}

impl Peer {
    /// Dials and waits until the host has admitted the client: it then says what it has.
    pub async fn admitted(url: &str, client: &Client) -> Result<Peer, Over> {
        Peer::admitted_with(&DialOptions::new(url, RpcProtocol::Connect), client).await
    }

    pub async fn admitted_with(options: &DialOptions, client: &Client) -> Result<Peer, Over> {
        let connection = Connection::dial(options).await.map_err(Over::Link)?;
        Peer::admitted_over(&connection, client).await
    }

    /// The same over a connection that others use too.
    pub async fn admitted_over(connection: &Connection, client: &Client) -> Result<Peer, Over> {
        let mut peer = Peer::begun(connection, client).await?;
        let first = peer.next().await?;
        assert_eq!(first.name(), "receiveConfig");
        let second = peer.next().await?;
        assert_eq!(second.name(), "receiveResources");
        Ok(peer)
    }

    async fn begun(connection: &Connection, client: &Client) -> Result<Peer, Over> {
        let link = connection.open_sync().await.map_err(Over::Link)?;
        let started = Instant::now();
        let (session, outputs) = Session::initiator(client.params(), started.elapsed());
        let mut peer = Peer {
            session: Some(session),
            link,
            inbox: VecDeque::new(),
            started,
        };
        peer.carry_out(outputs).await?;
        Ok(peer)
    }

    pub async fn send(&mut self, action: Action) -> Result<(), Over> {
        self.step(Input::Submit(action)).await
    }

    /// Sends a message of any bytes.
    pub async fn send_bytes(&mut self, message: Bytes) -> Result<(), Over> {
        match self.link.send(OutFrame::Message(message)).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.why(error).await),
        }
    }

    /// The next thing the host says.
    pub async fn next(&mut self) -> Result<Action, Over> {
        loop {
            if let Some(action) = self.inbox.pop_front() {
                return Ok(action);
            }
            match in_time(self.link.next()).await {
                LinkEvent::Headers(_) => {}
                LinkEvent::Message { payload, .. } => {
                    let item = SyncStreamItem::decode(payload).unwrap();
                    self.step(Input::Received(item)).await?;
                }
                LinkEvent::Ended(end) => return Err(Over::Ended(end)),
            }
        }
    }

    /// What the session ends with, whatever comes before.
    pub async fn end(&mut self) -> Over {
        loop {
            if let Err(over) = self.next().await {
                return over;
            }
        }
    }

    async fn step(&mut self, input: Input) -> Result<(), Over> {
        let session = self.session.take().unwrap();
        match session.step(input, self.started.elapsed()) {
            Ok((session, outputs)) => {
                self.session = Some(session);
                self.carry_out(outputs).await
            }
            Err(StepError::Violation(violation)) => panic!("the host broke a rule: {violation}"),
            Err(error) => panic!("{error}"),
        }
    }

    async fn carry_out(&mut self, outputs: Vec<Output>) -> Result<(), Over> {
        for output in outputs {
            match output {
                Output::Send(item) => {
                    let message = item.encode_to_vec();
                    self.send_bytes(message.into()).await?;
                }
                Output::Deliver(action) => self.inbox.push_back(action),
                _ => {}
            }
        }
        Ok(())
    }

    /// How a stream ended that takes nothing more.
    async fn why(&mut self, error: LinkError) -> Over {
        if error != LinkError::StreamOver {
            return Over::Link(error);
        }
        loop {
            if let LinkEvent::Ended(end) = in_time(self.link.next()).await {
                return Over::Ended(end);
            }
        }
    }
}

//! A client made of the library's parts: a link and a session machine.

use std::{collections::VecDeque, time::Instant};

use prost::Message as _;
use syncspec::{
    crypto::{identity::KeyPolicy, kem::KemId},
    lapses::Lapses,
    net::{Connection, DialOptions, Link, LinkEvent, OutFrame, RpcProtocol},
    session::{Deadlines, ExpectedPeer, InitiatorParams, Input, Local, Output, Session},
    wire::{Action, SyncStreamItem, v1sync::sync_stream_item::SyncActionOperationManifest},
};

use crate::host::{Host, Who, host_identity, host_instance_id};

/// An id that no client has, so that a manifest which lists it is always answered.
const NEVER_SENT: i64 = i64::MAX;

/// An established session; it lasts until it is dropped.
pub struct Client {
    session: Option<Session>,
    link: Link,
    inbox: VecDeque<Action>,
    started: Instant,
    _connection: Connection,
}

impl Client {
    /// Dials, exchanges keys and handshakes, and waits until the host has shown what it has.
    pub async fn establish(host: &Host, who: Who) -> Client {
        let connection = Connection::dial(&DialOptions::new(host.url(), RpcProtocol::Connect))
            .await
            .unwrap();
        let link = connection.open_sync().await.unwrap();
        let started = Instant::now();
        let (session, outputs) = Session::initiator(params(who), started.elapsed());
        let mut client = Client {
            session: Some(session),
            link,
            inbox: VecDeque::new(),
            started,
            _connection: connection,
        };
        client.carry_out(outputs).await;
        while client.next().await.name() != "receiveResources" {}
        client
    }

    /// Seals and sends.
    pub async fn send(&mut self, action: Action) {
        self.step(Input::Submit(action)).await;
    }

    /// The next thing the host says.
    pub async fn next(&mut self) -> Action {
        loop {
            if let Some(action) = self.inbox.pop_front() {
                return action;
            }
            match self.link.next().await {
                LinkEvent::Headers(_) => {}
                LinkEvent::Message { payload, .. } => {
                    let item = SyncStreamItem::decode(payload).unwrap();
                    self.step(Input::Received(item)).await;
                }
                LinkEvent::Ended(end) => panic!("the host ended the session: {end:?}"),
            }
        }
    }

    /// Waits until the host has dealt with all that was sent. The operations listed stay as they are.
    pub async fn fence(&mut self, op_ids: Vec<i64>, modnos: Vec<i64>) -> usize {
        let mut manifest = SyncActionOperationManifest { op_ids, modnos };
        manifest.op_ids.push(NEVER_SENT);
        manifest.modnos.push(1);
        self.send(Action::OperationManifest(manifest)).await;
        loop {
            if let Action::RequestOperationData(request) = self.next().await {
                return request.op_ids.len();
            }
        }
    }

    async fn step(&mut self, input: Input) {
        let session = self.session.take().unwrap();
        let (session, outputs) = session.step(input, self.started.elapsed()).unwrap();
        self.session = Some(session);
        self.carry_out(outputs).await;
    }

    async fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(item) => {
                    let message = item.encode_to_vec().into();
                    self.link.send(OutFrame::Message(message)).await.unwrap();
                }
                Output::Deliver(action) => self.inbox.push_back(action),
                _ => {}
            }
        }
    }
}

fn params(who: Who) -> InitiatorParams {
    let mut kem_seed = [0; 32];
    getrandom::fill(&mut kem_seed).unwrap();
    InitiatorParams {
        local: Local {
            identity: who.identity(),
            instance_id: who.instance_id(),
            kem_id: KemId::default(),
            key_policy: KeyPolicy::Strict,
            deadlines: Deadlines::default(),
            lapses: Lapses::NONE,
        },
        kem_seed,
        expected: ExpectedPeer {
            keyid: host_identity().keyid().to_owned(),
            instance_id: host_instance_id().to_owned(),
        },
        pairing_secret: String::new(),
    }
}

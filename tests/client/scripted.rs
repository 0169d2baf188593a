//! A host played by the test, item by item, over the suite's own links.

use std::time::Duration;

use prost::Message as _;
use syncspec::{
    crypto::kem::EncapsulationRandomness,
    net::{Link, LinkEvent, LinkLimits, Listener, OutFrame, Route},
    session::{Input, Local, Output, ResponderParams, Session, VerifiedPeer},
    wire::{Action, SyncStreamItem},
};

use crate::{
    configs::{config, identity},
    in_time,
};

/// A port that the client dials.
pub struct Scripted {
    _listener: Listener,
    route: Route,
}

/// One session with the client.
pub struct Dialogue {
    pub link: Link,
    session: Option<Session>,
    pub client: Option<VerifiedPeer>,
}

impl Scripted {
    pub async fn at(prefix: &str) -> Scripted {
        let listener = Listener::bind("127.0.0.1:0", LinkLimits::default())
            .await
            .unwrap();
        Scripted {
            route: listener.route(prefix).unwrap(),
            _listener: listener,
        }
    }

    pub fn url(&self) -> String {
        self.route.url().to_owned()
    }

    /// The client's next call, not answered yet.
    pub async fn call(&mut self) -> Link {
        in_time(self.route.accept()).await.unwrap()
    }

    /// Answers the next call as the host that a number stands for, as far as sending our own handshake.
    pub async fn handshake(&mut self, seed: u8) -> Dialogue {
        let mut dialogue = Dialogue::unanswered(self.call().await);
        dialogue.session = Some(responder(seed));
        let key = dialogue.item().await.expect("the client's key");
        dialogue.step(Input::Received(key)).await;
        dialogue
    }

    /// Answers the key exchange of the next call and says no more.
    pub async fn key_exchange(&mut self, seed: u8) -> Dialogue {
        let mut dialogue = Dialogue::unanswered(self.call().await);
        let key = dialogue.item().await.expect("the client's key");
        let stepped = responder(seed).step(Input::Received(key), Duration::ZERO);
        let (_, outputs) = stepped.expect("an honest key");
        let Some(Output::Send(reply)) = outputs.into_iter().next() else {
            panic!("expected the encapsulation first");
        };
        dialogue.put(&reply).await;
        dialogue
    }

    /// A session that stands.
    pub async fn session(&mut self, seed: u8) -> Dialogue {
        let mut dialogue = self.handshake(seed).await;
        let handshake = dialogue.item().await.expect("the client's handshake");
        dialogue.step(Input::Received(handshake)).await;
        assert!(dialogue.client.is_some());
        dialogue
    }
}

fn responder(seed: u8) -> Session {
    let params = ResponderParams {
        local: Local::new(identity(seed), config(seed, |_, _| {}).instance_id()),
        encapsulation: EncapsulationRandomness::from_seed(&[9; 32]),
    };
    Session::responder(params, Duration::ZERO).0
}

impl Dialogue {
    /// A call that nothing has been said to.
    pub fn unanswered(link: Link) -> Dialogue {
        Dialogue {
            link,
            session: None,
            client: None,
        }
    }

    /// The next item as it is on the wire; nothing once the client has ended its side.
    pub async fn item(&mut self) -> Option<SyncStreamItem> {
        loop {
            match in_time(self.link.next()).await {
                LinkEvent::Headers(_) => {}
                LinkEvent::Message { payload, .. } => {
                    return Some(SyncStreamItem::decode(payload).unwrap());
                }
                LinkEvent::Ended(_) => return None,
            }
        }
    }

    /// The next action; nothing once the client has ended its side.
    pub async fn action(&mut self) -> Option<Action> {
        let item = self.item().await?;
        self.step(Input::Received(item)).await
    }

    /// The next action that is no heartbeat.
    pub async fn answer(&mut self) -> Option<Action> {
        loop {
            match self.action().await {
                Some(Action::Heartbeat(_)) => {}
                action => return action,
            }
        }
    }

    pub async fn send(&mut self, action: Action) {
        self.step(Input::Submit(action)).await;
    }

    async fn step(&mut self, input: Input) -> Option<Action> {
        let session = self.session.take().unwrap();
        let (session, outputs) = session
            .step(input, Duration::ZERO)
            .expect("an honest client");
        self.session = Some(session);
        let mut delivered = None;
        for output in outputs {
            match output {
                Output::Send(item) => self.put(&item).await,
                Output::Deliver(action) => delivered = Some(action),
                Output::PeerVerified(client) => self.client = Some(client),
                Output::WakeAt(_) | Output::NoWake => {}
            }
        }
        delivered
    }

    async fn put(&mut self, item: &SyncStreamItem) {
        let frame = OutFrame::Message(item.encode_to_vec().into());
        in_time(self.link.send(frame)).await.unwrap();
    }
}

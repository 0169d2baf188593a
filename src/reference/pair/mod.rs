//! Both minds back to back, through real session machines on a clock that stands still.

use std::collections::VecDeque;

use super::{
    backoff::Backoff,
    client::Client,
    config::Config,
    effect::{Effect, Gone, Moment, SessionId},
    fixture::keyid,
    host::{Host, Refusal},
    limits::Settings,
};
use crate::{
    crypto::kem::EncapsulationRandomness,
    session::{
        InitiatorParams, Input, Local, Output, ResponderParams, Session, StepError, Violation,
    },
    wire::{Action, Code, SyncStreamItem},
};

/// Rounds after which two minds that still talk are taken to be in a loop.
const ROUNDS_MAX: usize = 1_000;

/// A host with key 1, a client with key 2, and the stream between them.
pub struct Pair {
    pub host: Host,
    pub client: Client,
    /// How often the client was told to dial.
    pub dials: u32,
    stream: Option<Stream>,
    now: Moment,
}

struct Stream {
    id: SessionId,
    host: End,
    client: End,
}

struct End {
    /// Taken out while it steps.
    session: Option<Session>,
    inbox: VecDeque<SyncStreamItem>,
}

#[derive(Clone, Copy)]
enum Side {
    Host,
    Client,
}

impl Pair {
    pub fn new(host: Config, client: Config) -> Self {
        Pair {
            host: Host::new(host, Settings::default()),
            client: Client::new(client, Settings::default(), Backoff::default()),
            dials: 0,
            stream: None,
            now: Moment::default(),
        }
    }

    /// Whether there is a stream.
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// The client dials; both talk until neither has anything to say.
    pub fn connect(&mut self) {
        self.dial();
        self.settle();
    }

    /// The link breaks.
    pub fn cut(&mut self) {
        let lost = Gone::Lost("cut".to_owned());
        self.end(&lost, &lost);
    }

    /// Carries out what the host wants done, and what follows from it.
    pub fn carry_out_for_host(&mut self, effects: Vec<Effect>) {
        self.carry_out(Side::Host, effects);
        self.settle();
    }

    /// Carries out what the client wants done, and what follows from it.
    pub fn carry_out_for_client(&mut self, effects: Vec<Effect>) {
        self.carry_out(Side::Client, effects);
        self.settle();
    }

    fn dial(&mut self) {
        self.dials += 1;
        let id = SessionId(self.dials.into());
        let (dial, _) = self.client.dial(&keyid(1), id, self.now).unwrap();
        let seed = u8::try_from(self.dials).unwrap();
        let (client, from_client) = Session::initiator(
            InitiatorParams {
                local: local(self.client.config()),
                kem_seed: [seed; 32],
                expected: dial.expected,
                pairing_secret: dial.pairing_secret,
            },
            self.now.monotonic,
        );
        let (host, from_host) = Session::responder(
            ResponderParams {
                local: local(self.host.config()),
                encapsulation: EncapsulationRandomness::from_seed(&[seed; 32]),
            },
            self.now.monotonic,
        );
        self.stream = Some(Stream {
            id,
            host: End::new(host),
            client: End::new(client),
        });
        self.follow(Side::Host, from_host);
        self.follow(Side::Client, from_client);
    }

    fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let Some(stream) = &mut self.stream else {
                return;
            };
            if let Some(item) = stream.host.inbox.pop_front() {
                self.step(Side::Host, Input::Received(item));
            } else if let Some(item) = stream.client.inbox.pop_front() {
                self.step(Side::Client, Input::Received(item));
            } else {
                return;
            }
        }
        panic!("expected both to fall silent within {ROUNDS_MAX} items");
    }

    fn step(&mut self, side: Side, input: Input) {
        let now = self.now.monotonic;
        let Some(stream) = &mut self.stream else {
            return;
        };
        let end = stream.end(side);
        match end.session.take().unwrap().step(input, now) {
            Ok((session, outputs)) => {
                end.session = Some(session);
                self.follow(side, outputs);
            }
            Err(StepError::Violation(violation)) => self.refuse(side, violation),
            Err(error) => panic!("{error}"),
        }
    }

    fn follow(&mut self, side: Side, outputs: Vec<Output>) {
        for output in outputs {
            let Some(stream) = &mut self.stream else {
                return;
            };
            let id = stream.id;
            let decided = match (output, side) {
                (Output::Send(item), side) => {
                    stream.end(side.other()).inbox.push_back(item);
                    continue;
                }
                (Output::PeerVerified(peer), Side::Host) => {
                    self.host.admit(id, &peer, self.now).map_err(violation)
                }
                (Output::PeerVerified(peer), Side::Client) => {
                    self.client.admit(id, &peer, self.now)
                }
                (Output::Deliver(action), Side::Host) => {
                    self.host.receive(id, action, self.now).map_err(violation)
                }
                (Output::Deliver(action), Side::Client) => {
                    self.client.receive(id, action, self.now)
                }
                (Output::WakeAt(_) | Output::NoWake, _) => continue,
            };
            match decided {
                Ok(effects) => self.carry_out(side, effects),
                Err(violation) => self.refuse(side, violation),
            }
        }
    }

    fn carry_out(&mut self, side: Side, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(_, action) => self.step(side, Input::Submit(action)),
                Effect::End(_, Ok(())) => {
                    let ended = Gone::Ended(Code::Ok);
                    self.end(&ended, &ended);
                }
                Effect::End(_, Err(violation)) => self.refuse(side, violation),
                Effect::DialAt(_, at) if at <= self.now.monotonic => self.dial(),
                _ => {}
            }
        }
    }

    fn refuse(&mut self, side: Side, violation: Violation) {
        let told = Gone::Ended(violation.code());
        let known = Gone::Violation(violation);
        match side {
            Side::Host => self.end(&known, &told),
            Side::Client => self.end(&told, &known),
        }
    }

    fn end(&mut self, for_host: &Gone, for_client: &Gone) {
        if let Some(stream) = self.stream.take() {
            self.host.gone(stream.id, for_host);
            self.client.gone(stream.id, for_client, self.now);
        }
    }
}

impl Stream {
    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Host => &mut self.host,
            Side::Client => &mut self.client,
        }
    }
}

impl End {
    fn new(session: Session) -> Self {
        End {
            session: Some(session),
            inbox: VecDeque::new(),
        }
    }
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Host => Side::Client,
            Side::Client => Side::Host,
        }
    }
}

/// A store in memory does not fail.
fn violation(refusal: Refusal) -> Violation {
    match refusal {
        Refusal::Violation(violation) => violation,
        Refusal::Store(fault) => panic!("{fault}"),
    }
}

fn local(config: &Config) -> Local {
    Local::new(config.identity().clone(), config.instance_id())
}

mod tests;

//! The reference host and the reference client, with a network between them that does as it likes.
//!
//! - What one side takes in is a prefix of what the other side said, unchanged and in order.
//! - Whoever changes the key exchange, or stands in it with keys of his own, keeps both sides from serving.
//! - After the key exchange nothing is in the clear, and no secret is in anything that travels.
//! - When the network behaves, both sides end with the same view.

mod network;
mod views;

use std::collections::VecDeque;

use syncspec::{
    crypto::kem::EncapsulationRandomness,
    reference::{
        backoff::Backoff,
        client::Client,
        effect::{Effect, Gone, Moment, SessionId},
        host::{Host, Refusal},
    },
    session::{Channel, InitiatorParams, Input, Output, ResponderParams, Session, StepError},
    wire::{Action, Code, Role, SyncStreamItem, v1},
};

use crate::{
    records::{self, Record},
    world::{self, CLIENT, HOST, TRANSCRIPT},
};
use views::configs;

/// Items after which two sides that still talk are taken to be in a loop.
const ITEMS_MAX: usize = 2_000;
/// The key exchange is done for real; otherwise its keys are taken as agreed, which is some hundred times as fast.
const REAL_KEYS: u8 = 1;
/// Somebody exchanges keys with each side and passes the items on.
const SPLICED: u8 = 2;
/// The client pairs.
const PAIRS: u8 = 4;
/// The network behaves: what a record says of it is not done.
const HONEST: u8 = 8;

const SECRET: &str = world::SECRET_ONCE;
/// A text that stands in both configs, in the guid of a repo.
const MARKER: &str = "photos";

/// Plays one input.
pub fn check(bytes: &[u8]) {
    let (flags, records) = records::read(bytes);
    let mut bench = Bench::new(flags);
    for record in records {
        bench.play(record, flags & HONEST != 0);
    }
    bench.let_everything_through();
    if !bench.meddled {
        assert!(
            flags & SPLICED != 0 || bench.both_serve(),
            "an honest network, and they do not serve"
        );
        bench.views_converge();
    }
    if flags & SPLICED != 0 {
        assert!(
            !bench.sides[HOST_SIDE].serves && !bench.sides[CLIENT_SIDE].serves,
            "spliced, and one side serves"
        );
    }
}

const HOST_SIDE: usize = 0;
const CLIENT_SIDE: usize = 1;
const ID: SessionId = SessionId(1);

struct Bench {
    host: Host,
    client: Client,
    sides: [Side; 2],
    splice: Option<Splice>,
    keys_are_real: bool,
    /// The network has changed, dropped, doubled or reordered something.
    meddled: bool,
    /// A side was handed another key than the other side sent, or something else first.
    exchange_changed: bool,
    next_operation: i64,
}

#[derive(Default)]
struct Side {
    session: Option<Session>,
    serves: bool,
    /// What travels to this side.
    inbox: VecDeque<SyncStreamItem>,
    /// What the other side submitted for this one, in order.
    submitted: VecDeque<Vec<u8>>,
    /// What this side sent first: where keys are real, its part of the key exchange.
    said_first: Option<SyncStreamItem>,
    /// Everything that ever travelled to this side, for playing it again.
    history: Vec<SyncStreamItem>,
}

/// Whoever stands between them with a key exchange of his own on each side.
struct Splice {
    towards: [Channel; 2],
}

impl Bench {
    fn new(flags: u8) -> Self {
        let (host, client) = configs(flags & PAIRS != 0);
        let mut bench = Bench {
            host: Host::new(host, world::settings(Role::Responder)),
            client: Client::new(client, world::settings(Role::Initiator), Backoff::default()),
            sides: [Side::default(), Side::default()],
            splice: None,
            keys_are_real: flags & (REAL_KEYS | SPLICED) == REAL_KEYS,
            meddled: false,
            exchange_changed: false,
            next_operation: 1,
        };
        for (repo, plan) in [("photos", "daily"), ("music", "weekly")] {
            bench.operate(repo, plan);
        }
        bench.dial(flags & SPLICED != 0);
        bench
    }

    fn dial(&mut self, spliced: bool) {
        let now = moment();
        let host_keyid = world::host_identity().keyid();
        let (dial, _) = self
            .client
            .dial(host_keyid, ID, now)
            .expect("the host is known");
        let (client_local, host_local) = (
            world::local(self.client.config(), Role::Initiator),
            world::local(self.host.config(), Role::Responder),
        );
        let ((client, from_client), (host, from_host)) = if self.keys_are_real {
            let params = InitiatorParams {
                local: client_local,
                kem_seed: [7; 32],
                expected: dial.expected,
                pairing_secret: dial.pairing_secret,
            };
            let client = Session::initiator(params, now.monotonic);
            let params = ResponderParams {
                local: host_local,
                encapsulation: EncapsulationRandomness::from_seed(&[8; 32]),
            };
            (client, Session::responder(params, now.monotonic))
        } else {
            let (for_client, for_host) = match spliced {
                true => ((1, [1; 32]), (2, [2; 32])),
                false => ((1, TRANSCRIPT), (1, TRANSCRIPT)),
            };
            if spliced {
                self.meddled = true;
                self.splice = Some(Splice {
                    towards: [
                        world::stranger_channel(Role::Initiator, for_host.0, for_host.1),
                        world::stranger_channel(Role::Responder, for_client.0, for_client.1),
                    ],
                });
            }
            let client = Session::behind_key_exchange(
                client_local,
                Role::Initiator,
                world::channel(Role::Initiator, for_client.0, for_client.1),
                Some(dial.expected),
                dial.pairing_secret,
                now.monotonic,
            );
            let host = Session::behind_key_exchange(
                host_local,
                Role::Responder,
                world::channel(Role::Responder, for_host.0, for_host.1),
                None,
                String::new(),
                now.monotonic,
            );
            (
                client.expect("there are nonces left"),
                host.expect("there are nonces left"),
            )
        };
        self.sides[HOST_SIDE].session = Some(host);
        self.sides[CLIENT_SIDE].session = Some(client);
        self.follow(HOST_SIDE, from_host);
        self.follow(CLIENT_SIDE, from_client);
    }

    fn play(&mut self, record: Record<'_>, honest: bool) {
        let to = usize::from(record.op & 1);
        match record.op >> 1 & 7 {
            0 | 1 => self.pass_on(to),
            2 => {
                let plan = ["daily", "weekly"][usize::from(record.arg & 1)];
                self.operate("photos", plan);
            }
            3 => {
                let effects = self.client.delete_operation(i64::from(record.arg % 8));
                self.carry_out(CLIENT_SIDE, effects);
            }
            _ if honest => self.pass_on(to),
            4 => self.drop_one(to),
            5 => self.double_or_swap(to, record.arg),
            6 => self.inject(to, record),
            _ => self.edit(to, record),
        }
    }

    fn arrive(&mut self, to: usize, item: SyncStreamItem) {
        let is_first = self.sides[to].history.is_empty();
        if self.keys_are_real && is_first && self.sides[1 - to].said_first.as_ref() != Some(&item) {
            self.exchange_changed = true;
        }
        self.sides[to].history.push(item.clone());
        let Some(session) = self.sides[to].session.take() else {
            return;
        };
        match session.step(Input::Received(item), moment().monotonic) {
            Ok((session, outputs)) => {
                self.sides[to].session = Some(session);
                self.follow(to, outputs);
            }
            Err(StepError::Violation(violation)) => {
                assert!(
                    self.meddled,
                    "an honest network, and one side refuses: {violation}"
                );
                self.gone(to, Gone::Violation(violation));
            }
            Err(error) => panic!("an item from the peer is no misuse: {error}"),
        }
    }

    fn follow(&mut self, side: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(item) => self.travels(side, item),
                Output::PeerVerified(peer) => {
                    assert!(
                        !self.exchange_changed,
                        "the key exchange was changed, and a side verifies the other"
                    );
                    assert!(
                        self.splice.is_none(),
                        "spliced, and a side verifies the other"
                    );
                    let sent = self.sides[side].submitted.pop_front();
                    assert!(sent.is_some(), "a handshake that nobody sent verifies");
                    self.sides[side].serves = true;
                    let decided = match side {
                        HOST_SIDE => {
                            assert_eq!(
                                (peer.keyid.as_str(), peer.instance_id.as_str()),
                                (world::client_identity().keyid(), CLIENT)
                            );
                            self.host.admit(ID, &peer, moment()).map_err(violation)
                        }
                        _ => {
                            assert_eq!(
                                (peer.keyid.as_str(), peer.instance_id.as_str()),
                                (world::host_identity().keyid(), HOST)
                            );
                            self.client.admit(ID, &peer, moment())
                        }
                    };
                    self.decided(side, decided);
                }
                Output::Deliver(action) => {
                    assert!(self.sides[side].serves, "data before verification");
                    let sent = self.sides[side].submitted.pop_front();
                    assert_eq!(
                        sent,
                        Some(encoded(&action)),
                        "what arrives is not what was said next"
                    );
                    let decided = match side {
                        HOST_SIDE => self.host.receive(ID, action, moment()).map_err(violation),
                        _ => self.client.receive(ID, action, moment()),
                    };
                    self.decided(side, decided);
                }
                Output::WakeAt(_) | Output::NoWake => {}
            }
        }
    }

    fn decided(&mut self, side: usize, decided: Result<Vec<Effect>, syncspec::session::Violation>) {
        match decided {
            Ok(effects) => self.carry_out(side, effects),
            Err(violation) => panic!("what the honest other side said is refused: {violation}"),
        }
    }

    fn travels(&mut self, from: usize, item: SyncStreamItem) {
        let side = &mut self.sides[from];
        let is_exchange = self.keys_are_real && side.said_first.is_none();
        side.said_first.get_or_insert_with(|| item.clone());
        match (&item.action, is_exchange) {
            (Some(Action::EstablishSharedSecret(_)), true) => {}
            (Some(Action::Encrypted(sealed)), false) => {
                for secret in [SECRET, MARKER, CLIENT] {
                    assert!(
                        !contains(&sealed.ciphertext, secret.as_bytes()),
                        "{secret} travels in the clear"
                    );
                }
                if side.serves {
                    // What the mind submitted is noted where it is submitted.
                } else {
                    // Its handshake, the one item that a session sends of its own.
                    self.sides[1 - from].submitted.push_back(Vec::new());
                }
            }
            _ => panic!("in the clear: {}", item.describe()),
        }
        self.sides[1 - from].inbox.push_back(item);
    }

    fn carry_out(&mut self, side: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(_, action) => {
                    let Some(session) = self.sides[side].session.take() else {
                        continue;
                    };
                    self.sides[1 - side].submitted.push_back(encoded(&action));
                    let (session, outputs) = session
                        .step(Input::Submit(action), moment().monotonic)
                        .unwrap_or_else(|error| panic!("said before it may be: {error}"));
                    self.sides[side].session = Some(session);
                    self.follow(side, outputs);
                }
                Effect::End(_, _) => self.gone(side, Gone::Ended(Code::Ok)),
                _ => {}
            }
        }
    }

    fn gone(&mut self, side: usize, gone: Gone) {
        self.sides[side].session = None;
        match side {
            HOST_SIDE => drop(self.host.gone(ID, &gone)),
            _ => drop(self.client.gone(ID, &gone, moment())),
        }
    }

    fn operate(&mut self, repo: &str, plan: &str) {
        let id = self.next_operation;
        self.next_operation += 1;
        let operation: v1::Operation = world::operation(id, id, repo, plan);
        let effects = self
            .client
            .put_operation(operation)
            .expect("the client's own");
        self.carry_out(CLIENT_SIDE, effects);
    }

    fn let_everything_through(&mut self) {
        for _ in 0..ITEMS_MAX {
            match self.sides.iter().position(|side| !side.inbox.is_empty()) {
                Some(to) => self.pass_on(to),
                None => return,
            }
        }
        panic!("expected both to fall silent within {ITEMS_MAX} items");
    }

    fn both_serve(&self) -> bool {
        self.sides
            .iter()
            .all(|side| side.serves && side.session.is_some())
    }
}

fn moment() -> Moment {
    world::moment(std::time::Duration::ZERO)
}

fn violation(refusal: Refusal) -> syncspec::session::Violation {
    match refusal {
        Refusal::Violation(violation) => violation,
        Refusal::Store(fault) => panic!("a store in memory does not fail: {fault}"),
    }
}

fn encoded(action: &Action) -> Vec<u8> {
    super::stream::encoded(action)
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

//! Any dialogue with the reference client: what it shows, answers, refuses and changes is what the naive model says.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use prost::Message as _;
use syncspec::{
    reference::{
        backoff::Backoff,
        client::Client,
        effect::{Effect, Gone, SessionId},
        limits::{Capabilities, Settings},
    },
    session::{Output, Session, VerifiedPeer},
    wire::{Action, Code, Role, SyncStreamItem, v1, v1sync::ConnectionState},
};

use super::{
    client_model::{ClientModel, Expected},
    stream::{Stream, Taken, a_close_code_is_legal, encoded, is_same, slot_of},
};
use crate::{
    generators::{
        dialogue::{Dialogue, Move},
        frame_fault::FrameFault,
        handshake::handshake,
    },
    world::{self, HOST, Who},
};

/// Plays a dialogue, and checks every claim on the way.
pub fn check(bytes: &[u8]) {
    let dialogue = Dialogue::of(bytes);
    let mut bench = Bench::new(&dialogue);
    for one in &dialogue.moves {
        bench.play(one);
    }
    bench.state_equals_the_models();
}

struct Bench {
    client: Client,
    model: ClientModel,
    streams: BTreeMap<u8, Stream>,
    now: Duration,
    next_session: u64,
}

impl Bench {
    fn new(dialogue: &Dialogue<'_>) -> Self {
        let configs = world::client_configs();
        let config = &configs[usize::from(dialogue.config) % configs.len()];
        let settings = Settings {
            capabilities: Capabilities {
                logs: dialogue.capable,
                throttle: dialogue.capable,
                ..Capabilities::default()
            },
            ..world::settings(Role::Initiator)
        };
        let mut bench = Bench {
            model: ClientModel::new(config, dialogue.capable),
            client: Client::new(config.clone(), settings, Backoff::default()),
            streams: BTreeMap::new(),
            now: Duration::ZERO,
            next_session: 0,
        };
        for (id, repo, plan) in [
            (1, "photos", "daily"),
            (2, "music", "weekly"),
            (3, "music", "daily"),
        ] {
            bench.put_operation(world::operation(id, id, repo, plan));
        }
        bench
    }

    fn play(&mut self, one: &Move<'_>) {
        match *one {
            Move::Open {
                slot,
                who,
                established,
            } => self.open(slot, who, established),
            Move::Handshake {
                slot,
                replaced,
                payload,
            } => {
                let Some(stream) = self.streams.get(&slot) else {
                    return;
                };
                let (identity, instance_id) = identity_of(stream.who);
                let session = stream.id.0 as u8;
                let made = handshake(identity, instance_id, session, replaced, payload);
                let proves =
                    made.proves(world::host_identity()) && made.message.instance_id == HOST;
                let item = SyncStreamItem {
                    action: Some(Action::Handshake(made.message)),
                };
                self.send(slot, &item.encode_to_vec(), FrameFault::None, proves);
            }
            Move::Send {
                slot,
                fault,
                payload,
            } => self.send(slot, payload, fault, false),
            Move::Cut { slot } => self.end(slot, &Gone::Lost("cut".to_owned())),
            Move::Pause(time) => {
                self.now += time;
                let effects = self.client.tick(world::moment(self.now));
                self.carry_out(effects);
                self.nothing_else_came();
            }
            Move::Reconfigure(which) => self.reconfigure(which),
            Move::Operate { what, payload } => self.operate(what, payload),
        }
    }

    fn open(&mut self, slot: u8, who: Who, established: bool) {
        // A driver has one attempt at a host under way, or one session: it dials again once that has ended.
        for other in self.streams.keys().copied().collect::<Vec<_>>() {
            self.end(other, &Gone::Lost("dialled anew".to_owned()));
        }
        let n = self.next_session as u8;
        let keys = world::session_keys(n);
        let id = SessionId(self.next_session);
        self.next_session += 1;
        let host_keyid = world::host_identity().keyid();
        let (dial, effects) = self
            .client
            .dial(host_keyid, id, world::moment(self.now))
            .expect("the host stays known");
        self.carry_out(effects);
        let local = world::local(self.client.config(), Role::Initiator);
        let mut channel = world::channel(Role::Initiator, n, world::transcript(n));
        let mut stream = Stream::new(
            id,
            who,
            keys.responder_to_initiator,
            keys.initiator_to_responder,
        );
        if !established || who != Who::Alice {
            let (session, outputs) = Session::behind_key_exchange(
                local,
                Role::Initiator,
                channel,
                Some(dial.expected),
                dial.pairing_secret,
                self.now,
            )
            .expect("there are nonces left");
            stream.session = Some(session);
            self.streams.insert(slot, stream);
            self.follow(slot, outputs, None);
            return;
        }
        stream.skip_handshakes(&mut channel);
        stream.session = Some(Session::established(local, Role::Initiator, channel));
        self.streams.insert(slot, stream);
        let peer = VerifiedPeer {
            keyid: host_keyid.to_owned(),
            instance_id: HOST.to_owned(),
            pairing_secret: String::new(),
        };
        self.admit(slot, &peer);
        self.nothing_else_came();
    }

    /// The host sends a frame. `proves` says that it holds a handshake by which it proves to be the host that was dialled.
    fn send(&mut self, slot: u8, plaintext: &[u8], fault: FrameFault, proves: bool) {
        let Some(stream) = self.streams.get_mut(&slot) else {
            return;
        };
        match stream.send(plaintext, fault, proves, self.now) {
            Taken::TooLate => return,
            Taken::Refused(violation) => {
                self.end(slot, &Gone::Violation(violation));
                self.state_equals_the_models();
            }
            Taken::Went(outputs, action) => self.follow(slot, outputs, action),
        }
        self.nothing_else_came();
    }

    fn follow(&mut self, slot: u8, outputs: Vec<Output>, received: Option<Action>) {
        for output in outputs {
            let Some(stream) = self.streams.get_mut(&slot) else {
                return;
            };
            match output {
                Output::Send(item) => stream.came(item),
                Output::PeerVerified(peer) => {
                    assert_eq!(
                        peer.keyid,
                        world::host_identity().keyid(),
                        "another host was verified"
                    );
                    assert_eq!(peer.instance_id, HOST);
                    self.admit(slot, &peer);
                }
                Output::Deliver(action) => {
                    assert!(stream.admitted, "data before verification");
                    let sent = received.as_ref().map(encoded);
                    assert_eq!(
                        sent,
                        Some(encoded(&action)),
                        "what is delivered is what was sent"
                    );
                    self.deliver(slot, action);
                }
                Output::WakeAt(_) | Output::NoWake => {}
            }
        }
    }

    fn admit(&mut self, slot: u8, peer: &VerifiedPeer) {
        let id = self.streams[&slot].id;
        let effects = self
            .client
            .admit(id, peer, world::moment(self.now))
            .unwrap_or_else(|violation| {
                panic!("the host that was dialled is refused: {violation}")
            });
        let older = self
            .streams
            .iter()
            .find(|(other, stream)| **other != slot && stream.admitted);
        if let Some((&older, _)) = older {
            self.streams.remove(&older);
        }
        let items = self.model.first_items();
        if let Some(stream) = self.streams.get_mut(&slot) {
            stream.admitted = true;
            stream.expected.extend(items);
        }
        self.carry_out(effects);
    }

    fn deliver(&mut self, slot: u8, action: Action) {
        let id = self.streams[&slot].id;
        let moment = world::moment(self.now);
        let expected = self.model.receive(&action, moment.unix_ms);
        let throttles = matches!(action, Action::Throttle(_));
        let name = action.name();
        match (self.client.receive(id, action, moment), expected) {
            (Ok(effects), Expected::Answer(answers)) => {
                if let Some(stream) = self.streams.get_mut(&slot) {
                    stream.expected.extend(answers);
                    stream.throttled |= throttles;
                }
                self.carry_out(effects);
            }
            (Ok(effects), Expected::Adopted) => {
                self.streams.clear();
                self.carry_out(effects);
                self.state_equals_the_models();
            }
            (Ok(effects), Expected::NoLog) => {
                let before = self.streams[&slot].came.len();
                self.carry_out(effects);
                if let Some(stream) = self.streams.get_mut(&slot) {
                    stream.told_of_no_log(before);
                }
            }
            (Err(violation), Expected::Refused(class)) => {
                assert_eq!(violation.class, class, "{name}: {violation}");
                a_close_code_is_legal(violation.code());
                self.end(slot, &Gone::Violation(violation));
                self.state_equals_the_models();
            }
            (Err(violation), expected) => {
                panic!("{name} was refused ({violation}), expected {expected:?}")
            }
            (Ok(effects), expected) => {
                panic!("{name} was taken ({effects:?}), expected {expected:?}")
            }
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(id, action) => {
                    let Some(slot) = slot_of(&self.streams, id) else {
                        panic!("{} for a session that is over", action.name());
                    };
                    let stream = self.streams.get_mut(&slot).expect("just found");
                    let outputs = stream.submit(action, self.now);
                    self.follow(slot, outputs, None);
                }
                Effect::End(id, reason) => {
                    let gone = match reason {
                        Ok(()) => Gone::Ended(Code::Ok),
                        Err(violation) => Gone::Violation(violation),
                    };
                    if let Some(slot) = slot_of(&self.streams, id) {
                        // Only a session that held back too much is ended behind the model's back.
                        assert!(
                            self.streams[&slot].throttled,
                            "a session was ended for no reason: {gone:?}"
                        );
                        self.streams.remove(&slot);
                    }
                    self.client.gone(id, &gone, world::moment(self.now));
                }
                _ => {}
            }
        }
    }

    fn nothing_else_came(&mut self) {
        self.streams
            .values_mut()
            .for_each(Stream::nothing_else_came);
    }

    fn end(&mut self, slot: u8, gone: &Gone) {
        if let Some(stream) = self.streams.remove(&slot) {
            let effects = self.client.gone(stream.id, gone, world::moment(self.now));
            self.carry_out(effects);
        }
    }

    fn reconfigure(&mut self, which: u8) {
        let configs = world::client_configs();
        let config = &configs[usize::from(which) % configs.len()];
        if self.client.config() != config {
            self.streams.clear();
        }
        self.model.config = Cow::Borrowed(config.message());
        let effects = self
            .client
            .replace_config(config.clone(), world::moment(self.now));
        self.carry_out(effects);
        self.state_equals_the_models();
    }

    /// The client's own operations change.
    fn operate(&mut self, what: u8, payload: &[u8]) {
        if let (0x80.., Ok(operation)) = (what, v1::Operation::decode(payload)) {
            self.put_operation(operation);
        } else {
            let id = i64::from(what & 0x7f);
            let before = self.model.operations.remove(&id);
            self.expect_everywhere(&self.model.change(before.as_ref(), None));
            let effects = self.client.delete_operation(id);
            self.carry_out(effects);
        }
        self.nothing_else_came();
    }

    fn put_operation(&mut self, operation: v1::Operation) {
        let id = operation.id;
        let own = ["", world::client_identity().keyid()]
            .contains(&operation.original_instance_keyid.as_str());
        let whole = id != 0
            && operation.flow_id != 0
            && !operation.repo_id.is_empty()
            && !operation.plan_id.is_empty()
            && !operation.instance_id.is_empty();
        let Ok(effects) = self.client.put_operation(operation.clone()) else {
            assert!(
                !own || !whole,
                "an operation of the client's own was refused: {operation:?}"
            );
            return;
        };
        assert!(
            own && whole,
            "an operation that is not the client's own was taken: {operation:?}"
        );
        let mut kept = operation;
        if kept.modno == 0 {
            kept.modno = self
                .client
                .operations()
                .get(id)
                .expect("it was just put")
                .modno;
            assert_ne!(kept.modno, 0, "a modno of 0 is replaced");
        }
        let before = self.model.operations.insert(id, kept.clone());
        self.expect_everywhere(&self.model.change(before.as_ref(), Some(&kept)));
        self.carry_out(effects);
    }

    fn expect_everywhere(&mut self, actions: &[Action]) {
        for stream in self.streams.values_mut().filter(|stream| stream.admitted) {
            stream.expected.extend_from_slice(actions);
        }
    }

    /// Config, operations and the host's state are the model's.
    fn state_equals_the_models(&mut self) {
        let config = self.client.config().message();
        assert!(
            is_same(Some(config), Some(&self.model.config)),
            "the client's config is {config:?}, expected {:?}",
            self.model.config
        );
        let held = self
            .client
            .operations()
            .iter()
            .map(v1::Operation::encode_to_vec);
        let expected = self
            .model
            .operations
            .values()
            .map(v1::Operation::encode_to_vec);
        assert!(held.eq(expected), "the client's operations");
        let state = self
            .client
            .peer_states()
            .get(world::host_identity().keyid())
            .expect("the host stays known");
        let serving = self.streams.values().any(|stream| stream.admitted);
        let dialling = self.streams.values().any(|stream| !stream.admitted);
        match state.state() {
            ConnectionState::Connected => assert!(serving, "connected, and no session serves"),
            // An attempt that began later is what the state tells of.
            other => assert!(!serving || dialling, "the host serves, and is {other:?}"),
        }
        assert_eq!(
            state.last_heartbeat_millis,
            self.model.last_heartbeat_millis
        );
        let kept = state
            .remote_config
            .as_ref()
            .map(prost::Message::encode_to_vec);
        assert_eq!(
            kept,
            self.model
                .remote_config
                .as_ref()
                .map(prost::Message::encode_to_vec)
        );
        assert_eq!(state.known_repos, self.model.repos);
        assert_eq!(state.known_plans, self.model.plans);
    }
}

/// The first of the cast plays the host that was dialled, the others are who they are.
fn identity_of(who: Who) -> (&'static syncspec::crypto::identity::Identity, &'static str) {
    match who {
        Who::Alice => (world::host_identity(), HOST),
        other => (other.identity(), other.instance_id()),
    }
}

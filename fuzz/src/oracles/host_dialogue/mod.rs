//! Any dialogue with the reference host: what it answers, refuses and remembers is what the naive model says.

mod state;

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use prost::Message as _;
use syncspec::{
    reference::{
        effect::{Effect, Gone, SessionId},
        host::{Host, Refusal},
        limits::{Capabilities, Settings},
        store::Store as _,
    },
    session::{Class, Output, Session, VerifiedPeer},
    wire::{
        Action, Code, Role, SyncStreamItem,
        v1sync::{SetRemoteClientConfigRequest, sync_stream_item::SyncActionSetConfig},
    },
};

use super::{
    host_model::{Admission, Expected, HostModel},
    stream::{Stream, Taken, a_close_code_is_legal, encoded, slot_of},
};
use crate::{
    generators::{
        dialogue::{Dialogue, Move},
        frame_fault::FrameFault,
        handshake::handshake,
    },
    world::{self, Who},
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
    host: Host,
    model: HostModel,
    streams: BTreeMap<u8, Stream>,
    now: Duration,
    next_session: u64,
}

impl Bench {
    fn new(dialogue: &Dialogue<'_>) -> Self {
        let config = &world::host_configs()[0];
        let settings = Settings {
            capabilities: Capabilities {
                logs: dialogue.capable,
                throttle: dialogue.capable,
                ..Capabilities::default()
            },
            ..world::settings(Role::Responder)
        };
        Bench {
            model: HostModel::new(config, dialogue.capable),
            host: Host::new(config.clone(), settings),
            streams: BTreeMap::new(),
            now: Duration::ZERO,
            next_session: 0,
        }
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
                let Some(stream) = self.streams.get_mut(&slot) else {
                    return;
                };
                let who = stream.who;
                let made = handshake(
                    who.identity(),
                    who.instance_id(),
                    stream.id.0 as u8,
                    replaced,
                    payload,
                );
                let proved = Who::ALL.into_iter().find(|who| made.proves(who.identity()));
                if let Some(who) = proved
                    && !stream.admitted
                {
                    stream.who = who;
                }
                let item = SyncStreamItem {
                    action: Some(Action::Handshake(made.message)),
                };
                let plaintext = item.encode_to_vec();
                self.send(slot, &plaintext, FrameFault::None, proved.is_some());
            }
            Move::Send {
                slot,
                fault,
                payload,
            } => self.send(slot, payload, fault, false),
            Move::Cut { slot } => self.end(slot, &Gone::Lost("cut".to_owned())),
            Move::Pause(time) => {
                self.now += time;
                let effects = self.host.tick(world::moment(self.now));
                self.carry_out(effects);
                self.nothing_else_came();
            }
            Move::Reconfigure(which) => self.reconfigure(which),
            Move::Operate { what, payload } => self.operate(what, payload),
        }
    }

    fn open(&mut self, slot: u8, who: Who, established: bool) {
        self.end(slot, &Gone::Lost("opened anew".to_owned()));
        let n = self.next_session as u8;
        let keys = world::session_keys(n);
        let id = SessionId(self.next_session);
        self.next_session += 1;
        let local = world::local(self.host.config(), Role::Responder);
        let mut channel = world::channel(Role::Responder, n, world::transcript(n));
        let mut stream = Stream::new(
            id,
            who,
            keys.initiator_to_responder,
            keys.responder_to_initiator,
        );
        if !established {
            let (session, outputs) = Session::behind_key_exchange(
                local,
                Role::Responder,
                channel,
                None,
                String::new(),
                self.now,
            )
            .expect("there are nonces left");
            stream.session = Some(session);
            self.streams.insert(slot, stream);
            self.follow(slot, outputs, None);
            return;
        }
        stream.skip_handshakes(&mut channel);
        stream.session = Some(Session::established(local, Role::Responder, channel));
        self.streams.insert(slot, stream);
        let peer = VerifiedPeer {
            keyid: who.identity().keyid().to_owned(),
            instance_id: who.instance_id().to_owned(),
            pairing_secret: match who {
                Who::Alice | Who::Bob => String::new(),
                Who::Carol => world::SECRET_ONCE.to_owned(),
                Who::Dave => world::SECRET_MANY.to_owned(),
            },
        };
        self.admit(slot, &peer);
        self.nothing_else_came();
    }

    /// The client sends a frame. `proves` says that it holds a handshake that proves who its sender claims to be.
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

    /// Carries out what the session machine wants, as a driver does.
    fn follow(&mut self, slot: u8, outputs: Vec<Output>, received: Option<Action>) {
        for output in outputs {
            match output {
                Output::Send(item) => self.came(slot, item),
                Output::PeerVerified(peer) => {
                    let Some(Action::Handshake(sent)) = &received else {
                        panic!("verified without a handshake: {received:?}");
                    };
                    let who = self.streams[&slot].who;
                    assert_eq!(
                        peer.keyid,
                        who.identity().keyid(),
                        "another key was verified than the one that signed"
                    );
                    assert_eq!(peer.instance_id, sent.instance_id);
                    assert_eq!(peer.pairing_secret, sent.pairing_secret);
                    self.admit(slot, &peer);
                }
                Output::Deliver(action) => {
                    assert!(
                        self.streams
                            .get(&slot)
                            .is_some_and(|stream| stream.admitted),
                        "data before verification"
                    );
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
            if !self.streams.contains_key(&slot) {
                return;
            }
        }
    }

    fn admit(&mut self, slot: u8, peer: &VerifiedPeer) {
        let moment = world::moment(self.now);
        let id = self.streams[&slot].id;
        let admission = self.model.admit(
            &peer.keyid,
            &peer.instance_id,
            &peer.pairing_secret,
            moment.unix_s(),
        );
        match (self.host.admit(id, peer, moment), admission) {
            (Err(Refusal::Violation(violation)), Admission::Refused) => {
                assert_eq!(violation.class, Class::Auth, "{violation}");
                a_close_code_is_legal(violation.code());
                self.end(slot, &Gone::Violation(violation));
                self.state_equals_the_models();
            }
            (Ok(_), Admission::Refused) => panic!("{peer:?} was admitted"),
            (Err(refusal), _) => panic!("{peer:?} was refused: {refusal}"),
            (Ok(effects), admission) => {
                self.displace_older(slot, &peer.keyid);
                if let Some(stream) = self.streams.get_mut(&slot) {
                    stream.admitted = true;
                    stream.expected.extend(self.model.first_items(&peer.keyid));
                }
                if matches!(admission, Admission::Paired) {
                    self.expect_first_items_again(Some(slot));
                }
                self.carry_out(effects);
            }
        }
    }

    /// The model's part of displacing: the older session of the key is over, and is told nothing more.
    fn displace_older(&mut self, slot: u8, keyid: &str) {
        let older = self.streams.iter().find(|(other, stream)| {
            **other != slot && stream.admitted && stream.who.identity().keyid() == keyid
        });
        if let Some((&older, _)) = older {
            self.streams.remove(&older);
        }
    }

    fn expect_first_items_again(&mut self, excepted: Option<u8>) {
        for (slot, stream) in &mut self.streams {
            if stream.admitted && Some(*slot) != excepted {
                let keyid = stream.who.identity().keyid();
                stream.expected.extend(self.model.first_items(keyid));
            }
        }
    }

    fn deliver(&mut self, slot: u8, action: Action) {
        let stream = &self.streams[&slot];
        let (id, keyid) = (stream.id, stream.who.identity().keyid());
        let moment = world::moment(self.now);
        let expected = self.model.receive(keyid, &action, moment.unix_ms);
        let throttles = matches!(action, Action::Throttle(_));
        let name = action.name();
        match (self.host.receive(id, action, moment), expected) {
            (Ok(effects), Expected::Answer(answers)) => {
                if let Some(stream) = self.streams.get_mut(&slot) {
                    stream.expected.extend(answers);
                    stream.throttled |= throttles;
                }
                self.carry_out(effects);
                self.take_over_chosen_modnos(keyid);
            }
            (Ok(effects), Expected::Logs) => {
                let before = self.streams[&slot].came.len();
                self.carry_out(effects);
                if let Some(stream) = self.streams.get_mut(&slot) {
                    stream.told_of_no_log(before);
                }
            }
            (Err(Refusal::Violation(violation)), Expected::Refused(class)) => {
                assert_eq!(violation.class, class, "{name}: {violation}");
                a_close_code_is_legal(violation.code());
                self.end(slot, &Gone::Violation(violation));
                self.state_equals_the_models();
            }
            (Err(refusal), expected) => {
                panic!("{name} was refused ({refusal}), expected {expected:?}")
            }
            (Ok(effects), expected) => {
                panic!("{name} was taken ({effects:?}), expected {expected:?}")
            }
        }
    }

    /// The host chooses a modno in place of 0, and a manifest may list that very one.
    fn take_over_chosen_modnos(&mut self, keyid: &str) {
        let Some(record) = self.model.clients.get_mut(keyid) else {
            return;
        };
        if record.operations.values().any(|sent| sent.modno == 0) {
            let stored = self.host.store().operations(keyid);
            record.check_operations(keyid, &stored.expect("a store in memory does not fail"));
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
                        Err(violation) => {
                            a_close_code_is_legal(violation.code());
                            Gone::Violation(violation)
                        }
                    };
                    if let Some(slot) = slot_of(&self.streams, id) {
                        // Only a session that held back too much is ended behind the model's back.
                        assert!(
                            self.streams[&slot].throttled,
                            "a session was ended for no reason: {gone:?}"
                        );
                        self.streams.remove(&slot);
                    }
                    self.host.gone(id, &gone);
                }
                _ => {}
            }
        }
    }

    fn came(&mut self, slot: u8, item: SyncStreamItem) {
        if let Some(stream) = self.streams.get_mut(&slot) {
            stream.came(item);
        }
    }

    fn nothing_else_came(&mut self) {
        self.streams
            .values_mut()
            .for_each(Stream::nothing_else_came);
    }

    fn end(&mut self, slot: u8, gone: &Gone) {
        if let Some(stream) = self.streams.remove(&slot) {
            let effects = self.host.gone(stream.id, gone);
            self.carry_out(effects);
        }
    }

    fn reconfigure(&mut self, which: u8) {
        let configs = world::host_configs();
        let config = &configs[usize::from(which) % configs.len()];
        if self.host.config() == config {
            return;
        }
        let before = std::mem::replace(&mut self.model.config, Cow::Borrowed(config.message()));
        let changed = |keyid: &str, model: &HostModel| {
            let old = before.multihost.as_ref();
            let old = old.and_then(|sync| {
                sync.authorized_clients
                    .iter()
                    .find(|peer| peer.keyid == keyid)
            });
            old != model.entry(keyid)
        };
        let model = &self.model;
        self.streams
            .retain(|_, stream| !stream.admitted || !changed(stream.who.identity().keyid(), model));
        self.expect_first_items_again(None);
        let effects = self
            .host
            .replace_config(config.clone())
            .expect("a store in memory does not fail");
        self.carry_out(effects);
        self.forget_the_unlisted();
        self.nothing_else_came();
        self.state_equals_the_models();
    }

    /// The state service hands a client a change of its config.
    fn operate(&mut self, what: u8, payload: &[u8]) {
        let keyid = Who::of(what).identity().keyid();
        let lists = SyncActionSetConfig::decode(payload).unwrap_or_default();
        let request = SetRemoteClientConfigRequest {
            peer_keyid: keyid.to_owned(),
            repos: lists.repos.clone(),
            plans: lists.plans.clone(),
            repos_to_delete: lists.repos_to_delete.clone(),
            plans_to_delete: lists.plans_to_delete.clone(),
        };
        let mut streams = self.streams.values_mut();
        let serving =
            streams.find(|stream| stream.admitted && stream.who.identity().keyid() == keyid);
        match (self.host.set_remote_client_config(request), serving) {
            (Ok(effects), Some(stream)) => {
                stream.expected.push(Action::SetConfig(lists));
                self.carry_out(effects);
            }
            (Err(error), None) => assert_eq!(error.code(), Code::NotFound),
            (told, serving) => panic!("told {told:?}, connected: {}", serving.is_some()),
        }
        self.nothing_else_came();
    }
}

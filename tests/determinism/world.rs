//! A peer in this process, for one case: the mind of the reference over session machines, without sockets. Its
//! randomness follows from a count, and its clock stands still until somebody waits.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use prost::Message as _;
use prost_reflect::DynamicMessage;
use syncspec::{
    actor::{Input as Seen, Out},
    crypto::kem::EncapsulationRandomness,
    reference::{
        backoff::Backoff,
        client::Client,
        config::Config,
        effect::{Effect, Gone, Moment, SessionId},
        host::{Host, Refusal},
        limits::Settings,
    },
    rules::RuleId,
    runner::reference_config,
    scenario::model::Scenario,
    session::{
        InitiatorParams, Input, Local, Output, ResponderParams, Session, StepError, Violation,
    },
    target::provision::{ClientProvision, Provision},
    trace::{End, LinkFailure, Stage},
    wire::{Code, Role, RpcProtocol, SyncStreamItem, decode, descriptor_pool, v1},
};

/// The time at which every case begins, in milliseconds since the epoch.
const START_UNIX_MS: i64 = 1_800_000_000_000;
/// Flags and length in front of each message.
const FRAME_HEAD_LEN_BYTES: usize = 5;

pub fn not_opened(stage: Stage) -> Seen {
    let seen = "there is none in this process".to_owned();
    Seen::NotOpened(LinkFailure { stage, seen })
}

/// Either mind.
enum Mind {
    Host(Host),
    Client(Client),
}

pub struct World {
    mind: Mind,
    protocol: RpcProtocol,
    streams: BTreeMap<SessionId, Stream>,
    /// What has come from the peer, in order.
    inbox: VecDeque<(SessionId, Seen)>,
    /// When the client dials which host, by key id.
    dials: BTreeMap<String, Duration>,
    mind_wakes: Option<Duration>,
    pub now: Duration,
    /// Streams so far, and draws of randomness.
    count: u64,
}

struct Stream {
    /// What the actor calls it.
    name: String,
    /// Taken out while it steps; none once it has ended.
    session: Option<Session>,
    wakes: Option<Duration>,
    /// Bytes of a frame that is not complete.
    rest: Vec<u8>,
    has_answered: bool,
}

impl World {
    pub fn new(scenario: &Scenario, protocol: RpcProtocol) -> Self {
        let settings = Settings::default();
        let mut world = World {
            mind: match scenario.role {
                Role::Responder => {
                    let config = reference_config(&Provision::for_cases([scenario])).unwrap();
                    Mind::Host(Host::new(config, settings))
                }
                Role::Initiator => {
                    let provision = ClientProvision::for_cases("http://127.0.0.1:1", [scenario]);
                    Mind::Client(client(&provision, settings))
                }
            },
            protocol,
            streams: BTreeMap::new(),
            inbox: VecDeque::new(),
            dials: BTreeMap::new(),
            mind_wakes: None,
            now: Duration::ZERO,
            count: 0,
        };
        if let Mind::Client(client) = &world.mind {
            let effects = client.start(world.moment());
            world.carry_out(effects);
        }
        world
    }

    fn moment(&self) -> Moment {
        Moment {
            monotonic: self.now,
            unix_ms: START_UNIX_MS + self.now.as_millis() as i64,
        }
    }

    fn draw(&mut self) -> [u8; 32] {
        self.count += 1;
        let mut drawn = [0; 32];
        drawn[..8].copy_from_slice(&self.count.to_be_bytes());
        drawn
    }

    /// Dials the host, or takes the client's call.
    pub fn open(&mut self, name: &str, scenario: &Scenario, identity: &str) -> Seen {
        self.leave(name);
        let drawn = self.draw();
        let id = SessionId(self.count);
        let (session, outputs, effects) = match &mut self.mind {
            Mind::Host(host) => {
                let params = ResponderParams {
                    local: local(host.config()),
                    encapsulation: EncapsulationRandomness::from_seed(&drawn),
                };
                let (session, outputs) = Session::responder(params, self.now);
                (session, outputs, Vec::new())
            }
            Mind::Client(client) => {
                let keyid = scenario.fixtures.identity(identity).unwrap().keyid();
                let Some(at) = self.dials.remove(&keyid) else {
                    return not_opened(Stage::Call);
                };
                self.now = self.now.max(at);
                let moment = Moment {
                    monotonic: self.now,
                    unix_ms: START_UNIX_MS,
                };
                let Some((dial, effects)) = client.dial(&keyid, id, moment) else {
                    return not_opened(Stage::Call);
                };
                let params = InitiatorParams {
                    local: local(client.config()),
                    kem_seed: drawn,
                    expected: dial.expected,
                    pairing_secret: dial.pairing_secret,
                };
                let (session, outputs) = Session::initiator(params, self.now);
                (session, outputs, effects)
            }
        };
        let stream = Stream {
            name: name.to_owned(),
            session: Some(session),
            wakes: None,
            rest: Vec::new(),
            has_answered: false,
        };
        self.streams.insert(id, stream);
        self.follow(id, outputs);
        self.carry_out(effects);
        Seen::Opened
    }

    fn id_of(&self, name: &str) -> Option<SessionId> {
        let mut streams = self.streams.iter();
        streams
            .find(|(_, stream)| stream.name == name)
            .map(|(id, _)| *id)
    }

    /// Takes what we put onto a stream.
    pub fn take(&mut self, name: &str, out: Out) {
        let Some(id) = self.id_of(name) else {
            return;
        };
        match out {
            Out::Message(payload) => self.receive(id, &payload),
            Out::Raw(pieces) => self.receive_raw(id, &pieces.concat()),
            Out::HalfClose => self.refuse(
                id,
                Violation::session(RuleId::RpcEndHasStatus, "a half-close"),
            ),
            Out::Status(code) => self.end(id, &Gone::Ended(code), None),
            Out::Reset | Out::Cut => {
                let reason = "CANCEL, ours".to_owned();
                let gone = Gone::Lost(reason.clone());
                self.end(id, &gone, Some(End::Reset { reason }));
            }
        }
    }

    fn receive(&mut self, id: SessionId, payload: &[u8]) {
        match decode::item(payload) {
            Ok(item) => self.step(id, Input::Received(item)),
            Err(error) => self.refuse(
                id,
                Violation::session(RuleId::WireContract, error.to_string()),
            ),
        }
    }

    fn receive_raw(&mut self, id: SessionId, bytes: &[u8]) {
        let mut all = match self.streams.get_mut(&id) {
            Some(stream) => std::mem::take(&mut stream.rest),
            None => return,
        };
        all.extend_from_slice(bytes);
        let mut rest = &all[..];
        while let Some((head, behind)) = rest.split_at_checked(FRAME_HEAD_LEN_BYTES) {
            let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            if head[0] != 0 {
                let seen = "flags that were not agreed on";
                return self.refuse(id, Violation::session(RuleId::WireContract, seen));
            }
            let Some((payload, behind)) = behind.split_at_checked(len) else {
                break;
            };
            self.receive(id, payload);
            rest = behind;
        }
        let rest = rest.to_vec();
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.rest = rest;
        }
    }

    /// The actor reads nothing more of it.
    pub fn leave(&mut self, name: &str) {
        if let Some(id) = self.id_of(name) {
            self.end(id, &Gone::Lost("left".to_owned()), None);
            self.streams.remove(&id);
            self.inbox.retain(|(of, _)| *of != id);
        }
    }

    /// What comes next, or nothing where the time passes first.
    pub fn wait(&mut self, until: Duration) -> Option<(String, Seen)> {
        if let Some((id, seen)) = self.inbox.pop_front() {
            return Some((self.streams.get(&id)?.name.clone(), seen));
        }
        let streams = self
            .streams
            .iter()
            .filter_map(|(id, stream)| Some((stream.wakes?, Some(*id))));
        let mind = self.mind_wakes.map(|at| (at, None));
        let next = streams.chain(mind).min();
        match next.filter(|(at, _)| *at <= until) {
            None => self.now = self.now.max(until),
            Some((at, Some(id))) => {
                self.now = self.now.max(at);
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.wakes = None;
                }
                self.step(id, Input::TimePassed);
            }
            Some((at, None)) => {
                self.now = self.now.max(at);
                self.mind_wakes = None;
                let moment = self.moment();
                let effects = match &mut self.mind {
                    Mind::Host(host) => host.tick(moment),
                    Mind::Client(client) => client.tick(moment),
                };
                self.carry_out(effects);
            }
        }
        None
    }

    fn step(&mut self, id: SessionId, input: Input) {
        let stream = self.streams.get_mut(&id);
        let Some(session) = stream.and_then(|stream| stream.session.take()) else {
            return;
        };
        match session.step(input, self.now) {
            Ok((session, outputs)) => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.session = Some(session);
                }
                self.follow(id, outputs);
            }
            Err(StepError::Violation(violation)) => self.refuse(id, violation),
            // A misuse: what the mind wanted sent to a stream that it has not admitted.
            Err(_) => {}
        }
    }

    fn follow(&mut self, id: SessionId, outputs: Vec<Output>) {
        for output in outputs {
            let now = self.moment();
            let decided = match output {
                Output::Send(item) => {
                    self.show(id, &item);
                    continue;
                }
                Output::WakeAt(at) => {
                    self.set_wake(id, Some(at));
                    continue;
                }
                Output::NoWake => {
                    self.set_wake(id, None);
                    continue;
                }
                Output::PeerVerified(peer) => match &mut self.mind {
                    Mind::Host(host) => host.admit(id, &peer, now).map_err(violation),
                    Mind::Client(client) => client.admit(id, &peer, now),
                },
                Output::Deliver(action) => match &mut self.mind {
                    Mind::Host(host) => host.receive(id, action, now).map_err(violation),
                    Mind::Client(client) => client.receive(id, action, now),
                },
            };
            match decided {
                Ok(effects) => self.carry_out(effects),
                Err(violation) => return self.refuse(id, violation),
            }
        }
    }

    fn show(&mut self, id: SessionId, item: &SyncStreamItem) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if matches!(self.mind, Mind::Host(_)) && !stream.has_answered {
            stream.has_answered = true;
            let content_type = match self.protocol {
                RpcProtocol::Grpc => "application/grpc+proto",
                RpcProtocol::Connect => "application/connect+proto",
            };
            let answered = Seen::Answered {
                status: 200,
                content_type: content_type.to_owned(),
            };
            self.inbox.push_back((id, answered));
        }
        let message = Seen::Message {
            payload: item.encode_to_vec(),
            compressed: false,
        };
        self.inbox.push_back((id, message));
    }

    fn set_wake(&mut self, id: SessionId, at: Option<Duration>) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.wakes = at;
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(id, action) => self.step(id, Input::Submit(action)),
                Effect::End(id, Ok(())) => {
                    self.end(id, &Gone::Ended(Code::Ok), Some(self.farewell(Code::Ok)));
                }
                Effect::End(id, Err(violation)) => self.refuse(id, violation),
                Effect::WakeAt(at) => self.mind_wakes = Some(at),
                Effect::NoWake => self.mind_wakes = None,
                Effect::DialAt(keyid, at) => {
                    self.dials.insert(keyid, at);
                }
                _ => {}
            }
        }
    }

    fn refuse(&mut self, id: SessionId, violation: Violation) {
        let farewell = self.farewell(violation.code());
        self.end(id, &Gone::Violation(violation), Some(farewell));
    }

    /// A host ends a call with a status, a client leaves it.
    fn farewell(&self, code: Code) -> End {
        match self.mind {
            Mind::Host(_) => End::Status {
                code,
                message: String::new(),
            },
            Mind::Client(_) => End::HalfClosed,
        }
    }

    fn end(&mut self, id: SessionId, why: &Gone, shown: Option<End>) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        stream.wakes = None;
        // A violation was found while the session was taken out, so that this alone does not say whether it is over.
        stream.session = None;
        if let Some(end) = shown {
            self.inbox.push_back((id, Seen::Ended(end)));
        }
        let now = self.moment();
        let effects = match &mut self.mind {
            Mind::Host(host) => host.gone(id, why),
            Mind::Client(client) => client.gone(id, why, now),
        };
        self.carry_out(effects);
    }
}

fn client(provision: &ClientProvision, settings: Settings) -> Client {
    let config = Config::from_json(&provision.to_backrest_config().to_string()).unwrap();
    let mut client = Client::new(config, settings, Backoff::default());
    let list = descriptor_pool()
        .get_message_by_name("v1.OperationList")
        .unwrap();
    let list = DynamicMessage::deserialize(list, provision.operations()).unwrap();
    let list: v1::OperationList = list.transcode_to().unwrap();
    for operation in list.operations {
        client.put_operation(operation).unwrap();
    }
    client
}

fn local(config: &Config) -> Local {
    Local::new(config.identity().clone(), config.instance_id())
}

/// A store in memory does not fail.
fn violation(refusal: Refusal) -> Violation {
    match refusal {
        Refusal::Violation(violation) => violation,
        Refusal::Store(fault) => panic!("{fault}"),
    }
}

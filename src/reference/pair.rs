//! Both minds back to back, through real session machines on a clock that stands still.

use std::{collections::VecDeque, time::Duration};

use super::{
    backoff::Backoff,
    client::Client,
    config::Config,
    effect::{Effect, Gone, Moment, SessionId},
    fixture::keyid,
    host::Host,
    limits::Settings,
};
use crate::{
    crypto::{
        identity::KeyPolicy,
        kem::{EncapsulationRandomness, KemId},
    },
    session::{
        Deadlines, InitiatorParams, Input, Local, Output, ResponderParams, Session, StepError,
        Violation,
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
                (Output::PeerVerified(peer), Side::Host) => self.host.admit(id, &peer, self.now),
                (Output::PeerVerified(peer), Side::Client) => {
                    self.client.admit(id, &peer, self.now)
                }
                (Output::Deliver(action), Side::Host) => self.host.receive(id, action, self.now),
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

fn local(config: &Config) -> Local {
    Local {
        identity: config.identity().clone(),
        instance_id: config.instance_id().to_owned(),
        kem_id: KemId::default(),
        key_policy: KeyPolicy::Strict,
        deadlines: Deadlines {
            key_exchange: Duration::from_secs(15),
            handshake: Duration::from_secs(15),
        },
    }
}

mod tests {
    use super::*;
    use crate::{
        reference::{
            fixture::{
                config, operation, peer, permission, plan, repo, repo_metadata, sync, token,
            },
            oplog::OperationLog as _,
        },
        wire::{
            v1::{self, multihost::permission::Type},
            v1sync::{
                ConnectionState, SetRemoteClientConfigRequest,
                sync_stream_item::SyncActionRequestOperationData,
            },
        },
    };

    /// The client is unknown to the host and holds a pairing secret; the host shares its repo `shared`.
    fn strangers() -> Pair {
        let host = config("host", 1, |c| {
            c.repos = vec![v1::Repo {
                shared: true,
                ..repo("shared")
            }];
            let mut token = token("s3cret", 1);
            let shares = permission(Type::PermissionReceiveSharedRepos, &["*"]);
            token.permissions.push(shares);
            sync(c).pairing_tokens.push(token);
        });
        let client = config("client", 2, |c| {
            c.repos = vec![repo("r"), repo("private")];
            c.plans = vec![plan("p", "r")];
            let mut known = peer(
                "host",
                1,
                &[
                    permission(Type::PermissionReadOperations, &["repo:r"]),
                    permission(Type::PermissionReadWriteConfig, &["repo:r", "plan:p"]),
                    permission(Type::PermissionReceiveSharedRepos, &[]),
                ],
            );
            known.initial_pairing_secret = "s3cret".to_owned();
            sync(c).known_hosts.push(known);
        });
        Pair::new(host, client)
    }

    /// What the host holds of the client: original id and modno.
    fn held(pair: &Pair) -> Vec<(i64, i64)> {
        let held = pair.host.operations().operations(&keyid(2));
        held.map(|op| (op.original_id, op.modno)).collect()
    }

    fn put(pair: &mut Pair, operation: v1::Operation) {
        let effects = pair.client.put_operation(operation).unwrap();
        pair.carry_out_for_client(effects);
    }

    #[test]
    fn strangers_connect_then_paired_secret_forgotten_and_repo_shared() {
        let mut pair = strangers();
        pair.connect();
        assert!(pair.is_connected());

        let entry = pair.host.config().authorized_client(&keyid(2)).unwrap();
        assert_eq!(entry.instance_id, "client");
        assert!(pair.host.config().pairing_tokens().is_empty());
        let config = pair.client.config();
        assert_eq!(config.known_hosts()[0].initial_pairing_secret, "");

        let shared = config.repos().last().unwrap();
        assert_eq!(
            (shared.id.as_str(), shared.origin_instance_id.as_str()),
            ("shared", "host")
        );
        assert_eq!(
            pair.dials, 2,
            "the client dials anew once its config has changed, and then no more"
        );
    }

    #[test]
    fn connected_then_each_shows_the_other_what_it_grants() {
        let mut pair = strangers();
        pair.connect();
        let of_client = pair.host.peer_states().get(&keyid(2)).unwrap();
        assert_eq!(of_client.state(), ConnectionState::Connected);
        let config = of_client.remote_config.as_ref().unwrap();
        assert_eq!(
            (&config.repos[..], &config.plans[..]),
            (&[repo("r")][..], &[plan("p", "r")][..])
        );
        assert_eq!(of_client.known_repos, [repo_metadata("r")]);

        let of_host = pair.client.peer_states().get(&keyid(1)).unwrap();
        assert_eq!(of_host.known_repos, [repo_metadata("shared")]);
        assert_eq!(of_host.remote_config.as_ref().unwrap().version, 6);
    }

    #[test]
    fn operations_change_before_during_and_between_sessions_then_end_equal() {
        let mut pair = strangers();
        for id in 1..=600 {
            put(&mut pair, operation(id, 1));
        }
        put(
            &mut pair,
            v1::Operation {
                repo_guid: repo("private").guid,
                plan_id: "none".to_owned(),
                ..operation(1000, 1)
            },
        );
        pair.connect();
        assert_eq!(held(&pair), Vec::from_iter((1..=600).map(|id| (id, 1))));

        put(&mut pair, operation(601, 1));
        put(&mut pair, operation(2, 5));
        let effects = pair.client.delete_operation(3);
        pair.carry_out_for_client(effects);
        assert_eq!(held(&pair)[..3], [(1, 1), (2, 5), (4, 1)]);

        pair.cut();
        put(&mut pair, operation(4, 9));
        put(&mut pair, operation(602, 1));
        pair.client.delete_operation(5);
        assert_eq!(held(&pair).len(), 600);
        pair.connect();
        let own = pair.client.operations().iter().filter(|op| op.id != 1000);
        assert_eq!(held(&pair), Vec::from_iter(own.map(|op| (op.id, op.modno))));
    }

    #[test]
    fn host_sets_the_clients_config_then_applied_and_shown_back() {
        let mut pair = strangers();
        pair.connect();
        let request = SetRemoteClientConfigRequest {
            peer_keyid: keyid(2),
            plans: vec![v1::Plan {
                excludes: vec!["/tmp".to_owned()],
                ..plan("p", "r")
            }],
            ..SetRemoteClientConfigRequest::default()
        };
        let effects = pair.host.set_remote_client_config(request).unwrap();
        pair.carry_out_for_host(effects);
        assert_eq!(pair.client.config().plans()[0].excludes, ["/tmp"]);
        let shown = pair.host.peer_states().get(&keyid(2)).unwrap();
        let plans = &shown.remote_config.as_ref().unwrap().plans;
        assert_eq!(plans[0].excludes, ["/tmp"]);
    }

    #[test]
    fn host_asks_for_what_it_may_not_have_then_refused_at_both_ends() {
        let mut pair = strangers();
        pair.connect();
        let request = SetRemoteClientConfigRequest {
            peer_keyid: keyid(2),
            repos_to_delete: vec!["private".to_owned()],
            ..SetRemoteClientConfigRequest::default()
        };
        let effects = pair.host.set_remote_client_config(request).unwrap();
        pair.carry_out_for_host(effects);
        assert!(!pair.is_connected());
        let state = |states: &super::super::peer_states::PeerStates, seed| {
            states.get(&keyid(seed)).unwrap().state()
        };
        assert_eq!(
            state(pair.client.peer_states(), 1),
            ConnectionState::ErrorAuth
        );
        assert_eq!(
            state(pair.host.peer_states(), 2),
            ConnectionState::ErrorAuth
        );
        pair.connect();
        assert!(pair.is_connected());
    }

    #[test]
    fn client_removed_then_ended_and_refused_when_it_dials_again() {
        let mut pair = strangers();
        pair.connect();
        let without = |c: &mut v1::Config| sync(c).authorized_clients.clear();
        let config = pair.host.config().edited(without).unwrap();
        let effects = pair.host.replace_config(config);
        pair.carry_out_for_host(effects);
        assert!(!pair.is_connected());
        pair.connect();
        assert!(!pair.is_connected());
        let state = pair.client.peer_states().get(&keyid(1)).unwrap();
        assert_eq!(state.state(), ConnectionState::ErrorAuth);
    }

    #[test]
    fn client_speaks_as_a_host_then_refused_and_the_next_session_serves() {
        let mut pair = strangers();
        pair.connect();
        let request = SyncActionRequestOperationData { op_ids: vec![1] };
        let id = pair.stream.as_ref().unwrap().id;
        let action = Action::RequestOperationData(request);
        pair.carry_out_for_client(vec![Effect::Send(id, action)]);
        assert!(!pair.is_connected());
        pair.connect();
        assert!(pair.is_connected());
    }
}

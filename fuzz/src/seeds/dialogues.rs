//! Dialogues out of scenarios: what a scenario sends, in the cast of the fuzz targets.

use std::collections::BTreeMap;

use prost::Message as _;
use syncspec::{
    actor::deviating_handshake,
    model::load_catalogue,
    scenario::{
        CaseTemplate,
        deviation::{Deviation, IdentityFault, Part},
        fixtures::{Identity, PEER},
        model::{Scenario, Sendable, Step, Verb},
    },
    wire::{
        Action, Role, RpcProtocol,
        types::Int64List,
        v1::{OperationEvent, OperationList, operation_event::Event},
        v1sync::sync_stream_item::{
            SyncActionHandshake, SyncActionOperationManifest, SyncActionReceiveOperations,
            SyncActionRequestOperationData, SyncActionSetConfig, SyncActionThrottle,
        },
    },
};

use super::{PAUSE, cast, item, operation};
use crate::{
    generators::{
        dialogue::{Dialogue, Move, SLOTS},
        frame_fault::FrameFault,
        handshake::Replaced,
    },
    world::{self, Who},
};

/// What the scenarios for hosts send, and what they leave out.
pub fn host_dialogue() -> Vec<Vec<u8>> {
    let mut seeds = from_scenarios(Role::Responder);
    let created = |ids: &[i64]| {
        let operations = ids.iter().map(|id| operation(*id)).collect();
        operations_item(Event::CreatedOperations(OperationList { operations }))
    };
    let manifest = |op_ids: &[i64], modnos: &[i64]| {
        item(Action::OperationManifest(SyncActionOperationManifest {
            op_ids: op_ids.to_vec(),
            modnos: modnos.to_vec(),
        }))
    };
    let deleted = operations_item(Event::DeletedOperations(Int64List { values: vec![1, 9] }));
    let payloads = [
        created(&[1, 2]),
        manifest(&[1, 2, 3, 3], &[1, 2, 1, 1]),
        deleted,
        item(Action::Throttle(SyncActionThrottle { delay_ms: 9000 })),
        manifest(&[2, 4], &[1, 1]),
    ];
    for who in Who::ALL {
        let mut moves = vec![open(0, who), open(1, Who::Bob)];
        moves.extend(payloads.iter().map(|payload| send(0, payload)));
        moves.push(send(1, &payloads[0]));
        moves.extend([
            Move::Pause(PAUSE),
            Move::Operate {
                what: 0,
                payload: b"",
            },
        ]);
        moves.extend([
            Move::Reconfigure(3),
            Move::Reconfigure(1),
            open(2, who),
            Move::Cut { slot: 1 },
        ]);
        seeds.push(dialogue(true, 0, moves));
    }
    seeds.push(spliced());
    // About as many as a record holds; no mutation makes such a list out of a short one.
    let ids: Vec<i64> = (1..=1300).collect();
    let long = manifest(&ids, &vec![1; ids.len()]);
    seeds.push(dialogue(
        false,
        0,
        vec![open(0, Who::Alice), send(0, &long)],
    ));
    for secret in [
        world::SECRET_ONCE,
        world::SECRET_MANY,
        world::SECRET_EXPIRED,
        world::SECRET_USED_UP,
        "unknown",
    ] {
        let payload = SyncActionHandshake {
            pairing_secret: secret.to_owned(),
            ..SyncActionHandshake::default()
        }
        .encode_to_vec();
        let shake = |slot| Move::Handshake {
            slot,
            replaced: Replaced(Replaced::SECRET),
            payload: &payload,
        };
        let begin = |slot, who| Move::Open {
            slot,
            who,
            established: false,
        };
        let moves = vec![
            begin(0, Who::Carol),
            shake(0),
            begin(1, Who::Dave),
            shake(1),
            begin(2, Who::Alice),
            shake(2),
        ];
        seeds.push(dialogue(false, 0, moves));
    }
    seeds
}

/// What the scenarios for clients send, and what they leave out.
pub fn client_dialogue() -> Vec<Vec<u8>> {
    let mut seeds = from_scenarios(Role::Initiator);
    seeds.push(spliced());
    let changed = |edit: fn(&mut SyncActionSetConfig)| {
        let mut set_config = SyncActionSetConfig::default();
        edit(&mut set_config);
        item(Action::SetConfig(set_config))
    };
    let payloads = [
        item(Action::RequestOperationData(
            SyncActionRequestOperationData {
                op_ids: vec![1, 2, 2, 3, 4],
            },
        )),
        item(Action::RequestResources(Default::default())),
        item(Action::OperationManifest(
            SyncActionOperationManifest::default(),
        )),
        changed(|set| set.repos.push(world::repo("new"))),
        changed(|set| set.repos.push(world::repo("music"))),
        changed(|set| set.plans.push(world::plan("daily", "music"))),
        changed(|set| {
            set.plans.push(world::plan("new", "photos"));
            set.plans_to_delete.push("weekly".to_owned());
        }),
        changed(|set| set.repos_to_delete.push("music".to_owned())),
        changed(|set| {
            let taken = world::repo("photos");
            set.repos.push(syncspec::wire::v1::Repo {
                guid: world::guid("other"),
                ..taken
            });
        }),
    ];
    let put = operation(5).encode_to_vec();
    for config in 0..4 {
        for payload in &payloads {
            let moves = vec![
                open(0, Who::Alice),
                Move::Operate {
                    what: 0x80,
                    payload: &put,
                },
                send(0, payload),
                Move::Operate {
                    what: 1,
                    payload: b"",
                },
                open(1, Who::Alice),
                send(1, payload),
                Move::Pause(PAUSE),
                Move::Reconfigure(config + 1),
            ];
            seeds.push(dialogue(true, config, moves));
        }
    }
    seeds
}

fn dialogue(capable: bool, config: u8, moves: Vec<Move<'_>>) -> Vec<u8> {
    let dialogue = Dialogue {
        capable,
        config,
        moves,
    };
    dialogue.to_bytes()
}

/// Two sessions of one peer, the second proved with a signature over the transcript of the first.
fn spliced() -> Vec<u8> {
    let begin = |slot| Move::Open {
        slot,
        who: Who::Alice,
        established: false,
    };
    let handshake = Move::Handshake {
        slot: 1,
        replaced: Replaced(Replaced::TRANSCRIPT),
        payload: b"",
    };
    dialogue(false, 0, vec![begin(0), begin(1), handshake])
}

fn open<'a>(slot: u8, who: Who) -> Move<'a> {
    Move::Open {
        slot,
        who,
        established: true,
    }
}

fn send(slot: u8, payload: &[u8]) -> Move<'_> {
    Move::Send {
        slot,
        fault: FrameFault::None,
        payload,
    }
}

fn operations_item(event: Event) -> Vec<u8> {
    item(Action::ReceiveOperations(SyncActionReceiveOperations {
        event: Some(OperationEvent { event: Some(event) }),
    }))
}

/// Every case of the suite.
pub fn catalogue() -> Vec<CaseTemplate> {
    load_catalogue().expect("the suite's own cases load, as its tests hold")
}

fn from_scenarios(role: Role) -> Vec<Vec<u8>> {
    let templates = catalogue();
    let scenarios = templates
        .iter()
        .filter_map(|template| template.instantiate(role, RpcProtocol::Grpc));
    let mut seeds: Vec<Vec<u8>> = scenarios.map(|scenario| of_scenario(&scenario)).collect();
    seeds.sort();
    seeds.dedup();
    seeds
}

fn of_scenario(scenario: &Scenario) -> Vec<u8> {
    let mut slots: BTreeMap<&str, u8> = BTreeMap::new();
    let mut moves = Vec::new();
    let mut callers = BTreeMap::new();
    let mut opened = 0;
    // Those are lent to the moves, which the steps make of them in the same order.
    let payloads: Vec<(Who, Option<Said>)> = scenario
        .steps
        .iter()
        .map(|step| {
            let identity = match &step.verb {
                Verb::Connect(connect) => Some(&connect.identity),
                Verb::Establish(establish) => Some(&establish.identity),
                _ => None,
            };
            if let Some(identity) = identity {
                let caller = who(scenario, identity.as_deref());
                callers.insert(step.on.as_deref(), (caller, opened));
                opened += 1;
            }
            let caller = callers.get(&step.on.as_deref());
            let (caller, session) = *caller.unwrap_or(&(Who::Alice, 0));
            (caller, said(scenario, step, caller, session))
        })
        .collect();
    for (step, (who, said)) in scenario.steps.iter().zip(&payloads) {
        let session = step.on.as_deref().unwrap_or("main");
        let next = slots.len() as u8 % SLOTS;
        let slot = *slots.entry(session).or_insert(next);
        let begin = |established| Move::Open {
            slot,
            who: *who,
            established,
        };
        match &step.verb {
            Verb::Connect(_) => moves.push(begin(false)),
            // Signatures cost more than all that follows them: where nothing is said about them they are taken as made.
            Verb::Establish(_) => moves.push(begin(said.is_none())),
            Verb::HalfClose(_) | Verb::Reset(_) => moves.push(Move::Cut { slot }),
            _ => {}
        }
        match said {
            Some(Said::Handshake { replaced, payload }) => moves.push(Move::Handshake {
                slot,
                replaced: *replaced,
                payload,
            }),
            Some(Said::Item(payload)) => moves.push(Move::Send {
                slot,
                fault: fault_of(step, scenario),
                payload,
            }),
            None => {}
        }
    }
    dialogue(false, 0, moves)
}

/// What a step sends behind the key exchange.
enum Said {
    Handshake {
        replaced: Replaced,
        payload: Vec<u8>,
    },
    Item(Vec<u8>),
}

fn said(scenario: &Scenario, step: &Step, caller: Who, session: u8) -> Option<Said> {
    let deviations: Vec<Deviation> = scenario
        .deviate
        .iter()
        .chain(&step.deviate)
        .filter(|deviation| is_of_handshake(deviation))
        .cloned()
        .collect();
    let secret = match &step.verb {
        Verb::Send(Sendable::Item(message)) => {
            return Some(Said::Item(message.item.encode_to_vec()));
        }
        Verb::Send(Sendable::Handshake) => "",
        Verb::Establish(establish) if establish.secret.is_some() => world::SECRET_ONCE,
        Verb::Establish(_) if !deviations.is_empty() => "",
        _ => return None,
    };
    let identity = sender(scenario, caller);
    let payload = deviating_handshake(&identity, secret, &world::transcript(session), &deviations);
    let secret_alone = match secret {
        "" => 0,
        _ => Replaced::SECRET,
    };
    Some(Said::Handshake {
        replaced: Replaced(match deviations.is_empty() || payload.is_none() {
            true => secret_alone,
            false => Replaced::EVERYTHING,
        }),
        payload: payload.unwrap_or_default().encode_to_vec(),
    })
}

/// Who stands for an identity of the case.
fn who(scenario: &Scenario, name: Option<&str>) -> Who {
    let name = name.unwrap_or(PEER);
    let known = scenario
        .fixtures
        .identity(name)
        .is_some_and(|identity| identity.known);
    cast(name, known)
}

/// Whose handshakes it sends: towards a client, the one it knows is the host.
fn sender(scenario: &Scenario, who: Who) -> Identity {
    let (instance_id, seed) = match (scenario.role, who) {
        (Role::Initiator, Who::Alice) => (world::HOST, world::host_seed()),
        _ => (who.instance_id(), who.seed()),
    };
    Identity {
        name: PEER.to_owned(),
        instance_id: instance_id.to_owned(),
        seed,
        known: true,
        permissions: Vec::new(),
    }
}

/// A handshake of somebody else altogether is none of them: the cast has its own strangers.
fn is_of_handshake(deviation: &Deviation) -> bool {
    deviation.part() == Part::Handshake
        && *deviation != Deviation::Identity(IdentityFault::UnknownKey)
}

fn fault_of(step: &Step, scenario: &Scenario) -> FrameFault {
    let mut deviations = scenario.deviate.iter().chain(&step.deviate);
    let byte = deviations.find_map(FrameFault::byte_of);
    byte.map_or(FrameFault::None, FrameFault::of)
}

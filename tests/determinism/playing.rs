//! One case, played against the peer in this process, and again with the same answers.

use std::time::Duration;

use syncspec::{
    actor::{Actor, Command, Entropy, Input as Seen, Patience},
    crypto::kem::KemId,
    scenario::model::Scenario,
    trace::{Stage, Trace},
    wire::RpcProtocol,
};

use crate::world::{World, not_opened};

/// Commands after which a case is taken to be in a loop.
const COMMANDS_MAX: usize = 1_000_000;

/// What came of a case.
pub struct Played {
    /// What was seen.
    pub trace: Trace,
    /// What was asked of the actor and told it, in order.
    pub calls: Vec<Call>,
}

/// One call of the actor.
pub enum Call {
    /// It was asked what to do at this time, and said this.
    Next(Duration, Command),
    /// It was told this.
    Note(String, Seen, Duration),
}

/// Plays a case against the reference in this process.
pub fn play(scenario: &Scenario, protocol: RpcProtocol, seed: u64) -> Played {
    let mut actor = actor(scenario, protocol, seed);
    let mut world = World::new(scenario, protocol);
    let mut calls = Vec::new();
    for _ in 0..COMMANDS_MAX {
        let command = actor.next(world.now);
        calls.push(Call::Next(world.now, command.clone()));
        let happened = match command {
            Command::Finish => {
                return Played {
                    trace: actor.into_trace(),
                    calls,
                };
            }
            Command::Send { session, out } => {
                world.take(&session, out);
                None
            }
            Command::Open {
                session, identity, ..
            } => {
                let opened = world.open(&session, scenario, &identity);
                Some((session, opened))
            }
            Command::Ask { session, .. } => Some((session, not_opened(Stage::Rpc))),
            Command::Ping { session } => Some((session, Seen::Alive)),
            Command::Stall { session } | Command::Close { session } => {
                world.leave(&session);
                None
            }
            Command::Wait { until } => world.wait(until),
        };
        if let Some((session, seen)) = happened {
            actor.note(&session, seen.clone(), world.now);
            calls.push(Call::Note(session, seen, world.now));
        }
    }
    panic!("{}: no end within {COMMANDS_MAX} commands", scenario.id);
}

/// Plays it again with the same answers of the peer; what was done first that had not been done then.
pub fn replay(
    scenario: &Scenario,
    protocol: RpcProtocol,
    seed: u64,
    calls: &[Call],
) -> Option<Command> {
    let mut actor = actor(scenario, protocol, seed);
    for call in calls {
        match call {
            Call::Next(now, command) => {
                let again = actor.next(*now);
                if again != *command {
                    return Some(again);
                }
            }
            Call::Note(session, seen, now) => actor.note(session, seen.clone(), *now),
        }
    }
    None
}

fn actor(scenario: &Scenario, protocol: RpcProtocol, seed: u64) -> Actor<'_> {
    let entropy = Entropy::new(seed, &format!("{}/{protocol}", scenario.id));
    let patience = Patience::from_round_trip(Duration::ZERO);
    Actor::new(scenario, entropy, KemId::default(), patience)
}

//! What the actor sends, without a peer.

use std::time::Duration;

use super::*;
use crate::{
    scenario::by_hand::case_of,
    trace::EVENTS_MAX,
    wire::{Role, RpcProtocol},
};

const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(5),
    grace: Duration::from_millis(250),
};

fn scenario(text: &str) -> Scenario {
    case_of(text, Role::Responder, RpcProtocol::Grpc)
}

fn honest() -> Scenario {
    scenario(
        "about: A claim.\nrules: [responder.survives]\ntarget: responder\nsteps: [establish, fence]\n",
    )
}

/// The commands up to the first wait, the stream opened when asked for.
fn first_commands(actor: &mut Actor<'_>) -> Vec<Command> {
    let mut commands = Vec::new();
    loop {
        match actor.next(Duration::ZERO) {
            Command::Wait { .. } | Command::Finish => return commands,
            command => {
                if let Command::Open { session, .. } = &command {
                    actor.note(&session.clone(), Input::Opened, Duration::ZERO);
                }
                commands.push(command);
            }
        }
    }
}

fn key_sent(seed: u64, case: &str) -> Vec<Command> {
    let scenario = honest();
    let mut actor = Actor::new(
        &scenario,
        Entropy::new(seed, case),
        KemId::default(),
        PATIENCE,
    );
    first_commands(&mut actor)
}

#[test]
fn same_seed_then_same_bytes_and_another_seed_or_case_then_others() {
    let first = key_sent(1, "a");
    assert!(
        first
            .iter()
            .any(|command| matches!(command, Command::Send { .. }))
    );
    assert_eq!(first, key_sent(1, "a"));
    assert_ne!(first, key_sent(2, "a"));
    assert_ne!(first, key_sent(1, "b"));
}

#[test]
fn silence_then_the_case_ends_at_its_deadline_and_not_before() {
    let scenario = honest();
    let mut actor = Actor::new(&scenario, Entropy::new(1, "a"), KemId::default(), PATIENCE);
    first_commands(&mut actor);
    let Command::Wait { until } = actor.next(Duration::ZERO) else {
        panic!("the peer's key is awaited");
    };
    assert_eq!(until, PATIENCE.answer);
    assert!(matches!(
        actor.next(until - Duration::from_millis(1)),
        Command::Wait { .. }
    ));
    // Our handshake can't be sent without keys; what is left is the wait for the session itself.
    let Command::Wait { until } = actor.next(until) else {
        panic!("the session is awaited");
    };
    assert_eq!(actor.next(until), Command::Finish);
    let trace = actor.into_trace();
    assert!(matches!(
        trace.events.last().map(|event| &event.kind),
        Some(EventKind::DeadlinePassed { .. })
    ));
}

#[test]
fn hostile_bytes_then_recorded_and_never_a_panic() {
    for payload in [
        vec![],
        vec![0xff; 100],
        vec![0x2a, 0xff, 0xff, 0xff, 0x7f],
        vec![0x12, 0x00],
    ] {
        let scenario = honest();
        let mut actor = Actor::new(&scenario, Entropy::new(1, "a"), KemId::default(), PATIENCE);
        first_commands(&mut actor);
        let compressed = false;
        actor.note(
            MAIN_SESSION,
            Input::Message {
                payload,
                compressed,
            },
            Duration::ZERO,
        );
        assert!(matches!(
            actor.into_trace().events.last().map(|event| &event.kind),
            Some(EventKind::Broke(_))
        ));
    }
}

#[test]
fn flood_then_the_trace_stays_bounded_and_the_case_ends() {
    let scenario = honest();
    let mut actor = Actor::new(&scenario, Entropy::new(1, "a"), KemId::default(), PATIENCE);
    first_commands(&mut actor);
    for _ in 0..EVENTS_MAX * 2 {
        let answered = Input::Answered {
            status: 200,
            content_type: String::new(),
        };
        actor.note(MAIN_SESSION, answered, Duration::ZERO);
    }
    assert_eq!(actor.next(Duration::ZERO), Command::Finish);
    assert!(actor.into_trace().events.len() <= EVENTS_MAX + 1);
}

#[test]
fn client_that_may_go_on_then_its_answer_is_awaited_before_another_session_is_its_witness() {
    for (ending, waits) in [("{}", 1), ("{ or-goes-on: true }", 2)] {
        let text = format!(
            "about: A claim.\nrules: [initiator.survives]\ntarget: initiator\nsteps:\n  - connect\n  \
             - expect-refused: {ending}\n"
        );
        let scenario = case_of(&text, Role::Initiator, RpcProtocol::Connect);
        let mut actor = Actor::new(&scenario, Entropy::new(1, "a"), KemId::default(), PATIENCE);
        // The first wait is for the client's key.
        let mut now = Duration::ZERO;
        loop {
            match actor.next(now) {
                Command::Wait { until } => now = until,
                Command::Open { session, .. } if session == PROBE_SESSION => break,
                Command::Open { session, .. } => actor.note(&session, Input::Opened, now),
                Command::Finish => panic!("no witness for `{ending}`"),
                _ => {}
            }
        }
        assert_eq!(now, PATIENCE.answer * waits, "{ending}");
    }
}

//! Variations without a peer: what is made can be played and kept, and what shows once is not believed.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    campaign::Dice,
    judge::{Verdict, judge},
    model::{Item, load_catalogue},
    rules::RuleId,
    scenario::{
        CaseTemplate,
        message::Message,
        model::{Sendable, Verb},
        sessions::SHOWN,
    },
    trace::{End, Event, EventKind, Sent, Trace},
    wire::{Code, v1sync::PeerState},
};

const VARIATIONS: usize = 200;

fn stock(role: Role) -> Stock {
    let templates = load_catalogue().unwrap();
    let cases = templates.iter().filter_map(|case| {
        Some(Base {
            scenario: Arc::new(case.instantiate(role, RpcProtocol::Grpc)?),
            protocol: RpcProtocol::Grpc,
        })
    });
    Stock::new(role, cases)
}

#[test]
fn any_variation_then_it_is_kept_as_a_file_that_loads() {
    for role in [Role::Responder, Role::Initiator] {
        let stock = stock(role);
        let mut dice = Dice::new(5);
        let mut unloadable = Vec::new();
        let mut made = 0;
        for _ in 0..VARIATIONS {
            // Now and then the dice find nothing to change.
            let base = dice.one_of(stock.bases()).unwrap();
            let once = stock.changed(&Variation::of(base), &mut dice);
            let Some(variation) = once.and_then(|once| stock.changed(&once, &mut dice)) else {
                continue;
            };
            made += 1;
            let base = stock.base(&variation.base, variation.protocol).unwrap();
            let file = file_of(&variation, &base.scenario, &Trace::default(), None);
            let template = CaseTemplate::generated("found", &file);
            let problems = match &template {
                Ok(template) => template.problems(),
                Err(errors) => errors.clone(),
            };
            unloadable.extend(problems.first().map(|problem| problem.render()));
            let json = serde_json::to_string(&variation).unwrap();
            assert_eq!(serde_json::from_str::<Variation>(&json).unwrap(), variation);
            for shorter in shorter(&variation, &base.scenario, variation.steps.len()) {
                assert!(shorter.weight() < variation.weight());
            }
        }
        assert!(made * 10 > VARIATIONS * 9, "{made} of {VARIATIONS}");
        // What files are held to is more than what can be played: such a finding is kept as a text to be read.
        assert!(
            unloadable.len() * 50 <= VARIATIONS,
            "{}",
            unloadable.join("\n")
        );
    }
}

#[test]
fn same_seed_then_same_variations() {
    let stock = Arc::new(stock(Role::Responder));
    let variations = || {
        let mut search = Search::new(9, stock.clone(), Vec::new());
        let trials = (0..30).filter_map(|_| search.next_trial(&|_, _| true));
        trials.map(|trial| trial.variation).collect::<Vec<_>>()
    };
    assert_eq!(variations(), variations());
}

fn event(kind: EventKind) -> Event {
    Event {
        at: Duration::ZERO,
        step: 1,
        session: "main".to_owned(),
        kind,
    }
}

fn sent() -> EventKind {
    sent_spoilt("heartbeat")
}

fn sent_spoilt(what: &str) -> EventKind {
    EventKind::Sent(Sent {
        what: what.to_owned(),
        item: None,
        counter: Some(1),
        deviations: vec!["nonce: repeat-last".to_owned()],
        fence: None,
    })
}

fn seen(stock: &Stock, kinds: Vec<EventKind>) -> Seen {
    seen_of(stock, kinds.into_iter().map(event).collect())
}

fn seen_of(stock: &Stock, events: Vec<Event>) -> Seen {
    let scenario = &stock.bases()[0].scenario;
    let trace = Trace { events };
    let verdict = Verdict::Judged(Vec::new());
    assert!(judge(scenario, &trace) == judge(scenario, &trace));
    Seen::of(scenario, &trace, &verdict)
}

fn ended(code: Code) -> EventKind {
    EventKind::Ended(End::Status {
        code,
        message: "any text".to_owned(),
    })
}

#[test]
fn peer_parts_from_the_reference_then_told_where_and_behind_what() {
    let stock = stock(Role::Responder);
    let refused = seen(&stock, vec![sent(), ended(Code::Internal)]);
    assert_eq!(refused.differs(&refused), None);
    let silent = seen(&stock, vec![sent()]);
    let difference = refused.differs(&silent).unwrap();
    assert!(
        difference
            .key
            .contains("is silent where the reference refuses")
            && difference.key.contains("nonce: repeat-last"),
        "{}",
        difference.key
    );
    let other = seen(&stock, vec![sent(), ended(Code::InvalidArgument)]);
    let difference = refused.differs(&other).unwrap();
    assert!(
        difference.key.starts_with("refuses otherwise"),
        "{}",
        difference.key
    );
    assert_eq!(difference.rule, None);
}

#[test]
fn list_of_messages_in_another_order_then_no_difference() {
    let stock = stock(Role::Responder);
    let config = |ids: [&str; 2]| {
        let repos = ids.map(|id| serde_json::json!({ "id": id }));
        let json = serde_json::json!({ "receiveResources": { "repos": repos } });
        let received = EventKind::Received {
            counter: 1,
            item: crate::scenario::message::item_from_json(&json).unwrap(),
        };
        seen(&stock, vec![sent(), received])
    };
    let (one, other) = (config(["a", "b"]), config(["b", "a"]));
    assert_eq!(one.differs(&other), None);
    assert!(one.differs(&config(["a", "c"])).is_some());
}

#[test]
fn manifest_in_another_order_then_no_difference_unless_other_modnos_go_with_the_ids() {
    let stock = stock(Role::Initiator);
    let manifest = |ids: [&str; 2], modnos: [&str; 2]| {
        let json = serde_json::json!({ "operationManifest": { "opIds": ids, "modnos": modnos } });
        let received = EventKind::Received {
            counter: 1,
            item: crate::scenario::message::item_from_json(&json).unwrap(),
        };
        seen(&stock, vec![received])
    };
    let one = manifest(["21", "9"], ["1", "2"]);
    assert_eq!(one.differs(&manifest(["9", "21"], ["2", "1"])), None);
    assert!(one.differs(&manifest(["9", "21"], ["1", "2"])).is_some());
}

#[test]
fn something_more_comes_then_a_difference_only_where_a_step_waits_for_it() {
    let stock = stock(Role::Responder);
    let in_session = |session: &str, kinds: Vec<EventKind>| {
        let events = kinds.into_iter().map(|kind| Event {
            session: session.to_owned(),
            ..event(kind)
        });
        seen_of(&stock, events.collect())
    };
    let own = stock.bases()[0].scenario.steps[1].session();
    for (session, is_difference) in [(own, true), ("beside", false)] {
        let less = in_session(session, vec![EventKind::KeyExchanged]);
        let more = vec![EventKind::KeyExchanged, ended(Code::Internal)];
        let more = in_session(session, more);
        assert_eq!(less.differs(&more).is_some(), is_difference, "{session}");
        assert_eq!(more.differs(&less).is_some(), is_difference, "{session}");
        // What came otherwise is one whoever waited.
        let other = in_session(session, vec![ended(Code::Internal)]);
        assert!(less.differs(&other).is_some());
    }
}

#[test]
fn client_ends_sooner_what_both_end_then_no_difference() {
    let stock = stock(Role::Initiator);
    let own = stock.bases()[0].scenario.steps[1].session();
    let in_session = |kinds: &[EventKind]| {
        let events = kinds.iter().map(|kind| Event {
            session: own.to_owned(),
            ..event(kind.clone())
        });
        seen_of(&stock, events.collect())
    };
    let (key, sealed, ended) = (
        EventKind::KeyExchanged,
        EventKind::Unopened,
        ended(Code::Internal),
    );
    let reference = in_session(&[key.clone(), sealed.clone(), ended.clone()]);
    assert_eq!(
        reference.differs(&in_session(&[key.clone(), ended.clone()])),
        None
    );
    // One that goes on owes it, and one that ends owes nothing more than the reference.
    assert!(
        reference
            .differs(&in_session(std::slice::from_ref(&key)))
            .is_some()
    );
    assert!(
        reference
            .differs(&in_session(&[key, sealed.clone(), sealed, ended]))
            .is_some()
    );
}

#[test]
fn host_ends_at_the_same_step_with_less_said_before_then_no_difference() {
    let stock = stock(Role::Responder);
    let (key, sealed) = (|| EventKind::KeyExchanged, || EventKind::Unopened);
    let at_step = |step: usize, kinds: Vec<EventKind>| {
        let events = kinds.into_iter().map(|kind| Event {
            step,
            ..event(kind)
        });
        seen_of(&stock, events.collect())
    };
    let reference = at_step(1, vec![key(), sealed(), ended(Code::Internal)]);
    let less = at_step(1, vec![key(), ended(Code::Internal)]);
    assert_eq!(reference.differs(&less), None);
    assert_eq!(less.differs(&reference), None);
    let others = [
        at_step(1, vec![key(), ended(Code::InvalidArgument)]),
        at_step(2, vec![key(), ended(Code::Internal)]),
        at_step(1, vec![key()]),
        // What it says before is another thing, not less.
        at_step(1, vec![sealed(), sealed(), ended(Code::Internal)]),
    ];
    for (number, other) in others.iter().enumerate() {
        assert!(reference.differs(other).is_some(), "{number}");
    }
}

#[test]
fn same_fault_in_another_item_then_the_same_difference_and_in_a_handshake_another() {
    let stock = stock(Role::Responder);
    let behind = |what: &str| {
        let end = |code| seen(&stock, vec![sent_spoilt(what), ended(code)]);
        end(Code::Internal).differs(&end(Code::Ok)).unwrap().key
    };
    assert_eq!(behind("heartbeat"), behind("receiveConfig"));
    assert_ne!(behind("heartbeat"), behind("handshake"));
}

#[test]
fn shown_at_the_second_call_then_as_good_as_at_the_first() {
    let stock = stock(Role::Responder);
    let shown = |kinds: Vec<EventKind>| {
        let events = kinds.into_iter().map(|kind| Event {
            session: SHOWN.to_owned(),
            ..event(kind)
        });
        seen_of(&stock, events.collect())
    };
    let (opened, key) = (|| EventKind::Opened, || EventKind::KeyExchanged);
    let once = shown(vec![opened(), key(), ended(Code::Internal)]);
    let twice = shown(vec![
        opened(),
        key(),
        opened(),
        key(),
        ended(Code::Internal),
    ]);
    assert_eq!(once.differs(&twice), None);
    let other = shown(vec![
        opened(),
        key(),
        opened(),
        EventKind::Unopened,
        ended(Code::Internal),
    ]);
    assert!(once.differs(&other).is_some());
}

#[test]
fn client_ends_an_earlier_call_then_the_latest_is_still_owed() {
    let stock = stock(Role::Initiator);
    // What is shown is waited for by whoever plays the step.
    let scenario = Scenario {
        steps: vec![Step {
            on: Some(SHOWN.to_owned()),
            ..stock.bases()[0].scenario.steps[1].clone()
        }],
        ..(*stock.bases()[0].scenario).clone()
    };
    let shown = |kinds: Vec<EventKind>| {
        let events = kinds.into_iter().map(|kind| Event {
            step: 0,
            session: SHOWN.to_owned(),
            ..event(kind)
        });
        let events = events.collect();
        Seen::of(&scenario, &Trace { events }, &Verdict::Judged(Vec::new()))
    };
    let first = || vec![EventKind::Opened, ended(Code::Internal), EventKind::Opened];
    let reference = shown([first(), vec![EventKind::KeyExchanged]].concat());
    assert!(reference.differs(&shown(first())).is_some());
}

#[test]
fn heartbeat_noted_in_another_unit_then_a_difference_and_at_another_time_none() {
    let ground = grounds(Role::Responder, &[RpcProtocol::Grpc]).unwrap();
    let is_asked_of_state =
        |base: &&Base| base.scenario.id == "fuzz/ground-responder-looked-into-0";
    let base = ground.iter().find(is_asked_of_state).unwrap();
    let noted = |last_heartbeat_millis| {
        let state = PeerState {
            last_heartbeat_millis,
            ..PeerState::default()
        };
        let mut event = event(EventKind::State(Box::new(state)));
        let look = |step: &Step| matches!(step.verb, Verb::ExpectState(_));
        event.step = base.scenario.steps.iter().position(look).unwrap();
        let trace = Trace {
            events: vec![event],
        };
        Seen::of(&base.scenario, &trace, &judge(&base.scenario, &trace))
    };
    let reference = noted(1_795_000_000_123);
    let difference = reference.differs(&noted(1_795_000_000)).unwrap();
    assert_eq!(difference.key, "tells another state of ");
    assert_eq!(reference.differs(&noted(1_795_000_060_456)), None);
}

#[test]
fn operations_told_in_another_writing_then_no_difference() {
    let ground = grounds(Role::Responder, &[RpcProtocol::Grpc]).unwrap();
    let look = |step: &Step| matches!(step.verb, Verb::ExpectOperations(_));
    let looks = |base: &&Base| base.scenario.steps.iter().any(look);
    let base = ground.iter().find(looks).unwrap();
    let told = |operation: serde_json::Value| {
        let answer = serde_json::json!({ "operations": [operation] });
        let mut event = event(EventKind::Told(Ok(answer)));
        event.step = base.scenario.steps.iter().position(look).unwrap();
        let trace = Trace {
            events: vec![event],
        };
        Seen::of(&base.scenario, &trace, &judge(&base.scenario, &trace))
    };
    let reference =
        told(serde_json::json!({ "id": "5", "flowId": "5", "originalId": "1", "modno": "3" }));
    let same = told(serde_json::json!({ "modno": 3, "originalId": 1, "flowId": 9, "id": 8 }));
    assert_eq!(reference.differs(&same), None);
    let other = told(serde_json::json!({ "modno": 4, "originalId": 1 }));
    let difference = reference.differs(&other).unwrap();
    assert_eq!(difference.key, "tells another operations");
}

#[test]
fn state_is_asked_for_before_all_is_answered_then_nothing_to_compare() {
    let stock = stock(Role::Responder);
    let noted = |last_heartbeat_millis| {
        let state = PeerState {
            last_heartbeat_millis,
            ..PeerState::default()
        };
        let mut event = event(EventKind::State(Box::new(state)));
        event.step = 1;
        seen_of(&stock, vec![event])
    };
    assert_eq!(noted(1_795_000_000_123).differs(&noted(5)), None);
}

#[test]
fn peer_breaks_a_rule_by_itself_then_that_rule_is_named() {
    let stock = stock(Role::Responder);
    let honest = seen(&stock, vec![sent()]);
    let mut broken = honest.clone();
    let rule = RuleId::EnvelopeNonceCountsUp;
    broken.broken.push((rule, "a nonce of 7".to_owned()));
    assert_eq!(honest.differs(&broken).unwrap().rule, Some(rule));
    assert_eq!(broken.differs(&broken), None);
}

#[test]
fn difference_that_shows_once_then_not_believed_and_one_that_stays_is_made_shorter() {
    let stock = Arc::new(stock(Role::Responder));
    let honest = seen(&stock, vec![sent()]);
    let other = seen(&stock, vec![sent(), ended(Code::Internal)]);
    let mut search = Search::new(3, stock, Vec::new());
    let any = |_: &str, _: RpcProtocol| true;
    // Once.
    let trial = search.next_trial(&any).unwrap();
    assert!(search.played(trial, &honest, &other).found.is_none());
    let again = search.next_trial(&any).unwrap();
    assert!(again.is_doubt);
    assert!(search.played(again, &honest, &honest).found.is_none());
    assert!(search.is_settled());
    // Each time.
    let mut found = Vec::new();
    for _ in 0..200 {
        let trial = search.next_trial(&any).unwrap();
        found.extend(search.played(trial, &honest, &other).found);
    }
    assert_eq!(search.departures().count(), 1);
    let weights: Vec<_> = found.iter().map(|one| one.variation.weight()).collect();
    assert!(
        weights.len() > 1 && weights.is_sorted_by(|left, right| left > right),
        "{weights:?}"
    );
}

#[test]
fn text_to_spoil_then_an_item_has_one() {
    let stock = stock(Role::Initiator);
    let mut dice = Dice::new(3);
    for item in [
        Item::Heartbeat,
        Item::SetConfig,
        Item::OperationWithoutFields,
    ] {
        let mut verb = Verb::Send(Sendable::Item(Message::from_json(item.json()).unwrap()));
        stock.spoil_text(&mut verb, &mut dice);
        let Verb::Send(Sendable::Item(message)) = verb else {
            panic!("still an item is sent");
        };
        assert!(message.json.to_string().contains('\u{fffd}'), "{message:?}");
    }
}

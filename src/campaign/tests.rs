//! The campaign without a peer: what it makes is playable, and what it learns it keeps.

use std::collections::BTreeSet;

use super::{generate::mended, *};
use crate::{
    judge::{self, Verdict},
    model::{Item, Message, State},
    rules::{Level, RuleId},
    scenario::{
        deviation::{CiphertextFault, Deviation},
        model::{Location, STEPS_MAX, Sendable, Verb},
    },
    trace::Trace,
    wire::{Action, RpcProtocol},
};

fn turn(say: Saying) -> Turn {
    Turn { say, shown: true }
}

fn item(item: Item) -> Turn {
    turn(Saying::Message(Message::Item(item)))
}

fn established(turns: Vec<Turn>) -> Dialogue {
    Dialogue {
        begin: Begin::Established,
        turns,
    }
}

#[test]
fn any_generated_dialogue_then_its_scenario_loads() {
    let mut dice = Dice::new(7);
    let mut campaign = Campaign::new(7, Vec::new());
    for _ in 0..400 {
        let task = campaign.next_task();
        let script = script(&task.dialogue).expect("what is generated makes sense");
        let scenario = lane_scenario(&script, "fuzz/lane-1", RpcProtocol::Grpc, task.number)
            .unwrap_or_else(|errors| panic!("{}\n{:?}", errors[0].render(), task.dialogue));
        assert!(scenario.steps.len() <= STEPS_MAX);
        assert_eq!(scenario.steps.len(), script.turn_of_step.len());
        let json = serde_json::to_string(&task.dialogue).unwrap();
        assert_eq!(
            serde_json::from_str::<Dialogue>(&json).unwrap(),
            task.dialogue
        );
        // As if each were new: the next ones are changed from it.
        let mut trace = Trace::default();
        if dice.once_in(2) {
            trace.events.clear();
        }
        campaign.played(task, 0, &script, &trace, &Verdict::Judged(Vec::new()));
    }
    assert!(
        campaign.unvisited().is_empty(),
        "{:?}",
        campaign.unvisited()
    );
}

#[test]
fn same_seed_then_same_dialogues() {
    let dialogues = || {
        let mut campaign = Campaign::new(3, Vec::new());
        let tasks = (0..50).map(|_| campaign.next_task().dialogue);
        tasks.collect::<Vec<_>>()
    };
    assert_eq!(dialogues(), dialogues());
}

#[test]
fn turn_that_makes_no_sense_where_it_stands_then_left_out() {
    let spoilt = turn(Saying::Spoilt(Deviation::Ciphertext(
        CiphertextFault::TagCut,
    )));
    let key = item(Item::EstablishSharedSecret);
    let dialogue = Dialogue {
        begin: Begin::Opened,
        turns: vec![
            spoilt.clone(),
            key.clone(),
            item(Item::Handshake),
            spoilt.clone(),
            spoilt.clone(),
        ],
    };
    let mended = mended(dialogue, &BTreeSet::new());
    assert_eq!(mended.turns, [key, item(Item::Handshake), spoilt]);
}

#[test]
fn operation_held_over_other_items_then_still_expected() {
    let manifest = |listed: &[(i64, i64)]| turn(Saying::Manifest(listed.to_vec()));
    let dialogue = established(vec![
        item(Item::CreatedOperations),
        item(Item::Heartbeat),
        manifest(&[(Item::OPERATION_ID, 1), (5, 1)]),
        item(Item::EmptyManifest),
        manifest(&[(Item::OPERATION_ID, 1)]),
    ]);
    let file = script(&dialogue).unwrap().file.to_string();
    assert!(
        file.contains(r#"{"expect":{"requestOperationData":{"opIds":["5"]}}"#),
        "{file}"
    );
    assert!(
        file.contains(r#"{"expect":{"requestOperationData":{"opIds":["21"]}}"#),
        "{file}"
    );
}

#[test]
fn played_under_another_number_then_no_id_of_an_operation_is_the_same() {
    let listed = vec![(1, 1), (i64::MAX, 1), (i64::MIN, 1), (-1, 1)];
    let turns = vec![
        turn(Saying::Manifest(listed)),
        item(Item::CreatedOperations),
    ];
    let script = script(&established(turns)).unwrap();
    let ids_under = |number| -> BTreeSet<i64> {
        let scenario = lane_scenario(&script, "fuzz/lane-1", RpcProtocol::Grpc, number).unwrap();
        let items = scenario.steps.iter().filter_map(|step| match &step.verb {
            Verb::Send(Sendable::Item(message)) => message.item.action.clone(),
            _ => None,
        });
        items
            .flat_map(|action| match action {
                Action::OperationManifest(manifest) => manifest.op_ids,
                _ => Vec::new(),
            })
            .collect()
    };
    let (first, second) = (ids_under(1), ids_under(2));
    assert_eq!((first.len(), second.len()), (5, 5));
    assert!(first.is_disjoint(&second));
    assert!(ids_under(0).contains(&i64::MAX));
}

fn finding(rule: RuleId, step: usize) -> judge::Finding {
    judge::Finding {
        rule,
        step: Some(step),
        expected: "one thing".to_owned(),
        seen: "another".to_owned(),
        location: Location {
            file: String::new(),
            line: 1,
            column: 1,
        },
        event: None,
    }
}

/// A peer that breaks a rule wherever a key_alive is said, and in no other way.
fn verdict_of(script: &Script) -> Verdict {
    let at = script
        .places
        .iter()
        .position(|(_, saying)| saying == Item::KeepAlive.name());
    let step = at.and_then(|turn| script.turn_of_step.iter().rposition(|of| *of == Some(turn)));
    let rule = RuleId::ResponderOperationsKeepAlive;
    Verdict::Judged(
        step.map(|step| finding(rule, step + 1))
            .into_iter()
            .collect(),
    )
}

#[test]
fn rule_broken_then_found_once_and_shrunk_to_what_shows_it() {
    let mut campaign = Campaign::new(11, Vec::new());
    for _ in 0..2_000 {
        let task = campaign.next_task();
        let script = script(&task.dialogue).unwrap();
        let verdict = verdict_of(&script);
        campaign.played(task, 0, &script, &Trace::default(), &verdict);
    }
    let shortest: Vec<&Finding> = campaign
        .findings()
        .filter(|finding| finding.key.state == State::Established)
        .collect();
    assert_eq!(shortest.len(), 1);
    assert_eq!(
        shortest[0].dialogue,
        established(vec![item(Item::KeepAlive)])
    );
}

#[test]
fn peer_ended_then_each_suspect_is_played_alone_and_the_culprit_said_no_more() {
    let mut campaign = Campaign::new(5, Vec::new());
    let culprit = established(vec![item(Item::OperationsWithoutEvent)]);
    let innocent = established(vec![item(Item::Heartbeat)]);
    let mut tasks = Vec::new();
    for dialogue in [&culprit, &innocent] {
        let mut task = campaign.next_task();
        task.dialogue = dialogue.clone();
        tasks.push(task);
    }
    campaign.suspect(tasks);
    let first = campaign.next_task();
    assert!(first.alone && first.dialogue == culprit);
    let of_first = script(&first.dialogue).unwrap();
    let told = finding(RuleId::ResponderSurvives, 1);
    assert!(campaign.ended_by(&first, &of_first, told).unwrap().fatal);
    let second = campaign.next_task();
    assert!(second.alone && second.dialogue == innocent);
    for _ in 0..500 {
        let task = campaign.next_task();
        let of_task = script(&task.dialogue).unwrap();
        assert!(
            of_task
                .places
                .iter()
                .all(|(_, name)| name != Item::OperationsWithoutEvent.name())
        );
        campaign.played(
            task,
            0,
            &of_task,
            &Trace::default(),
            &Verdict::Judged(Vec::new()),
        );
    }
}

/// Says that a task went on, and that these rules broke in it.
fn went_on(campaign: &mut Campaign, task: Task, told: Vec<judge::Finding>) -> Played {
    let script = script(&task.dialogue).unwrap();
    campaign.played(task, 0, &script, &Trace::default(), &Verdict::Judged(told))
}

fn manifest_behind_a_turn_not_shown() -> Dialogue {
    let keep_alive = Turn {
        shown: false,
        ..item(Item::KeepAlive)
    };
    established(vec![keep_alive, item(Item::EmptyManifest)])
}

fn task_of(campaign: &mut Campaign, dialogue: &Dialogue) -> Task {
    let mut task = campaign.next_task();
    task.dialogue = dialogue.clone();
    task
}

#[test]
fn turn_behind_one_that_nothing_shows_then_held_to_no_more_than_that_one() {
    let mut pairs = 0;
    for message in Message::all() {
        let first = Turn {
            say: Saying::Message(message),
            shown: false,
        };
        let of_first = Position::at(Begin::Established).expect(&first.say);
        let Some(of_first) = of_first.filter(|expected| expected.can_wait()) else {
            continue;
        };
        let second = item(Item::EmptyManifest);
        let Some(script) = script(&established(vec![first, second])) else {
            continue;
        };
        let steps = script.file["steps"].as_array().unwrap();
        for step in steps.iter().filter_map(|step| step.get("rule")) {
            let rule: RuleId = serde_json::from_value(step.clone()).unwrap();
            assert!(rule.level() >= of_first.rule.level(), "{message:?}: {rule}");
        }
        pairs += usize::from(of_first.rule.level() > Level::Must);
    }
    assert!(pairs > 0, "every message binds as strongly as the next");
}

/// A peer that ends late behind a keep_alive: it shows at the next turn that is looked at.
#[test]
fn rule_broken_behind_a_turn_that_nothing_shows_then_that_turn_is_blamed() {
    let mut campaign = Campaign::new(11, Vec::new());
    let dialogue = manifest_behind_a_turn_not_shown();
    let task = task_of(&mut campaign, &dialogue);
    let of_task = script(&task.dialogue).unwrap();
    let last_step = of_task.turn_of_step.len();
    let told = finding(RuleId::ResponderManifestOrder, last_step);
    assert!(
        went_on(&mut campaign, task, vec![told.clone()])
            .found
            .is_empty()
    );
    let task = campaign.next_task();
    assert_eq!(task.dialogue, dialogue.clone().shown());
    let verdict = verdict_of(&script(&task.dialogue).unwrap());
    let Verdict::Judged(found) = verdict else {
        panic!("it is judged");
    };
    let played = went_on(&mut campaign, task, found);
    let sayings: Vec<&str> = played
        .found
        .iter()
        .map(|finding| finding.key.saying.as_str())
        .collect();
    assert_eq!(sayings, [Item::KeepAlive.name()]);
}

#[test]
fn rule_that_breaks_only_where_nothing_is_shown_then_found_still() {
    let mut campaign = Campaign::new(11, Vec::new());
    let dialogue = manifest_behind_a_turn_not_shown();
    let task = task_of(&mut campaign, &dialogue);
    let last_step = script(&task.dialogue).unwrap().turn_of_step.len();
    let told = finding(RuleId::ResponderManifestOrder, last_step);
    went_on(&mut campaign, task, vec![told]);
    let task = campaign.next_task();
    let played = went_on(&mut campaign, task, Vec::new());
    assert_eq!(played.found.len(), 1);
    assert_eq!(played.found[0].dialogue, dialogue);
}

fn nothing_came_up() -> Verdict {
    Verdict::Inconclusive {
        reason: "expected a session, seen nothing".to_owned(),
        location: finding(RuleId::ResponderSurvives, 1).location,
    }
}

#[test]
fn session_that_does_not_come_up_where_one_did_then_played_alone_there_and_found() {
    let mut campaign = Campaign::new(5, Vec::new());
    let dialogue = established(vec![item(Item::Heartbeat)]);
    let of_dialogue = script(&dialogue).unwrap();
    let silent = |campaign: &mut Campaign| {
        let task = task_of(campaign, &dialogue);
        campaign.played(task, 3, &of_dialogue, &Trace::default(), &nothing_came_up())
    };
    silent(&mut campaign);
    assert!(
        campaign.is_settled(),
        "no session ever came up in that lane"
    );
    let task = task_of(&mut campaign, &dialogue);
    let judged = Verdict::Judged(Vec::new());
    campaign.played(task, 3, &of_dialogue, &Trace::default(), &judged);
    silent(&mut campaign);
    silent(&mut campaign);
    let repeat = campaign.next_task();
    assert!(repeat.alone && repeat.lane == Some(3));
    assert_eq!(repeat.dialogue, Dialogue::coming_up());
    assert!(campaign.is_settled(), "it is repeated once, not for each");
    let told = finding(RuleId::TransportReplyShape, 2);
    let played = went_on(&mut campaign, repeat, vec![told]);
    assert_eq!(played.found.len(), 1);
    assert_eq!(
        played.found[0].key.saying,
        Item::EstablishSharedSecret.name()
    );
}

#[test]
fn peer_ended_by_a_turn_in_the_middle_then_that_turn_is_blamed() {
    let mut campaign = Campaign::new(5, Vec::new());
    let middle = item(Item::KeepAlive);
    let dialogue = established(vec![
        item(Item::Heartbeat),
        middle,
        item(Item::EmptyManifest),
    ]);
    let told = finding(RuleId::ResponderSurvives, 1);
    let ended = |campaign: &mut Campaign, task: &Task| {
        let of_task = script(&task.dialogue).unwrap();
        campaign.ended_by(task, &of_task, told.clone())
    };
    let task = task_of(&mut campaign, &dialogue);
    assert!(ended(&mut campaign, &task).is_none());
    let first = campaign.next_task();
    assert!(first.alone && first.dialogue == dialogue.prefix(1));
    assert!(went_on(&mut campaign, first, Vec::new()).found.is_empty());
    let second = campaign.next_task();
    assert!(second.alone && second.dialogue == dialogue.prefix(2));
    let found = ended(&mut campaign, &second).unwrap();
    assert_eq!(found.key.saying, Item::KeepAlive.name());
    assert!(found.fatal);
}

#[test]
fn peer_ended_and_no_replay_ends_it_then_said_without_a_culprit() {
    let mut campaign = Campaign::new(5, Vec::new());
    let dialogue = established(vec![item(Item::Heartbeat), item(Item::EmptyManifest)]);
    let of_dialogue = script(&dialogue).unwrap();
    let task = task_of(&mut campaign, &dialogue);
    let told = finding(RuleId::ResponderSurvives, 1);
    assert!(campaign.ended_by(&task, &of_dialogue, told).is_none());
    let first = campaign.next_task();
    assert!(went_on(&mut campaign, first, Vec::new()).found.is_empty());
    let whole = campaign.next_task();
    assert_eq!(whole.dialogue, dialogue);
    let found = went_on(&mut campaign, whole, Vec::new()).found;
    assert_eq!(found.len(), 1);
    assert!(found[0].key.saying != Item::EmptyManifest.name());
    assert!(found[0].told.seen.contains("goes on"));
}

/// Where nothing was waited for behind our handshake, the peer's is still to come, and a fence's answer is not the next
/// thing.
#[test]
fn turn_right_behind_our_handshake_then_looked_at_before_the_next() {
    let unseen = Turn {
        shown: false,
        ..item(Item::DeletedOperations)
    };
    let dialogue = Dialogue {
        begin: Begin::HandshakeSent,
        turns: vec![unseen, turn(Saying::Delete(vec![2]))],
    };
    let script = script(&dialogue).unwrap();
    assert!(script.shown[0]);
    let file = script.file.to_string();
    let (established, fence) = (file.find("expect-established"), file.find("fence"));
    assert!(established.is_some() && established < fence, "{file}");
}

//! Scenario files and items in JSON: whatever is in them, it is told where, or it is playable and means the same again.

use syncspec::{
    scenario::{
        load::load_files,
        message::{Message, Pattern, item_to_json},
        model::{Step, Verb},
    },
    wire::RpcProtocol,
};

/// A scenario file.
pub fn scenario(bytes: &[u8]) {
    match load_files(vec![("fuzz/case.yaml".to_owned(), bytes.to_vec())]) {
        Err(errors) => {
            assert!(!errors.is_empty(), "refused, and nobody knows why");
            for error in errors {
                // What is printed names the file; a place behind its end would send the reader nowhere.
                assert!(
                    error.render().contains("fuzz/case.yaml"),
                    "{}",
                    error.render()
                );
            }
        }
        Ok(cases) => {
            for case in cases {
                for role in case.roles() {
                    let scenario = case
                        .instantiate(*role, RpcProtocol::Grpc)
                        .expect("a case can be played in its own roles");
                    a_loaded_case_is_playable(&scenario);
                }
            }
        }
    }
}

fn a_loaded_case_is_playable(scenario: &syncspec::scenario::model::Scenario) {
    assert!(!scenario.steps.is_empty(), "nothing happens");
    assert!(!scenario.rules.is_empty(), "no rule binds the peer");
    assert!(scenario.about.ends_with('.'));
    // Those open sessions of their own.
    let several = |step: &Step| matches!(step.verb, Verb::AllAtOnce(_) | Verb::Each(_));
    let by_several = scenario.steps.iter().any(several);
    let mut opened: Vec<&Option<String>> = Vec::new();
    for step in &scenario.steps {
        let identity = match &step.verb {
            Verb::Connect(connect) => Some(&connect.identity),
            Verb::Establish(establish) => Some(&establish.identity),
            _ => None,
        };
        if let Some(identity) = identity {
            let name = identity.as_deref().unwrap_or("peer");
            assert!(
                scenario.fixtures.identity(name).is_some(),
                "nobody is called {name}"
            );
            opened.push(&step.on);
        } else if matches!(step.verb, Verb::Subscribe(_)) {
            opened.push(&step.on);
        } else if speaks(&step.verb) && !by_several {
            assert!(
                opened.contains(&&step.on),
                "a session that was never opened"
            );
        }
        if let Some(rule) = step.rule {
            assert!(
                scenario.rules.contains(&rule),
                "a rule that the file does not list"
            );
        }
    }
}

/// Whether a step needs a stream that is open already.
fn speaks(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Send(_)
            | Verb::Expect(_)
            | Verb::Settle(_)
            | Verb::ExpectEstablished(_)
            | Verb::ExpectClosed(_)
            | Verb::ExpectRefused(_)
            | Verb::Fence(_)
            | Verb::HalfClose(_)
            | Verb::Reset(_)
    )
}

/// An item in protobuf's JSON mapping, and as a pattern.
pub fn item_json(bytes: &[u8]) {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    let pattern = Pattern::from_json(json.clone());
    let Ok(message) = Message::from_json(json) else {
        return;
    };
    assert!(
        message.item.action.is_some(),
        "an item without an action was read"
    );
    let written = item_to_json(&message.item);
    let again = Message::from_json(written.clone()).expect("what we write, we read");
    assert_eq!(
        item_to_json(&again.item),
        written,
        "written twice, and not the same"
    );
    if let Ok(pattern) = pattern {
        pattern_is_of_the_same_action(&pattern, &message);
    }
}

fn pattern_is_of_the_same_action(pattern: &Pattern, message: &Message) {
    assert_eq!(pattern.action(), message.action());
}

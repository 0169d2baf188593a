//! Cases that a program wrote, read as those of files are.

use serde_json::json;

use super::*;

#[test]
fn case_of_a_program_then_as_of_a_file() {
    let file = json!({
        "about": "A claim.",
        "rules": ["envelope.replay-refused"],
        "target": "both",
        "profile": "full",
        "steps": ["establish", "fence"],
    });
    let case = CaseTemplate::generated("area/claim", &file).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(case.problems(), []);
    assert_eq!(case.id(), "area/claim");
    assert_eq!(case.rules(), [RuleId::EnvelopeReplayRefused]);
    assert_eq!(case.profile(), Profile::Full);
    let [again] = &cases(case.yaml())[..] else {
        panic!("{}", case.yaml());
    };
    for role in [Role::Initiator, Role::Responder] {
        let [ours, files] = [&case, again].map(|case| case.instantiate(role, RpcProtocol::Grpc));
        let (ours, files) = (ours.unwrap(), files.unwrap());
        assert_eq!(ours.steps.len(), files.steps.len());
        assert_eq!(ours.fixtures, files.fixtures);
    }
}

#[test]
fn head_with_a_mistake_then_no_case() {
    let file = json!({
        "about": "A claim.",
        "rules": ["envelope.no-such-rule"],
        "target": "both",
        "steps": ["establish", "fence"],
    });
    let errors = CaseTemplate::generated("area/claim", &file).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let message = errors[0].to_string();
    assert!(message.contains("envelope.no-such-rule"), "{message}");
}

#[test]
fn step_with_a_mistake_then_a_problem_at_its_place() {
    let file = json!({
        "about": "A claim.",
        "rules": ["envelope.replay-refused"],
        "target": "both",
        "steps": ["establish", "fly"],
    });
    let case = CaseTemplate::generated("area/claim", &file).unwrap_or_else(|e| panic!("{e:?}"));
    let problems = case.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let message = problems[0].to_string();
    assert!(message.contains(":6:5: "), "{message}");
    assert!(message.contains("`fly`"), "{message}");
}

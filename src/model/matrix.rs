//! The state x message matrix as cases: each cell of the model that says what must happen is one.

use serde_json::{Value as Json, json};

use super::{
    message::{Item, Message},
    phrase,
    state::State,
    steps,
    verdict::{Cell, Outcome, Verdict, taken_items},
};
use crate::{rules::RuleId, wire::Role};

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The role of the peer under test.
    pub role: Role,
    /// The state its stream is in.
    pub state: State,
    /// What is sent to it.
    pub message: Message,
}

/// What must happen there. A cell that would show no more than another is left out, and says which.
pub fn verdict(place: Place) -> Verdict {
    if let Some(reason) = shows_no_more(place) {
        return Verdict::LeftOut(reason);
    }
    super::verdict(place.role, place.state, place.message)
}

/// Every cell of a role, in the order of states and messages.
pub fn places(role: Role) -> impl Iterator<Item = Place> {
    let after = taken_items(role).into_iter().map(State::After);
    let states = State::PHASES.into_iter().chain(after);
    states.flat_map(move |state| {
        Message::all().map(move |message| Place {
            role,
            state,
            message,
        })
    })
}

/// Sealing and decoding know no states of a session: what is said of them is shown where they begin to hold and in a
/// fresh session, and by one item of each kind everywhere else.
fn shows_no_more(place: Place) -> Option<&'static str> {
    let Place { state, message, .. } = place;
    if matches!(
        state,
        State::After(Item::CreatedOperations | Item::DeletedOperations)
    ) && message == Message::Item(Item::OperationManifest)
    {
        return Some("it is how an operation is shown to be held, or deleted");
    }
    let later = matches!(
        state,
        State::HandshakeCame | State::HandshakeSent | State::After(_)
    );
    let of_one_kind = match message {
        Message::Clear(item) | Message::Spoilt(item) => item == Item::OperationManifest,
        _ => true,
    };
    (later && !of_one_kind).then_some("the same for every action once it holds for one")
}

/// The cases: the id of each, and what its file would hold.
pub fn cases() -> impl Iterator<Item = (String, Json)> {
    let places = [Role::Responder, Role::Initiator]
        .into_iter()
        .flat_map(places);
    places.filter_map(|place| match verdict(place) {
        Verdict::Must(cell) => Some((id(place), case(place, cell))),
        Verdict::LeftOut(_) => None,
    })
}

/// `matrix/ROLE/STATE/MESSAGE`.
pub fn id(place: Place) -> String {
    let Place {
        role,
        state,
        message,
    } = place;
    format!("matrix/{role}/{}/{}", state.name(), message.name())
}

fn case(place: Place, cell: Cell) -> Json {
    let Place {
        role,
        state,
        message,
    } = place;
    let mut steps = steps::reach(role, state);
    steps.extend(steps::say(state, message));
    steps.extend(steps::show(role, state, cell.outcome));
    json!({
        "about": phrase::claim(role, state, message, cell.outcome),
        "rules": rules(role, state, cell).iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
        "target": role.name(),
        "steps": steps,
    })
}

/// The cell's rule first, then what else its steps may find broken.
fn rules(role: Role, state: State, cell: Cell) -> Vec<RuleId> {
    let mut rules = vec![cell.rule];
    if state == State::HandshakeCame {
        rules.push(RuleId::HandshakeResponderDoesNotWait);
    }
    let code = match cell.outcome {
        Outcome::Refused { code, .. } => code,
        Outcome::Optional { code } => Some(code),
        _ => None,
    };
    // A caller ends a stream without a status.
    let code = code.filter(|_| role == Role::Responder);
    rules.extend(code.map(steps::close_rule));
    rules
}

//! What a peer must not say where others may read it.

use crate::{
    rules::RuleId,
    scenario::fixtures::Fixtures,
    session::Violation,
    trace::{End, EventKind},
};

/// A status message that repeats what nobody else should read.
pub(super) fn told(end: &End, fixtures: &Fixtures) -> Option<EventKind> {
    let End::Status { message, .. } = end else {
        return None;
    };
    let secret = &fixtures.token.as_ref()?.secret;
    message.contains(secret.as_str()).then(|| {
        EventKind::Broke(Violation::session(
            RuleId::CloseNoSecretsInMessage,
            "the pairing secret in a status message",
        ))
    })
}

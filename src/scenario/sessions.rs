//! Which session a step belongs to. What looks inside the peer has sessions of its own, beside those of the protocol.

use super::model::{Step, Verb};

/// Session of steps that name none.
pub const MAIN: &str = "main";
/// Session that a probe opens, and the identity it uses.
pub const PROBE: &str = "probe";
/// The call that follows the states, where a step names none.
pub const STATES: &str = "states";
/// Calls of the state service that a step makes and ends by itself.
pub const STATE: &str = "state";
/// What a client shows to a host that only looks.
pub const SHOWN: &str = "shown";
/// What the hook is asked.
pub const HOOK: &str = "hook";

/// Names that no step may give its session.
pub const RESERVED: [&str; 4] = [PROBE, SHOWN, STATE, HOOK];

impl Step {
    /// Name of its session.
    pub fn session(&self) -> &str {
        match &self.verb {
            Verb::Probe(_) => PROBE,
            Verb::ExpectShown(_) => SHOWN,
            Verb::ExpectState(_) | Verb::ExpectSnapshot(_) | Verb::SetClientConfig(_) => STATE,
            Verb::ChangeConfig(_)
            | Verb::ChangeOperations(_)
            | Verb::ExpectConfig(_)
            | Verb::ExpectOperations(_) => HOOK,
            Verb::Subscribe(_) | Verb::ExpectUpdate(_) => self.on.as_deref().unwrap_or(STATES),
            _ => self.on.as_deref().unwrap_or(MAIN),
        }
    }
}

impl Verb {
    /// Whether the step begins a session, so that what came in an earlier one of the same name is not its own.
    pub fn begins_session(&self) -> bool {
        matches!(
            self,
            Verb::Connect(_)
                | Verb::Establish(_)
                | Verb::Probe(_)
                | Verb::ExpectShown(_)
                | Verb::Subscribe(_)
                | Verb::ExpectState(_)
                | Verb::ExpectSnapshot(_)
                | Verb::SetClientConfig(_)
                | Verb::ChangeConfig(_)
                | Verb::ChangeOperations(_)
                | Verb::ExpectConfig(_)
                | Verb::ExpectOperations(_)
        )
    }

    /// Its name, where it takes no `on`.
    pub fn name_without_session(&self) -> Option<&'static str> {
        match self {
            Verb::Probe(_) => Some("probe"),
            Verb::ExpectShown(_) => Some("expect-shown"),
            Verb::ExpectCount(_) => Some("expect-count"),
            Verb::ExpectState(_) => Some("expect-state"),
            Verb::ExpectSnapshot(_) => Some("expect-snapshot"),
            Verb::SetClientConfig(_) => Some("set-client-config"),
            Verb::ChangeConfig(_) => Some("change-config"),
            Verb::ChangeOperations(_) => Some("change-operations"),
            Verb::ExpectConfig(_) => Some("expect-config"),
            Verb::ExpectOperations(_) => Some("expect-operations"),
            _ => None,
        }
    }
}

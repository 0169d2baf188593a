//! What a host's state service shows: whom it lets in, and which clients come again and again.

use super::Reader;
use crate::target::doctor::{
    Check, Mistake, Step, quoted,
    seen::{StateAnswer, StateService},
};

/// Times that a client comes while it is watched, from which on two clients are suspected; a healthy one comes once.
const COMES_TOO_OFTEN: usize = 3;

impl Reader<'_> {
    pub(super) fn state_service(&self, state: &StateService) -> Check {
        let step = Step::StateService;
        match (&state.answer, state.with_credential) {
            (StateAnswer::Peers(count), true) => {
                Check::ok(step, format!("lets us in, {count} peers"))
            }
            (StateAnswer::Peers(count), false) => {
                let seen = format!("answers without a login, {count} peers");
                match &self.seen.connection {
                    Ok(reached) if !reached.address.ip().is_loopback() => {
                        Check::note(step, Mistake::StateServiceOpen, seen)
                    }
                    _ => Check::ok(step, seen),
                }
            }
            (StateAnswer::AsksForLogin, false) => Check::ok(
                step,
                "asks for a login, as it should (--state-header gives one)",
            ),
            (StateAnswer::AsksForLogin, true) => {
                Check::failed(step, Mistake::StateLoginRefused, "asks for a login")
            }
            (StateAnswer::Missing, _) => {
                Check::note(step, Mistake::StateServiceMissing, "there is none")
            }
            (StateAnswer::Ended(end), _) => Check::note(
                step,
                Mistake::StateServiceMissing,
                quoted(&format!("ended with {end}")),
            ),
            (StateAnswer::Silent(waited), _) => Check::note(
                step,
                Mistake::StateServiceMissing,
                format!("no answer within {:.1} s", waited.as_secs_f64()),
            ),
        }
    }

    pub(super) fn displacing_clients(&self) -> Vec<Check> {
        let Some(watched) = &self.seen.watched else {
            return Vec::new();
        };
        let during = watched.during.as_secs();
        let often: Vec<Check> = watched
            .came
            .iter()
            .filter(|(_, times)| *times >= COMES_TOO_OFTEN)
            .map(|(instance_id, times)| {
                Check::failed(
                    Step::StateService,
                    Mistake::ClientsDisplaceEachOther {
                        instance_id: instance_id.clone(),
                    },
                    format!(
                        "`{}` came {times} times within {during} s",
                        quoted(instance_id)
                    ),
                )
            })
            .collect();
        if let (true, Some(end)) = (often.is_empty(), &watched.cut) {
            let seen = format!("the states ended with {end} after {during} s");
            let cut = Mistake::WatchCutShort;
            return vec![Check::failed(Step::StateService, cut, quoted(&seen))];
        }
        match often.is_empty() {
            true => vec![Check::ok(
                Step::StateService,
                format!("no client came {COMES_TOO_OFTEN} times within {during} s"),
            )],
            false => often,
        }
    }
}

//! Looking at a client's configuration as one of its hosts: it shows it once in each session, so that a client which has
//! changed it meanwhile shows the new one in the next.

use std::time::Duration;

use super::{Actor, ops::ops_of};
use crate::{
    scenario::model::Step,
    trace::reading::{Reading, is_shown},
};

impl Actor<'_> {
    /// Waits until the step can be read. A session that ended, or that showed something else, is followed by the
    /// client's next call.
    pub(super) fn wait_until_shown(
        &mut self,
        step: &Step,
        session: &str,
        now: Duration,
        since: Duration,
    ) -> Option<Duration> {
        let limit = step.within.unwrap_or(self.patience.answer);
        let (began, _) = *self.looked.get_or_insert((since, limit));
        let deadline = began + limit;
        if !matches!(self.reading(step), Reading::Open { .. }) {
            return self.wait_for_reading(step, now, deadline);
        }
        if now >= deadline {
            self.wait_in_vain(session, began, now);
            return None;
        }
        let opened = self.marks.get(session).copied().unwrap_or_default();
        let is_over = self.sides.get(session).is_none_or(super::Side::is_over);
        if is_over || is_shown(&self.trace, session, opened.0) {
            self.ops = ops_of(step, self.scenario.role, false).into();
            self.waiting_since = None;
            return None;
        }
        Some(deadline)
    }
}

//! Where the time of a run went.

use std::{iter::Sum, ops::Add, time::Duration};

use super::CaseResult;

/// Where the time of a case went. What is in neither is the rest: encoding, reading what came, judging.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Waiting for the peer, and on a busy machine for a processor.
    pub waiting: Duration,
    /// What of that went by before the case began: until a client had called.
    pub reaching: Duration,
    /// Our cryptography: making keys, exchanging them, signing, sealing and opening.
    pub crypto: Duration,
}

impl Add for Spent {
    type Output = Spent;

    fn add(self, other: Spent) -> Spent {
        Spent {
            waiting: self.waiting + other.waiting,
            reaching: self.reaching + other.reaching,
            crypto: self.crypto + other.crypto,
        }
    }
}

impl Sum for Spent {
    fn sum<I: Iterator<Item = Spent>>(all: I) -> Spent {
        all.fold(Spent::default(), Add::add)
    }
}

/// How much of the wall time of a run went to which of its parts. They follow each other; what is in none is loading
/// the cases and writing reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Starting the peer, as often as it was started, and the first contacts.
    pub reaching: Duration,
    /// Cases side by side.
    pub together: Duration,
    /// Cases that want to be alone.
    pub alone: Duration,
    /// Waiting for the last of the cases that take long by themselves, when nothing else was left to play.
    pub lingering: Duration,
}

/// The time of all cases, each counted by itself: side by side they take less of the wall's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaseTime {
    /// All of it.
    pub all: Duration,
    /// What of it went where.
    pub spent: Spent,
}

impl CaseTime {
    /// That of these results.
    pub fn of(results: &[CaseResult]) -> Self {
        CaseTime {
            all: results.iter().map(|result| result.duration).sum(),
            spent: results.iter().map(|result| result.spent).sum(),
        }
    }

    /// What was neither waiting nor cryptography.
    pub fn rest(&self) -> Duration {
        self.all
            .saturating_sub(self.spent.waiting)
            .saturating_sub(self.spent.crypto)
    }

    /// A part of all of it, in hundredths; none where nothing was played.
    pub fn percent(&self, part: Duration) -> Option<f64> {
        (!self.all.is_zero()).then(|| 100.0 * part.as_secs_f64() / self.all.as_secs_f64())
    }
}

//! How many callers a host bears with at a time. One too many is refused with RESOURCE_EXHAUSTED; the rest go on.

use std::{error::Error, fmt};

use tonic::Status;

/// Bounds over all callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLimits {
    /// Sync streams, whoever stands behind them. A client that is admitted has one at most.
    pub streams_max: usize,
    /// Sync streams that no admitted client stands behind yet. Each ends by itself within the two deadlines of a session.
    pub unauthenticated_max: usize,
    /// Callers of the state service who follow the states.
    pub subscribers_max: usize,
}

impl Default for HostLimits {
    fn default() -> Self {
        HostLimits {
            streams_max: 10_000,
            unauthenticated_max: 256,
            subscribers_max: 64,
        }
    }
}

impl HostLimits {
    /// Whether one more stream may be opened.
    pub(super) fn check(&self, streams: usize, unauthenticated: usize) -> Result<(), Crowded> {
        if streams >= self.streams_max {
            let limit = self.streams_max;
            return Err(Crowded::Streams { limit });
        }
        if unauthenticated >= self.unauthenticated_max {
            let limit = self.unauthenticated_max;
            return Err(Crowded::Unauthenticated { limit });
        }
        Ok(())
    }
}

/// There are too many callers already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowded {
    Streams { limit: usize },
    Unauthenticated { limit: usize },
    Subscribers { limit: usize },
}

impl Crowded {
    /// The caller learns no number: how full we are is not its business.
    pub fn status(self) -> Status {
        tracing::warn!(why = %self, "a caller was refused");
        Status::resource_exhausted("too many callers, try again later")
    }
}

impl fmt::Display for Crowded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Crowded::Streams { limit } => write!(f, "expected at most {limit} streams, saw more"),
            Crowded::Unauthenticated { limit } => write!(
                f,
                "expected at most {limit} streams without an admitted client, saw more"
            ),
            Crowded::Subscribers { limit } => {
                write!(f, "expected at most {limit} subscribers, saw more")
            }
        }
    }
}

impl Error for Crowded {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_may_be_then_no_more() {
        let limits = HostLimits {
            streams_max: 3,
            unauthenticated_max: 2,
            ..HostLimits::default()
        };
        assert_eq!(limits.check(2, 1), Ok(()));
        assert_eq!(limits.check(3, 0), Err(Crowded::Streams { limit: 3 }));
        let limit = 2;
        assert_eq!(limits.check(2, 2), Err(Crowded::Unauthenticated { limit }));
    }
}

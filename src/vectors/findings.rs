//! What a check found, and how a listed verdict is held against ours.

use std::fmt;

use super::format::{Deployed, Expected, hex};

/// A value that a test lists and we do not come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Field of the test, with the way to it: `steps[3].nonce`.
    pub field: String,
    /// The listed value.
    pub expected: String,
    /// Ours.
    pub seen: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, saw {}",
            self.field, self.expected, self.seen
        )
    }
}

/// Collects mismatches.
#[derive(Debug, Default)]
pub(super) struct Findings {
    prefix: String,
    mismatches: Vec<Mismatch>,
}

impl Findings {
    pub(super) fn into_result(self) -> Result<(), Vec<Mismatch>> {
        if self.mismatches.is_empty() {
            Ok(())
        } else {
            Err(self.mismatches)
        }
    }

    /// From now on, fields are inside this part of the test.
    pub(super) fn within(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    pub(super) fn mismatch(
        &mut self,
        field: &str,
        expected: impl fmt::Display,
        seen: impl fmt::Display,
    ) {
        self.mismatches.push(Mismatch {
            field: format!("{}{field}", self.prefix),
            expected: expected.to_string(),
            seen: seen.to_string(),
        });
    }

    pub(super) fn equal<T: PartialEq + fmt::Debug>(&mut self, field: &str, expected: T, seen: T) {
        if expected != seen {
            self.mismatch(
                field,
                format_args!("{expected:?}"),
                format_args!("{seen:?}"),
            );
        }
    }

    pub(super) fn bytes(&mut self, field: &str, expected: &[u8], seen: &[u8]) {
        if expected != seen {
            self.mismatch(field, hex(expected), hex(seen));
        }
    }

    /// A field that is listed exactly when there is something to list.
    pub(super) fn bytes_if_any(
        &mut self,
        field: &str,
        expected: Option<&[u8]>,
        seen: Option<&[u8]>,
    ) {
        match (expected, seen) {
            (Some(expected), Some(seen)) => self.bytes(field, expected, seen),
            (None, None) => {}
            (expected, seen) => self.mismatch(field, or_nothing(expected), or_nothing(seen)),
        }
    }

    /// The value, or a finding that it could not be computed.
    pub(super) fn value<T, E: fmt::Display>(
        &mut self,
        field: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.mismatch(field, "a value", error);
                None
            }
        }
    }

    /// A finding unless the condition holds.
    pub(super) fn ensure(&mut self, field: &str, holds: bool, expected: &str) {
        if !holds {
            self.mismatch(field, expected, "otherwise");
        }
    }

    /// Holds the test's result and reason against our two readings.
    pub(super) fn verdict<E: fmt::Display>(
        &mut self,
        expected: &Expected,
        reason_class: impl Fn(&str) -> Option<Strict<E>>,
        strict: Result<(), &E>,
        deployed: Result<(), &E>,
    ) {
        match expected {
            Expected::Valid => {
                self.accepted("result", "strict", strict);
                self.accepted("result", "deployed", deployed);
            }
            Expected::Invalid { reason } => match reason_class(reason) {
                Some(Strict::Refuses(class)) => {
                    self.refused(reason, "strict", strict, &class);
                    self.refused(reason, "deployed", deployed, &class);
                }
                Some(Strict::Accepts) => {
                    self.mismatch("reason", "a reason to refuse", format_args!("{reason:?}"));
                }
                None => self.mismatch("reason", "a known reason", format_args!("{reason:?}")),
            },
            Expected::Acceptable { reason } => match reason_class(reason) {
                Some(Strict::Refuses(class)) => self.refused(reason, "strict", strict, &class),
                Some(Strict::Accepts) => self.accepted("reason", "strict", strict),
                None => self.mismatch("reason", "a known reason", format_args!("{reason:?}")),
            },
        }
    }

    /// Holds what deployed peers are said to do against our deployed reading. An acceptable test must say it.
    pub(super) fn deployed<E>(
        &mut self,
        field: &str,
        expected: &Expected,
        listed: Option<Deployed>,
        deployed: Result<(), &E>,
    ) {
        let seen = if deployed.is_ok() {
            Deployed::Accept
        } else {
            Deployed::Reject
        };
        match listed {
            Some(listed) => self.equal(field, listed, seen),
            None if matches!(expected, Expected::Acceptable { .. }) => {
                self.mismatch(field, "what deployed peers do", "nothing");
            }
            None => {}
        }
    }

    fn accepted<E: fmt::Display>(&mut self, field: &str, reading: &str, seen: Result<(), &E>) {
        if let Err(error) = seen {
            self.mismatch(
                field,
                format_args!("the {reading} reading to accept"),
                error,
            );
        }
    }

    fn refused<E: fmt::Display>(
        &mut self,
        reason: &str,
        reading: &str,
        seen: Result<(), &E>,
        class: &Class<E>,
    ) {
        let wanted = format_args!("the {reading} reading to refuse: {reason}").to_string();
        match seen {
            Ok(()) => self.mismatch("result", wanted, "acceptance"),
            Err(error) if !class(error) => self.mismatch("reason", wanted, error),
            Err(_) => {}
        }
    }
}

/// Whether a reading accepts, whatever it makes of the input.
pub(super) fn outcome<T, E>(result: &Result<T, E>) -> Result<(), &E> {
    result.as_ref().map(|_| ())
}

type Class<E> = Box<dyn Fn(&E) -> bool>;

/// What a listed reason means for our strict reading.
pub(super) enum Strict<E> {
    /// It refuses with an error of this class; so does the deployed reading, where the result is `invalid`.
    Refuses(Class<E>),
    /// It accepts all the same. Each use says why.
    Accepts,
}

/// Shorthand for the reason tables.
pub(super) fn refuses<E>(class: impl Fn(&E) -> bool + 'static) -> Option<Strict<E>> {
    Some(Strict::Refuses(Box::new(class)))
}

fn or_nothing(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "nothing".to_owned(), hex)
}

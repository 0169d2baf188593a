//! What the reference gets wrong in this process: nothing, but where `finds` asks what the targets find.

#[cfg(feature = "self-test")]
use std::sync::LazyLock;

#[cfg(feature = "self-test")]
use syncspec::lapses::{Defect, defects};
use syncspec::{lapses::Lapses, wire::Role};

/// The variable that names what the reference gets wrong in this process, as `ROLE:DEFECT`; only a build with `self-test`
/// looks at it.
pub const VARIABLE: &str = "SYNCSPEC_FUZZ_DEFECT";

/// What the reference gets wrong in this role: nothing, but where a build with `self-test` is asked to hunt.
#[cfg(not(feature = "self-test"))]
pub const fn lapses(_: Role) -> Lapses {
    Lapses::NONE
}

/// What the reference gets wrong in this role: what [`VARIABLE`] names.
///
/// # Panics
/// Where it names none.
#[cfg(feature = "self-test")]
pub fn lapses(role: Role) -> Lapses {
    static NAMED: LazyLock<Option<Defect>> = LazyLock::new(|| {
        let name = std::env::var(VARIABLE).ok()?;
        let found = defects().find(|defect| self::name(defect) == name);
        Some(found.unwrap_or_else(|| panic!("no defect is called {name}")))
    });
    match *NAMED {
        Some(defect) if defect.role == role => Lapses::NONE.and(defect.lapse),
        _ => Lapses::NONE,
    }
}

/// What the reference gets wrong in whatever role: where it makes no difference which.
pub fn lapses_of_both() -> Lapses {
    match lapses(Role::Responder) {
        honest if honest.is_honest() => lapses(Role::Initiator),
        lapses => lapses,
    }
}

/// How [`VARIABLE`] names a defect.
#[cfg(feature = "self-test")]
pub fn name(defect: &Defect) -> String {
    format!("{}:{}", defect.role, defect.lapse.id())
}

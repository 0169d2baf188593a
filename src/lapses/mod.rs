//! What a peer could get wrong, switched on one at a time in the reference, so that the suite can be asked what it would
//! catch.
//!
//! [`Lapses`] goes where a peer's settings go. Without the feature `self-test` it has no size, nothing but
//! [`Lapses::NONE`] can be made, and every question is answered by a constant `false`: the compiler leaves the honest path
//! alone, which the assertion below holds it to. Code that asks reads as the honest code with a remark beside it:
//! `lapses.keep(Lapse::ExpiryUnchecked, check_expiry(token))?`.
//!
//! A [`Lapse`] is a defect: it breaks the rule it names. A [`Quirk`] is no defect: a peer that has it is as honest as any,
//! and turns no case red.
//!
//! What a peer loses when it is started again is no lapse here: these peers keep everything in memory and never stop. That
//! what was acknowledged outlives a restart, and a crash, is proved by the tests of `storage`.

mod quirks;
mod table;

pub use quirks::Quirk;
pub use table::Lapse;

#[cfg(feature = "self-test")]
pub use table::{ALL, Defect, defects};

use crate::rules::RuleId;

#[cfg(feature = "self-test")]
const WORDS: usize = 6;

/// What one peer gets wrong or does unusually. An honest one has [`Lapses::NONE`].
#[cfg(feature = "self-test")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lapses {
    lapses: [u64; WORDS],
    quirks: u64,
}

/// What one peer gets wrong or does unusually: nothing, in a build without `self-test`.
#[cfg(not(feature = "self-test"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lapses(());

#[cfg(feature = "self-test")]
impl Lapses {
    /// An honest peer.
    pub const NONE: Lapses = Lapses {
        lapses: [0; WORDS],
        quirks: 0,
    };

    /// This and one defect more.
    #[must_use]
    pub const fn and(mut self, lapse: Lapse) -> Self {
        self.lapses[lapse as usize / 64] |= 1 << (lapse as usize % 64);
        self
    }

    /// This and one oddity more.
    #[must_use]
    pub const fn with(mut self, quirk: Quirk) -> Self {
        self.quirks |= 1 << quirk as usize;
        self
    }

    /// Whether the peer has this defect.
    pub const fn has(self, lapse: Lapse) -> bool {
        self.lapses[lapse as usize / 64] >> (lapse as usize % 64) & 1 == 1
    }

    /// Whether the peer is odd in this way.
    pub const fn shows(self, quirk: Quirk) -> bool {
        self.quirks >> quirk as usize & 1 == 1
    }
}

#[cfg(not(feature = "self-test"))]
impl Lapses {
    /// An honest peer.
    pub const NONE: Lapses = Lapses(());

    /// Whether the peer has this defect: it never does.
    #[inline(always)]
    pub const fn has(self, _: Lapse) -> bool {
        false
    }

    /// Whether the peer is odd in this way: it never is.
    #[inline(always)]
    pub const fn shows(self, _: Quirk) -> bool {
        false
    }
}

/// A build without the feature has no lapse to switch on and no bit to keep one in.
#[cfg(not(feature = "self-test"))]
const _: () = {
    assert!(size_of::<Lapses>() == 0);
    assert!(Lapses::NONE.is_honest());
    let mut at = 0;
    while at < table::COUNT {
        assert!(!Lapses::NONE.has(table::VARIANTS[at]));
        at += 1;
    }
};

#[cfg(feature = "self-test")]
const _: () = assert!(table::COUNT <= WORDS * 64 && quirks::COUNT <= 64);

impl Lapses {
    /// Whether there is nothing odd about the peer.
    #[inline(always)]
    pub const fn is_honest(self) -> bool {
        #[cfg(feature = "self-test")]
        {
            let mut any = self.quirks;
            let mut at = 0;
            while at < WORDS {
                any |= self.lapses[at];
                at += 1;
            }
            any == 0
        }
        #[cfg(not(feature = "self-test"))]
        true
    }

    /// A check's outcome, which a peer with the lapse does not heed.
    #[inline(always)]
    pub fn keep<E>(self, lapse: Lapse, checked: Result<(), E>) -> Result<(), E> {
        match self.has(lapse) {
            true => Ok(()),
            false => checked,
        }
    }

    /// A value, which a peer with the lapse gets wrong.
    #[inline(always)]
    pub fn swap<T>(self, lapse: Lapse, right: T, wrong: impl FnOnce(T) -> T) -> T {
        match self.has(lapse) {
            true => wrong(right),
            false => right,
        }
    }

    /// A value, for which a peer with the quirk has another that is as good.
    #[inline(always)]
    pub fn vary<T>(self, quirk: Quirk, usual: T, other: impl FnOnce(T) -> T) -> T {
        match self.shows(quirk) {
            true => other(usual),
            false => usual,
        }
    }

    /// Whether the peer passes over an item that this rule has it refuse, as if it had never come.
    #[inline(always)]
    pub fn skips(self, rule: RuleId) -> bool {
        let mut skips = table::SKIPS.iter().flatten();
        skips.any(|(skipped, lapse)| *skipped == rule && self.has(*lapse))
    }
}

//! Exit codes.

/// Every claim that was played holds.
pub const CONFORMS: u8 = 0;
/// A rule is broken.
pub const BROKEN: u8 = 1;
/// Wrong usage, or a broken scenario file.
pub const USAGE: u8 = 2;
/// The peer was not reached, or nothing could be judged; or a host could not start, for its port or its data.
pub const NOT_JUDGED: u8 = 3;
/// The suite's own fault.
pub const SUITE: u8 = 4;

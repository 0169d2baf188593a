//! Exit codes.

/// Every claim that was played holds; or a peer of ours was told to leave.
pub const CONFORMS: u8 = 0;
/// A rule is broken.
pub const BROKEN: u8 = 1;
/// Wrong usage, or a broken scenario, config or operations file.
pub const USAGE: u8 = 2;
/// The peer was not reached, or nothing could be judged; or a host could not start, for its port or its data.
pub const NOT_JUDGED: u8 = 3;
/// The suite's own fault, or that of the machine it runs on.
pub const SUITE: u8 = 4;

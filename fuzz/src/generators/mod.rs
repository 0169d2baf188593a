//! From bytes to valid-shaped cases with bounded ranges. Every byte string is a case, so nothing is ever discarded; what
//! a payload does not decode to is sent as the garbage it is.

pub mod call;
pub mod dialogue;
pub mod frame_fault;
pub mod handshake;

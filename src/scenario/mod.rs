//! Scenarios as data: the file format, its loader and its checks. A scenario knows nothing of bytes on the wire; the
//! actor turns it into those.

pub mod deviation;
pub mod message;
pub mod model;

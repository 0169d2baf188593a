//! The honest peer's mind: what it decides, over what it holds. No IO; every answer is a pure function of its inputs.

pub mod backoff;
pub mod client;
pub mod config;
pub mod effect;
#[cfg(test)]
mod fixture;
pub mod grants;
pub mod host;
pub mod limits;
mod links;
pub mod logs;
pub mod oplog;
pub mod own_operations;
pub mod pairing;
pub mod peer_states;
mod throttle;
mod view;

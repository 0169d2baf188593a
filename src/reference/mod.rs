//! The honest peer's mind: what a correct, hardened host and client decide, above the session machine.
//!
//! [`host::Host`] and [`client::Client`] take the actions that verified peers sent and say what to do about them, as
//! [`effect::Effect`]s. One of each may stand behind one lock: nothing here waits, and no cryptography is done here but
//! reading an identity out of a config.
//!
//! It refuses to
//! - open, seal or sign anything, or to hear of a peer that has not proved its identity: that is [`crate::session`]'s;
//! - read a clock, draw randomness or touch a socket: times are parameters, ids count up;
//! - run backups, open repos or look into operations further than it takes to file and permit them;
//! - let one peer's fault be another's: a violation ends one session, and [`limits::Limits`] bounds what each can make us
//!   hold;
//! - answer a question of permission anywhere but in [`grants`].

pub mod backoff;
pub mod client;
pub mod config;
pub mod effect;
#[cfg(test)]
pub(crate) mod fixture;
pub mod grants;
pub mod host;
mod lapsing;
pub mod limits;
mod links;
pub mod logs;
pub mod memory_store;
pub mod own_operations;
#[cfg(test)]
mod pair;
pub mod pairing;
pub mod peer_states;
pub mod store;
mod throttle;
mod view;

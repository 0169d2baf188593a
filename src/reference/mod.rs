//! The honest peer's mind: what it decides, over what it holds. No IO; every answer is a pure function of its inputs.

pub mod config;
#[cfg(test)]
mod fixture;
pub mod grants;
pub mod limits;
pub mod oplog;
pub mod own_operations;
pub mod pairing;

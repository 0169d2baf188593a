//! The honest peer's mind: what it decides, over what it holds. No IO; every answer is a pure function of its inputs.

pub mod grants;
pub mod pairing;

//! Fuzzing a live peer: dialogues are made by walking the protocol's model and by changing those that showed something
//! new, played as scenarios by the actor, judged by the judge, and shrunk when a rule is found broken.
//!
//! [`Campaign`] is the whole of it without IO. A driver
//! 1. asks [`Campaign::next_task`] what to play, and turns it into a scenario with [`script()`];
//! 2. plays it, has it judged, and hands trace and verdict to [`Campaign::played`];
//! 3. saves what that says is new: dialogues for the corpus, findings as scenarios.
//!
//! It refuses to know bytes and keys, which are the actor's, and to have an opinion on a trace, which is the judge's.

mod brain;
mod coverage;
mod dialogue;
mod dice;
mod doubt;
mod finding;
mod generate;
mod growth;
mod position;
mod script;
mod shrink;
pub mod variation;

pub use brain::{Campaign, Played, Task};
pub use coverage::{Coverage, Signature};
pub use dialogue::{Begin, Dialogue, Operation, Saying, TURNS_MAX, Turn};
pub use dice::Dice;
pub use finding::{Finding, Key};
pub use growth::{Growth, Memory};
pub use position::{Expected, Position};
pub use script::{Script, lane_scenario, script};
pub use shrink::candidates;

#[cfg(test)]
mod tests;

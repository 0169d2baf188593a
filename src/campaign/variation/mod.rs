//! Cases of the catalogue, changed: what a walk of the model cannot say, because nothing says what must come of it.
//!
//! A [`Variation`] uses what its case was given, and steps that are no longer that case's claim. So its own verdict means
//! nothing. What it means shows beside the reference: [`Seen`] is what a peer made of it, in words that two correct peers
//! share, and [`Difference`] what one made of it and the other did not.

mod change;
mod grounds;
mod keep;
mod mend;
mod search;
mod seen;
mod shorter;
mod stock;
mod values;
mod words;

use serde::{Deserialize, Serialize};

use crate::{
    scenario::{
        deviation::Deviation,
        model::{Scenario, Step},
    },
    wire::{Role, RpcProtocol},
};

pub use grounds::grounds;
pub use keep::file_of;
pub use search::{Departure, Learnt, Search, Trial};
pub use seen::{Difference, Seen};
pub use shorter::shorter;
pub use stock::{Base, Stock};
pub use words::Kind;

/// Most steps of one.
pub const STEPS_LEN_MAX: usize = 40;

/// A case, changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variation {
    /// Id of the case that it uses the identities of.
    pub base: String,
    /// The role of the peer under test.
    pub role: Role,
    /// The RPC protocol: ids and keys of a case depend on it.
    pub protocol: RpcProtocol,
    /// Deviations that hold for every step.
    pub deviate: Vec<Deviation>,
    /// What happens.
    pub steps: Vec<Step>,
}

impl Variation {
    /// The case as it is.
    pub fn of(base: &Base) -> Variation {
        Variation {
            base: base.scenario.id.clone(),
            role: base.scenario.role,
            protocol: base.protocol,
            deviate: base.scenario.deviate.clone(),
            steps: base.scenario.steps.clone(),
        }
    }

    /// What is played.
    pub fn scenario(&self, base: &Scenario) -> Scenario {
        Scenario {
            deviate: self.deviate.clone(),
            steps: self.steps.clone(),
            ..base.clone()
        }
    }

    /// How much there is to read: steps, then all they hold.
    pub fn weight(&self) -> (usize, usize) {
        let text = serde_json::to_string(&(&self.steps, &self.deviate));
        (self.steps.len(), text.map_or(usize::MAX, |text| text.len()))
    }
}

#[cfg(test)]
mod tests;

//! Shorter variations that may show the same.

use super::{Variation, mend::mended};
use crate::scenario::model::{Scenario, Step};

/// Simpler variations that may show the same, the boldest cuts first.
pub fn shorter(variation: &Variation, base: &Scenario, last: usize) -> Vec<Variation> {
    let mut found: Vec<Variation> = Vec::new();
    let mut propose = |steps: Vec<Step>, deviate| {
        let candidate = Variation {
            steps: mended(steps, base),
            deviate,
            ..variation.clone()
        };
        if candidate != *variation && !candidate.steps.is_empty() && !found.contains(&candidate) {
            found.push(candidate);
        }
    };
    let steps = &variation.steps;
    propose(
        steps[..steps.len().min(last + 1)].to_vec(),
        variation.deviate.clone(),
    );
    for at in (0..steps.len()).rev() {
        let mut fewer = steps.clone();
        fewer.remove(at);
        propose(fewer, variation.deviate.clone());
    }
    for (at, step) in steps.iter().enumerate() {
        for which in 0..step.deviate.len() {
            let mut honest = steps.clone();
            honest[at].deviate.remove(which);
            propose(honest, variation.deviate.clone());
        }
    }
    for which in 0..variation.deviate.len() {
        let mut fewer = variation.deviate.clone();
        fewer.remove(which);
        propose(steps.clone(), fewer);
    }
    found
}

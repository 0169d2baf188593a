//! Steps that many clients take: written once, played by each.
//!
//! They are written out as plain steps while a file is read, so that nothing behind the loader knows of them.

use super::{
    looks::stranger,
    model::{Connect, Step, Verb},
    node::{Key, Place},
    problem::Problem,
    steps::StepContext,
};

/// Which of them goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Every client takes a step before any takes the next.
    AllAtOnce,
    /// A client takes all steps before the next client takes any.
    Each,
}

impl Order {
    /// The order that a verb asks for.
    pub fn of(verb: &str) -> Option<Order> {
        match verb {
            "all-at-once" => Some(Order::AllAtOnce),
            "each" => Some(Order::Each),
            _ => None,
        }
    }
}

/// Checks the steps that are written for all, and gives each client its own.
pub fn write_out(
    order: Order,
    verb: &Key,
    steps: Vec<Option<Step>>,
    context: &StepContext<'_>,
) -> Vec<Option<Step>> {
    let strangers = context.given.strangers;
    if strangers < 2 {
        context.problems.report(verb.place, Problem::NoStrangers);
        return vec![None];
    }
    for step in steps.iter().flatten() {
        check(step, context);
    }
    let numbers = 1..=strangers;
    let of = |number: u32, step: &Option<Step>| step.as_ref().map(|step| taken_by(number, step));
    match order {
        Order::AllAtOnce => steps
            .iter()
            .flat_map(|step| numbers.clone().map(move |number| of(number, step)))
            .collect(),
        Order::Each => numbers
            .flat_map(|number| steps.iter().map(move |step| of(number, step)))
            .collect(),
    }
}

fn check(step: &Step, context: &StepContext<'_>) {
    let place = Place {
        line: step.location.line,
        column: step.location.column,
    };
    let named = match &step.verb {
        Verb::Connect(Connect { identity, .. }) => identity.is_some(),
        Verb::Send(_) | Verb::Settle(_) | Verb::HalfClose(_) | Verb::Reset(_) | Verb::Cut(_) => {
            false
        }
        _ => true,
    };
    if named || step.on.is_some() {
        context.problems.report(place, Problem::NotForStrangers);
    }
}

fn taken_by(number: u32, step: &Step) -> Step {
    let name = stranger(number);
    let mut step = Step {
        on: Some(name.clone()),
        ..step.clone()
    };
    if let Verb::Connect(connect) = &mut step.verb {
        connect.identity = Some(name);
    }
    step
}

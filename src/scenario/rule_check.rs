//! Reads rule ids, and checks that the rules bind the peer under test.

use super::{
    de, load_error::Problems, model::Target, node::Node, problem::Problem, steps::StepContext,
};
use crate::{
    rules::{Binds, RuleId},
    wire::Role,
};

/// Reads a scenario's rules. Each must bind a role under test, and the first all of them.
pub fn read_rules(node: &Node, target: Option<Target>, problems: &Problems) -> Vec<RuleId> {
    let elements = de::elements(node, problems);
    if elements.is_empty() && node.as_seq().is_some() {
        problems.report(node.place, Problem::NoRules);
    }
    let mut rules = Vec::new();
    for element in elements {
        let Some(rule) = read_rule(element, problems) else {
            continue;
        };
        if rules.contains(&rule) {
            problems.report(element.place, Problem::RuleTwice(rule));
        }
        let roles = target.map_or(&[][..], Target::roles);
        let unbound = roles.iter().filter(|role| !binds(rule, **role));
        let chief = rules.is_empty();
        let unbound: Vec<_> = unbound.collect();
        if let Some(role) = unbound.first()
            && (chief || unbound.len() == roles.len())
        {
            problems.report(element.place, Problem::RuleOfOtherRole(rule, **role));
        }
        rules.push(rule);
    }
    rules
}

/// Reads the rule of a step, which the scenario must list.
pub fn read_step_rule(node: &Node, context: &StepContext<'_>) -> Option<RuleId> {
    let rule = read_rule(node, context.problems)?;
    let problem = match context.rules.contains(&rule) {
        false => Problem::StepRuleNotListed(rule),
        true if !binds(rule, context.role) => Problem::RuleOfOtherRole(rule, context.role),
        true => return Some(rule),
    };
    context.problems.report(node.place, problem);
    Some(rule)
}

/// Whether a peer in that role is held to the rule.
pub fn binds(rule: RuleId, role: Role) -> bool {
    match rule.rule().binds {
        Binds::Responder => role == Role::Responder,
        Binds::Initiator => role == Role::Initiator,
        // The state service stands beside a peer of either role.
        Binds::Both | Binds::State => true,
    }
}

/// The rule that a peer in that role breaks which serves no more.
pub fn survives(role: Role) -> RuleId {
    match role {
        Role::Responder => RuleId::ResponderSurvives,
        Role::Initiator => RuleId::InitiatorSurvives,
    }
}

fn read_rule(node: &Node, problems: &Problems) -> Option<RuleId> {
    let id: String = de::read(node, problems)?;
    let rule = id.parse();
    rule.map_err(|_| problems.report(node.place, Problem::UnknownRule(id)))
        .ok()
}

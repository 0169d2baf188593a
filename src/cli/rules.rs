//! `syncspec rules`: the ledger, and what checks it.

use serde_json::{Value, json};
use syncspec::{
    model::load_catalogue,
    rules::{ALL, RuleId},
    scenario::CaseTemplate,
};

use super::{FormatArg, exit, print, print_json};

#[derive(clap::Args)]
pub struct RulesArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    format: FormatArg,
}

pub fn rules(args: &RulesArgs) -> Result<u8, u8> {
    let templates = load_catalogue().map_err(|_| exit::SUITE)?;
    match args.format {
        FormatArg::Json => print_json(&ALL.iter().map(|rule| row(*rule, &templates)).collect()),
        FormatArg::Text => {
            let mut lines = Vec::new();
            let mut checked = 0;
            for rule in ALL {
                let cases = cases_of(*rule, &templates).len();
                checked += usize::from(cases > 0);
                let row = rule.rule();
                lines.push(format!(
                    "{:<44} {:<8} {:<9} {cases:>3} cases  {}",
                    row.id,
                    row.level.name(),
                    row.binds.name(),
                    row.text
                ));
            }
            lines.push(format!("\n{checked} of {} rules have a case", ALL.len()));
            print(&lines.join("\n"))
        }
    }
}

fn cases_of(rule: RuleId, templates: &[CaseTemplate]) -> Vec<&str> {
    templates
        .iter()
        .filter(|template| template.rules().contains(&rule))
        .map(CaseTemplate::id)
        .collect()
}

fn row(rule: RuleId, templates: &[CaseTemplate]) -> Value {
    let row = rule.rule();
    json!({
        "id": row.id,
        "level": row.level.name(),
        "binds": row.binds.name(),
        "text": row.text,
        "source": row.source(),
        "cases": cases_of(rule, templates),
        "untestable": row.untestable,
    })
}

//! `syncspec rules`: the ledger, and what checks it.

use serde_json::{Value, json};
use syncspec::{
    rules::{ALL, RuleId},
    scenario::CaseTemplate,
};

use super::{FormatArg, exit, load_built_in, print, print_json};

#[derive(clap::Args)]
pub struct RulesArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    format: FormatArg,
}

pub fn rules(args: &RulesArgs) -> Result<u8, u8> {
    let templates = load_built_in().map_err(|_| exit::SUITE)?;
    match args.format {
        FormatArg::Json => print_json(&ALL.iter().map(|rule| row(*rule, &templates)).collect()),
        FormatArg::Text => {
            let mut lines = Vec::new();
            let mut checked = 0;
            let mut by_vectors = 0;
            for rule in ALL {
                let cases = cases_of(*rule, &templates).len();
                checked += usize::from(cases > 0);
                by_vectors += usize::from(!rule.vector_groups().is_empty());
                let row = rule.rule();
                lines.push(format!(
                    "{:<44} {:<8} {:<9} {:<9}  {}{}",
                    row.id,
                    row.level.name(),
                    row.binds.name(),
                    checked_by(*rule, cases),
                    row.text,
                    row.untestable
                        .map(|why| format!(" No case: {why}"))
                        .unwrap_or_default()
                ));
            }
            lines.push(format!(
                "\n{checked} of {} rules have a case, {by_vectors} are checked by vectors, {} by neither",
                ALL.len(),
                ALL.len() - checked - by_vectors
            ));
            print(&lines.join("\n"))
        }
    }
}

fn checked_by(rule: RuleId, cases: usize) -> String {
    match (cases, rule.vector_groups()) {
        (0, []) => "-".to_owned(),
        (0, _) => "vectors".to_owned(),
        (cases, _) => format!("{cases:>3} cases"),
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
        "vectors": rule.vector_groups(),
        "untestable": row.untestable,
    })
}

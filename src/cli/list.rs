//! `syncspec list`.

use serde_json::json;
use syncspec::{
    runner::{plan, plan_spliced},
    scenario::{CaseTemplate, model::Profile},
    wire::Role,
};

use super::{FormatArg, SelectArgs, exit, print, print_json};

#[derive(clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    format: FormatArg,
    /// Print the file of the case with this id, to be read or played: most cases of the matrix are in no file
    #[arg(long, value_name = "ID")]
    show: Option<String>,
}

impl ListArgs {
    /// For `run --list`.
    pub fn text(select: SelectArgs) -> Self {
        ListArgs {
            select,
            format: FormatArg::Text,
            show: None,
        }
    }
}

pub fn list(args: &ListArgs) -> Result<u8, u8> {
    let templates = args.select.load()?;
    if let Some(id) = &args.show {
        return show(id, &templates);
    }
    let roles = args
        .select
        .roles()
        .unwrap_or(&[Role::Responder, Role::Initiator]);
    let selection = args.select.selection();
    // Protocols are no part of a case's id.
    let protocols = &args.select.protocols()[..1];
    let mut jobs: Vec<_> = roles
        .iter()
        .flat_map(|role| plan(&templates, &selection, *role, protocols))
        .collect();
    if args.select.is_built_in() {
        let parts: Vec<_> = roles
            .iter()
            .map(|role| (*role, protocols.to_vec()))
            .collect();
        jobs.extend(plan_spliced(&selection, &parts, true));
    }
    jobs.sort_by(|a, b| a.scenario.id.cmp(&b.scenario.id));
    match args.format {
        FormatArg::Text => {
            let mut lines: Vec<_> = jobs
                .iter()
                .map(|job| format!("{}: test", job.scenario.id))
                .collect();
            // A case for both roles is one case.
            lines.dedup();
            print(&format!("{}\n\n{} cases", lines.join("\n"), lines.len()))
        }
        FormatArg::Json => print_json(
            &jobs
                .iter()
                .map(|job| {
                    let case = &job.scenario;
                    json!({
                        "id": case.id,
                        "about": case.about,
                        "rules": case.rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
                        "role": case.role.name(),
                        "level": case.level().name(),
                        "profile": profile_name(case.profile),
                        "location": case.location.to_string(),
                    })
                })
                .collect(),
        ),
    }
}

fn show(id: &str, templates: &[CaseTemplate]) -> Result<u8, u8> {
    match templates.iter().find(|template| template.id() == id) {
        Some(template) => print(template.yaml().trim_end()),
        None => {
            eprintln!("error: no case has the id `{id}`; `syncspec list` prints them all");
            Err(exit::USAGE)
        }
    }
}

fn profile_name(profile: Profile) -> &'static str {
    match profile {
        Profile::Smoke => "smoke",
        Profile::Standard => "standard",
        Profile::Full => "full",
    }
}

//! `syncspec fuzz import`: findings become regression scenarios.

use std::{fs, path::PathBuf};

use syncspec::{
    actor::Patience,
    report::Outcome,
    rules::Level,
    runner::{self, Job, RunOptions, Selection, Source, plan},
    scenario::{CaseTemplate, load::load_dir, model::Profile},
    wire::{Role, RpcProtocol},
};

use super::folder::put;
use crate::cli::{exit, print_errors, runtime::runtime};

#[derive(clap::Args)]
pub struct ImportArgs {
    /// Folder of findings, such as fuzz-campaign/findings
    #[arg(value_name = "FINDINGS")]
    findings: PathBuf,
    /// Folder of scenarios to put them into
    #[arg(long, value_name = "DIR", default_value = "scenarios/regression")]
    into: PathBuf,
    /// Print them, and write nothing
    #[arg(long)]
    print: bool,
}

/// Each finding that loads and is green on the reference; a regression test that is red on it would test nothing.
pub fn import(args: &ImportArgs) -> Result<u8, u8> {
    let templates = load_dir(&args.findings).map_err(|errors| {
        print_errors(&errors);
        exit::USAGE
    })?;
    if templates.is_empty() {
        eprintln!("error: there is no finding in {}", args.findings.display());
        return Err(exit::NOT_JUDGED);
    }
    let runtime = runtime()?;
    let mut all_hold = true;
    for template in &templates {
        let holds = runtime.block_on(holds_on_the_reference(template))?;
        let name = template.id().replace('/', "-");
        if let Err(why) = holds {
            eprintln!("left out: {name}: not green on the reference: {why}");
            all_hold = false;
            continue;
        }
        if args.print {
            println!("# {name}.yaml\n{}", template.yaml().trim_end());
            continue;
        }
        fs::create_dir_all(&args.into).map_err(|error| {
            eprintln!(
                "error: failed to make the folder {}: {error}",
                args.into.display()
            );
            exit::USAGE
        })?;
        let path = args.into.join(format!("{name}.yaml"));
        if path.exists() {
            eprintln!("left alone: {} is there already", path.display());
            continue;
        }
        put(&path, template.yaml()).map_err(|error| {
            eprintln!("error: {error}");
            exit::SUITE
        })?;
        println!("{}", path.display());
    }
    runtime.shutdown_background();
    Ok(if all_hold {
        exit::CONFORMS
    } else {
        exit::BROKEN
    })
}

async fn holds_on_the_reference(template: &CaseTemplate) -> Result<Result<(), String>, u8> {
    let selection = Selection {
        profile: Profile::Full,
        ..Selection::default()
    };
    let roles = [Role::Responder, Role::Initiator];
    for role in roles {
        let jobs: Vec<Job> = plan(
            std::slice::from_ref(template),
            &selection,
            role,
            &RpcProtocol::ALL,
        );
        if jobs.is_empty() {
            continue;
        }
        let mut options = RunOptions::new(1, Level::Deployed);
        let mut peers = runner::Peers::new(Source::Reference, runner::LookPlan::default());
        let cases: Vec<_> = jobs.iter().map(|job| job.scenario.clone()).collect();
        peers.begin(role, &cases).await.map_err(|why| {
            eprintln!("error: {why}");
            exit::SUITE
        })?;
        peers.reach(&mut options, true, RpcProtocol::Connect).await;
        let patience = Patience::from_round_trip(std::time::Duration::ZERO);
        let results = runner::run(jobs, &options, patience, &mut |_| {}).await;
        let red = results
            .iter()
            .find(|result| result.outcome != Outcome::Passed);
        if let Some(red) = red {
            let why = red.findings.first().map_or_else(
                || "it could not be judged".to_owned(),
                |finding| format!("expected {}, seen {}", finding.expected, finding.seen),
            );
            return Ok(Err(why));
        }
    }
    Ok(Ok(()))
}

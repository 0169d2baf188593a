//! `syncspec provision`: what a peer must be given.

use syncspec::{
    runner::{Job, Selection, plan},
    scenario::model::Profile,
    target::{contact_scenario, provision::Provision},
    wire::RpcProtocol,
};

use super::{SelectArgs, print_json};

#[derive(clap::Args)]
pub struct ProvisionArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = ProvisionFormat::Json)]
    format: ProvisionFormat,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ProvisionFormat {
    /// A layout of our own, for any peer
    Json,
    /// The configuration file of deployed peers
    BackrestConfig,
}

pub fn provision(args: &ProvisionArgs) -> Result<u8, u8> {
    let templates = args.select.load()?;
    // Whatever profile is run later, the peer then has what it needs.
    let selection = Selection {
        profile: Profile::Full,
        ..args.select.selection()
    };
    let jobs = plan(&templates, &selection, args.select.protocols());
    let provision = provision_for(&jobs);
    print_json(&match args.format {
        ProvisionFormat::Json => provision.to_json(),
        ProvisionFormat::BackrestConfig => provision.to_backrest_config(),
    })
}

/// What the jobs, and the first contact before them, need.
pub fn provision_for(jobs: &[Job]) -> Provision {
    let contacts = RpcProtocol::ALL.map(contact_scenario);
    Provision::for_cases(jobs.iter().map(|job| &*job.scenario).chain(&contacts))
}

//! `syncspec provision`: what a peer must be given.

use std::net::SocketAddr;

use syncspec::{
    runner::{Job, Selection, plan},
    scenario::{
        model::{Profile, Scenario},
        probes::load_probes,
    },
    target::{
        contact_scenario,
        provision::{ClientProvision, Provision},
    },
    wire::{Role, RpcProtocol},
};

use super::{RoleArg, SelectArgs, exit, print_json};

#[derive(clap::Args)]
pub struct ProvisionArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// Where `syncspec run --listen` will wait for the client, such as 127.0.0.1:9899
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
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
    /// The operations of a client, v1.OperationList in JSON
    Operations,
}

pub fn provision(args: &ProvisionArgs) -> Result<u8, u8> {
    let templates = args.select.load()?;
    // Whatever profile is run later, the peer then has what it needs.
    let selection = Selection {
        profile: Profile::Full,
        ..args.select.selection()
    };
    match (args.select.role, args.listen) {
        (None | Some(RoleArg::Responder), None) => {
            let protocols = args.select.protocols();
            let jobs = plan(&templates, &selection, Role::Responder, protocols);
            let provision = provision_for(&jobs);
            print_json(&match args.format {
                ProvisionFormat::Json => provision.to_json(),
                ProvisionFormat::BackrestConfig => provision.to_backrest_config(),
                ProvisionFormat::Operations => {
                    eprintln!(
                        "error: a host is given no operations: --format operations is for clients"
                    );
                    return Err(exit::USAGE);
                }
            })
        }
        (Some(RoleArg::Initiator), Some(address)) => {
            let protocols = args.select.client_protocols();
            let jobs = plan(&templates, &selection, Role::Initiator, protocols);
            let own = client_contacts(protocols)
                .into_iter()
                .chain(probes(Role::Initiator, protocols));
            let own: Vec<Scenario> = own.collect();
            let cases = jobs.iter().map(|job| &*job.scenario).chain(&own);
            let provision = ClientProvision::for_cases(&format!("http://{address}"), cases);
            print_json(&match args.format {
                ProvisionFormat::Json => provision.to_json(),
                ProvisionFormat::BackrestConfig => provision.to_backrest_config(),
                ProvisionFormat::Operations => provision.operations(),
            })
        }
        _ => {
            eprintln!(
                "error: one role at a time: nothing more for a host, --role initiator --listen ADDR for a client"
            );
            Err(exit::USAGE)
        }
    }
}

/// What the jobs against a host need, and what is played beside them: the first contact, and what tries capabilities.
pub fn provision_for(jobs: &[Job]) -> Provision {
    let contacts = RpcProtocol::ALL.map(|protocol| contact_scenario(Role::Responder, protocol));
    let probes: Vec<Scenario> = probes(Role::Responder, &RpcProtocol::ALL).collect();
    let cases = jobs.iter().map(|job| &*job.scenario);
    Provision::for_cases(cases.chain(&contacts).chain(&probes))
}

/// What tries the capabilities that a target file may speak of.
fn probes(role: Role, protocols: &[RpcProtocol]) -> impl Iterator<Item = Scenario> {
    // A test reads them all.
    let probes = load_probes().unwrap_or_default().into_iter();
    probes.flat_map(move |probe| {
        let scenario = |protocol: &RpcProtocol| probe.instantiate(role, *protocol);
        protocols.iter().filter_map(scenario).collect::<Vec<_>>()
    })
}

/// The first contacts with a client.
pub fn client_contacts(protocols: &[RpcProtocol]) -> Vec<Scenario> {
    let contact = |protocol: &RpcProtocol| contact_scenario(Role::Initiator, *protocol);
    protocols.iter().map(contact).collect()
}

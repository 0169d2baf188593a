//! A peer that a target file tells of: started where it says how, and tried as `run` tries it before its first case.

use std::path::Path;

use serde_json::Value;
use syncspec::{
    rules::Level,
    runner::{NotReached, Peers, RunOptions, contact},
    target::{contact_scenario, doctor::Diagnosis},
    wire::{Role, RpcProtocol},
};

use super::{
    super::{
        exit, print,
        run::{Attached, NoCalls},
        tls_roots,
    },
    DoctorArgs, exit_code, text, write,
};

/// Tries the peer in each of its roles, one after the other.
pub async fn examine(args: &DoctorArgs, file: &Path, seed: u64) -> Result<u8, u8> {
    if args.is_about_a_url() {
        eprintln!("error: beside a target file only --role, --kem-id, --wait and --report count");
        return Err(exit::USAGE);
    }
    let attached = Attached::of_file(file)?.waiting(args.wait);
    let all = attached.target().map(|target| target.roles());
    let all = all.unwrap_or_default();
    let roles: Vec<Role> = match args.role.map(super::RoleArg::role) {
        Some(role) => all.into_iter().filter(|it| *it == role).collect(),
        None => all,
    };
    if roles.is_empty() {
        eprintln!("error: the target file does not say how the peer is reached in that role");
        return Err(exit::USAGE);
    }
    let mut tried = Vec::new();
    for role in roles {
        let (diagnosis, last_words) = try_as(args, &attached, role, seed).await?;
        let part = match role {
            Role::Responder => "host",
            Role::Initiator => "client",
        };
        print(&format!("as a {part}\n{}", text::text(&diagnosis)))?;
        if diagnosis.mistake().is_some() && !last_words.is_empty() {
            print(&format!("{}\n", last_words.join("\n")))?;
        }
        tried.push((role, diagnosis));
    }
    print(text::last_line(tried.iter().map(|(_, diagnosis)| diagnosis)).trim())?;
    write(&args.report, &report(file, &tried))?;
    let codes = tried.iter().map(|(_, diagnosis)| exit_code(diagnosis));
    // What keeps the peer from being judged counts before what it breaks.
    Ok(codes.max().unwrap_or(exit::NOT_JUDGED))
}

/// What was seen in one role, and what a process that we started printed last.
async fn try_as(
    args: &DoctorArgs,
    attached: &Attached,
    role: Role,
    seed: u64,
) -> Result<(Diagnosis, Vec<String>), u8> {
    let protocols = attached.spoken_as(role);
    let contacts: Vec<_> = protocols
        .iter()
        .map(|protocol| contact_scenario(role, *protocol))
        .collect();
    let source = match attached.source(contacts.iter()).await {
        Ok(source) => source,
        Err(NoCalls::NotReached(why)) => return Ok((why.diagnosis, why.last_words)),
        Err(why) => return Err(why.print()),
    };
    let mut peers = Peers::new(source, attached.look_plan());
    if let Err(why) = peers.begin(role, &[]).await {
        let why = NotReached::not_started(role, why);
        return Ok((why.diagnosis, why.last_words));
    }
    let mut options = RunOptions {
        tls_roots: tls_roots(attached.tls_ca())?,
        kem_id: args.kem_id.unwrap_or(attached.kem_id()),
        ..RunOptions::new(seed, Level::Must)
    };
    let first = protocols.first().copied();
    let first = first.unwrap_or(RpcProtocol::Connect);
    peers.reach(&mut options, false, first).await;
    let diagnosis = contact(&options, role, &protocols).await;
    let last_words = peers.last_words();
    drop(options);
    peers.stop().await;
    Ok((diagnosis, last_words))
}

/// One report of all roles; each check names its own.
fn report(file: &Path, tried: &[(Role, Diagnosis)]) -> Value {
    let mut whole = Diagnosis::default().to_json();
    whole["target"] = file.display().to_string().into();
    let (mut checks, mut not_reached) = (Vec::new(), Vec::new());
    for (role, diagnosis) in tried {
        let mut of_role = diagnosis.to_json();
        if let Some(of_role) = of_role["checks"].as_array_mut() {
            for check in of_role.iter_mut() {
                check["role"] = role.name().into();
            }
            checks.append(of_role);
        }
        if let Some(steps) = of_role["not_reached"].as_array_mut() {
            not_reached.append(steps);
        }
        whole["ok"] = (whole["ok"] == true && of_role["ok"] == true).into();
    }
    (whole["checks"], whole["not_reached"]) = (checks.into(), not_reached.into());
    whole
}

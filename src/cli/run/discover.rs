//! `syncspec run --discover`: tries what a peer can do, and writes a first target file.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

use syncspec::{
    crypto::kem::KemId,
    report::{CaseResult, Outcome},
    rules::Capability,
    runner::{Finished, Job, NotReached, Selection, plan},
    scenario::{
        model::Profile,
        probes::{id_of, probe_of},
    },
    target::{
        doctor::{Mistake, Standing},
        file::{KemIdName, TargetFile, Tried, first_file, usual_protocols},
    },
    wire::Role,
};

use super::{Attached, Part, exit};

/// The jobs that try each capability, as if the peer were said to have it.
pub fn jobs(parts: &[Part]) -> Vec<Job> {
    let probes: Vec<_> = declarable()
        .filter_map(|capability| probe_of(capability, true))
        .collect();
    let all = Selection {
        profile: Profile::Full,
        ..Selection::default()
    };
    let of_part = |part: &Part| plan(&probes, &all, part.role, &part.protocols);
    parts.iter().flat_map(of_part).collect()
}

/// What another try is to do otherwise, where the first one found the peer well but for one thing.
pub fn otherwise(why: &NotReached, parts: &mut [Part], kem_id: &mut KemId) -> bool {
    let standing = why.diagnosis.mistake().map(|check| &check.standing);
    match standing {
        Some(Standing::Failed(Mistake::ClientSpeaksOther { seen })) => {
            let Some(client) = parts.iter_mut().find(|part| part.role == Role::Initiator) else {
                return false;
            };
            let other = client.protocols != [*seen];
            client.protocols = vec![*seen];
            other
        }
        _ if why.role != Role::Responder => false,
        Some(Standing::Failed(Mistake::ProtocolNotSpoken { protocol })) => {
            let Some(host) = parts.iter_mut().find(|part| part.role == Role::Responder) else {
                return false;
            };
            host.protocols.retain(|spoken| spoken != protocol);
            !host.protocols.is_empty()
        }
        Some(Standing::Failed(Mistake::OtherKemId { seen })) if seen != kem_id => {
            *kem_id = *seen;
            true
        }
        _ => false,
    }
}

/// Writes the file, which must not be there yet, and says what it says.
pub fn write(
    file: &Path,
    attached: &Attached,
    parts: &[Part],
    kem_id: KemId,
    finished: &Finished,
) -> Result<u8, u8> {
    let mut target: TargetFile = attached.target().cloned().unwrap_or_default();
    target.kem_id = Some(match kem_id {
        KemId::AsPublished => KemIdName::Published,
        _ => KemIdName::Deployed,
    });
    let roles: Vec<Role> = parts.iter().map(|part| part.role).collect();
    target.protocols = None;
    for part in parts {
        let unusual = part.protocols != usual_protocols(part.role);
        let spoken = unusual.then(|| part.protocols.clone());
        match part.role {
            Role::Responder => target.responder.protocols = spoken,
            Role::Initiator => target.initiator.protocols = spoken,
        }
    }
    let tried: Vec<Tried> = declarable()
        .filter_map(|capability| tried(capability, &finished.results))
        .collect();
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    if let Ok(folder) = fs::canonicalize(folder.unwrap_or(Path::new("."))) {
        target.relate_paths(&folder);
    }
    let text = first_file(&target, &roles, &tried);
    let mut options = OpenOptions::new();
    // A file that somebody has worked on is not ours to replace.
    options.write(true).create_new(true);
    #[cfg(unix)]
    if !target.state_service.headers.is_empty() {
        // They may be secrets.
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let created = options.open(file);
    let written = created.and_then(|mut out| out.write_all(text.as_bytes()));
    written.map_err(|error| {
        eprintln!("error: failed to write {}: {error}", file.display());
        exit::USAGE
    })?;
    println!(
        "\nwrote {}: read it, then `syncspec run --target {}`",
        file.display(),
        file.display()
    );
    Ok(exit::CONFORMS)
}

fn declarable() -> impl Iterator<Item = Capability> {
    let all = Capability::ALL.iter().copied();
    all.filter(|capability| capability.follows_from().is_none())
}

/// One try, as it ends: a peer that lacks something has failed at nothing.
pub fn line(play: &CaseResult) -> String {
    let found = match play.outcome {
        Outcome::Passed => "has",
        Outcome::Failed => "lacks",
        _ => "?",
    };
    let mut tried = declarable().filter(|it| id_of(*it, true) == play.scenario.id);
    let name = tried.next().map_or(play.scenario.id.clone(), |capability| {
        capability.to_string()
    });
    format!(
        "{found:<5}  {name:<24}  {}, {}",
        play.scenario.role, play.protocol
    )
}

/// What the plays of one capability came to together: it is there where each of them found it.
fn tried(capability: Capability, results: &[CaseResult]) -> Option<Tried> {
    let id = id_of(capability, true);
    let plays: Vec<&CaseResult> = results
        .iter()
        .filter(|result| result.scenario.id == id)
        .collect();
    let seen: Vec<String> = plays.iter().map(|play| seen_in(play)).collect();
    let of = |outcome: Outcome| {
        plays
            .iter()
            .filter(move |play| play.outcome == outcome)
            .count()
    };
    let has = match (of(Outcome::Passed), of(Outcome::Failed)) {
        (_, 1..) => Some(false),
        (passed, 0) if passed == plays.len() => Some(true),
        _ => None,
    };
    (!plays.is_empty()).then(|| Tried {
        capability,
        has,
        seen: seen.join("\n"),
    })
}

fn seen_in(play: &CaseResult) -> String {
    let seen = match (play.outcome, play.findings.first()) {
        (Outcome::Passed, _) => "served".to_owned(),
        (_, Some(finding)) => format!("expected {}, seen {}", finding.expected, finding.seen),
        (_, None) => {
            let reason = play.reason.as_deref().unwrap_or("not played");
            let first = reason.lines().next().unwrap_or_default();
            format!("could not be told: {first}")
        }
    };
    format!("{} over {}: {seen}", play.scenario.role, play.protocol)
}

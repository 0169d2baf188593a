//! What reports say of a run beside its results.

use std::time::{Instant, SystemTime};

use syncspec::{
    report::{CaseResult, NotPlayed, Phases, Run, TargetLine},
    runner::NotReached,
    wire::Role,
};

use super::{
    super::{doctor, exit},
    Attached, RunArgs,
};

/// A run, and what it is played against.
pub struct About<'a> {
    pub args: &'a RunArgs,
    pub attached: &'a Attached,
    pub seed: u64,
    pub began: (SystemTime, Instant),
}

impl About<'_> {
    pub fn write(
        &self,
        results: &[CaseResult],
        phases: Phases,
        not_played: Option<&NotPlayed>,
    ) -> Result<(), u8> {
        let said = self.attached.target();
        let url = said.and_then(|target| target.responder_url());
        let target = TargetLine {
            kind: self.attached.kind(),
            name: said.and_then(|target| target.name.clone()),
            version: said.and_then(|target| target.version.clone()),
            url: match (url, not_played) {
                // What was given for a URL may be anything.
                (Some(url), Some(_)) => doctor::without_secret(url).to_owned(),
                (Some(url), None) => url.to_owned(),
                (None, _) => self.attached.shown(),
            },
            protocols: self.args.select.protocols().to_vec(),
        };
        self.args.reports.write(&Run {
            results,
            target: &target,
            label: self.args.reports.label(),
            seed: self.seed,
            duration: self.began.1.elapsed(),
            phases,
            began: self.began.0,
            not_played,
        })
    }

    /// Tells why not one case was played, wherever results would have been told; the code to exit with.
    pub fn not_played(&self, why: &NotReached) -> u8 {
        let text = not_reached(why, &self.attached.shown());
        eprintln!("error: no case was played: {text}");
        let mut checks = why.diagnosis.to_json();
        checks["role"] = why.role.name().into();
        checks["peer_log"] = why.last_words.clone().into();
        let why = NotPlayed { text, checks };
        let written = self.write(&[], Phases::default(), Some(&why));
        written.err().unwrap_or(exit::NOT_JUDGED)
    }
}

pub fn not_reached(why: &NotReached, name: &str) -> String {
    let peer = match (why.role, why.url.is_empty()) {
        (Role::Responder, true) => name.to_owned(),
        (role, _) => doctor::shown(role, &why.url),
    };
    doctor::not_judged(&peer, &why.diagnosis, &why.last_words)
}

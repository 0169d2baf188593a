//! Which calls a host answered as RPC, and what kept it from answering the others.

use super::Reader;
use crate::target::doctor::{
    Check, Mistake, Standing, Step,
    call::{self, Trouble},
    quoted,
    seen::Call,
};

impl Reader<'_> {
    /// The calls that were answered as RPC, and what to say of the path and of those that were not.
    pub(super) fn rpc(&self) -> (Vec<&Call>, Vec<Check>) {
        let troubled: Vec<(&Call, Trouble)> = self
            .seen
            .calls
            .iter()
            .filter_map(|call| Some((call, call::before_key(call)?)))
            .collect();
        let working: Vec<&Call> = self
            .seen
            .calls
            .iter()
            .filter(|call| {
                !troubled
                    .iter()
                    .any(|(other, _)| other.protocol == call.protocol)
            })
            .collect();
        let is_required = |call: &Call| self.wanted.protocols.contains(&call.protocol);
        let mut checks = Vec::new();
        if working.is_empty() {
            let told = troubled
                .iter()
                .find(|(call, _)| is_required(call))
                .or(troubled.first());
            if let Some((_, trouble)) = told {
                if trouble.step != Step::Path {
                    checks.push(Check::ok(Step::Path, "a call is taken"));
                }
                checks.push(self.trouble(trouble, trouble.seen.clone()));
            }
            return (working, checks);
        }
        checks.push(Check::ok(Step::Path, "the sync service is there"));
        let mut spoken: Vec<&str> = working.iter().map(|call| call.protocol.name()).collect();
        if self.seen.grpc_web == Some(true) {
            spoken.push("grpc-web");
        }
        checks.push(Check::ok(
            Step::Rpc,
            format!("speaks {}", spoken.join(", ")),
        ));
        for (call, trouble) in &troubled {
            let seen = format!("over {}: {}", call.protocol, trouble.seen);
            let check = self.trouble(trouble, seen);
            checks.push(match (is_required(call), check.standing) {
                (true, standing) => Check::new(Step::Rpc, standing, check.seen),
                (false, Standing::Failed(mistake)) => Check::note(Step::Rpc, mistake, check.seen),
                (false, standing) => Check::new(Step::Rpc, standing, check.seen),
            });
        }
        if self
            .seen
            .server
            .as_deref()
            .is_some_and(|server| server.starts_with("nginx"))
        {
            let seen = format!(
                "a proxy in front: server {}",
                quoted(self.seen.server.as_deref().unwrap_or_default())
            );
            checks.push(Check::note(Step::Rpc, Mistake::ProxyCutsSilence, seen));
        }
        (working, checks)
    }

    fn trouble(&self, trouble: &Trouble, seen: String) -> Check {
        let mistake = match (&trouble.mistake, &self.address.port_moved) {
            (Mistake::WrongPath | Mistake::WebPage, Some(meant)) => Mistake::PortBehindPath {
                meant: meant.clone(),
            },
            (Mistake::WrongPath | Mistake::WebPage, None) if self.seen.answers_without_prefix => {
                Mistake::WrongPrefix {
                    meant: self.address.without_prefix(),
                }
            }
            (mistake, _) => mistake.clone(),
        };
        Check::failed(trouble.step, mistake, seen)
    }
}

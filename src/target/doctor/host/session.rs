//! How far the sessions with a host came, and who it proved to be.

use super::{Reader, provisioned_keyid};
use crate::target::doctor::{Check, Mistake, Step, call, milliseconds, quoted, seen::Call};

impl Reader<'_> {
    /// Key exchange, handshake, key id and provisioning: what one call shows of them and the others do not contradict.
    pub(super) fn sessions(&self, working: &[&Call]) -> Vec<Check> {
        let mut checks = Vec::new();
        let steps: [fn(&Self, &Call) -> Option<Check>; 4] = [
            Self::key_exchange,
            Self::handshake,
            Self::key_id,
            Self::provisioning,
        ];
        for look in steps {
            let found: Vec<(&Call, Check)> = working
                .iter()
                .filter_map(|call| Some((*call, look(self, call)?)))
                .collect();
            let bad = found.iter().find(|(_, check)| check.advice().is_some());
            if let Some((call, check)) = bad.or(found.first()) {
                let mut check = check.clone();
                if check.advice().is_some() && working.len() > 1 {
                    check.seen = format!("over {}: {}", call.protocol, check.seen);
                }
                checks.push(check);
            }
        }
        checks
    }

    fn key_exchange(&self, call: &Call) -> Option<Check> {
        let step = Step::KeyExchange;
        let Some(took) = call.key_exchange else {
            return call::stopped(call, step);
        };
        Some(match call.kem_id {
            Some(seen) if seen != self.wanted.kem_id => Check::failed(
                step,
                Mistake::OtherKemId { seen },
                format!(
                    "KEM id {}, and {} was expected",
                    seen.name(),
                    self.wanted.kem_id.name()
                ),
            ),
            Some(seen) => Check::ok(
                step,
                format!("KEM id {}, {}", seen.name(), milliseconds(took)),
            ),
            None => Check::ok(step, format!("answered in {}", milliseconds(took))),
        })
    }

    fn handshake(&self, call: &Call) -> Option<Check> {
        call.key_exchange?;
        match &call.host {
            Some(host) => Some(Check::ok(
                Step::Handshake,
                format!(
                    "instance id `{}`, key id {}",
                    quoted(&host.instance_id),
                    quoted(&host.keyid)
                ),
            )),
            None => call::stopped(call, Step::Handshake),
        }
    }

    fn key_id(&self, call: &Call) -> Option<Check> {
        let seen = &call.host.as_ref()?.keyid;
        let step = Step::KeyId;
        Some(match &self.wanted.keyid {
            None => Check::skipped(step, "not compared: --expect-keyid was not given"),
            Some(expected) if expected == seen => Check::ok(step, "the expected one"),
            Some(expected) => Check::failed(
                step,
                Mistake::OtherHost,
                format!("expected {}, seen {}", quoted(expected), quoted(seen)),
            ),
        })
    }

    fn provisioning(&self, call: &Call) -> Option<Check> {
        let step = Step::Provisioning;
        let host = call.host.as_ref()?;
        let is_ours = host.keyid == provisioned_keyid();
        if !call.introduced {
            return Some(Check::skipped(
                step,
                "not tried: the host has an identity of its own (--provisioned tries the suite's clients)",
            ));
        }
        if let Some(took) = call.served {
            let seen = format!(
                "knows our client, a request was answered in {}",
                milliseconds(took)
            );
            return Some(match is_ours {
                true => Check::ok(step, seen),
                false => Check::note(
                    step,
                    Mistake::ProvisionedInPart,
                    format!(
                        "{seen}; calls itself `{}`, {}",
                        quoted(&host.instance_id),
                        quoted(&host.keyid)
                    ),
                ),
            });
        }
        if call::is_refused(call) {
            let mistake = match is_ours {
                true => Mistake::NotProvisioned,
                false => Mistake::NotProvisionedOtherKey,
            };
            return Some(Check::failed(step, mistake, call::how_it_stopped(call)));
        }
        call::stopped(call, step)
    }
}

//! A host that was dialled.

use std::time::Duration;

use super::{
    Check, Diagnosis, Mistake, Step,
    call::{self, Trouble},
    milliseconds, quoted,
    seen::{Call, Fault, HostSeen, Reached, StateAnswer, StateService, Unreached},
    url::Address,
};
use crate::{
    crypto::{identity::Identity, kem::KemId},
    scenario::fixtures,
    wire::RpcProtocol,
};

/// What clocks may differ by, in seconds. The protocol's only tolerance for clocks: a signed message older than 5 minutes
/// is refused.
pub const CLOCK_TOLERANCE_S: u64 = 300;
/// Times that a client comes while it is watched, from which on two clients are suspected; a healthy one comes once.
const COMES_TOO_OFTEN: usize = 3;

/// What the host is to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it must speak; another protocol that fails is only noted.
    pub protocols: Vec<RpcProtocol>,
    /// The reading of the KEM id it must follow.
    pub kem_id: KemId,
    /// Who it must be.
    pub keyid: Option<String>,
    /// Whether it must know the suite's clients.
    pub provisioned: Provisioned,
    /// Whether clocks that differ are a failure, or noted.
    pub clock_must_agree: bool,
}

/// Whether the host must know the suite's clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provisioned {
    /// It must.
    Required,
    /// It must if it has the identity that the suite provisions hosts with.
    IfOurs,
}

impl Provisioned {
    /// Whether a host with this key id must know us.
    pub fn of(self, keyid: &str) -> bool {
        self == Provisioned::Required || keyid == provisioned_keyid()
    }
}

/// Reads what was seen of the host at this URL; nothing is needed where the URL is no address.
pub fn diagnose_host(url: &str, seen: Option<&HostSeen>, wanted: &Wanted) -> Diagnosis {
    let (checks, calls) = match (Address::read(url), seen) {
        (Err(mistake), _) => {
            // Neither a secret nor a password is repeated.
            let seen = "not an address to dial";
            (vec![Check::failed(Step::Url, mistake, seen)], &[][..])
        }
        (Ok(_), None) => (Vec::new(), &[][..]),
        (Ok(address), Some(seen)) => (
            Reader {
                address,
                seen,
                wanted,
            }
            .checks(),
            &seen.calls[..],
        ),
    };
    Diagnosis::of(Step::TO_A_HOST, checks, slowest(calls))
}

fn slowest(calls: &[Call]) -> Duration {
    calls
        .iter()
        .flat_map(|call| [call.key_exchange, call.served])
        .flatten()
        .max()
        .unwrap_or_default()
}

/// The key id that the suite's provision gives a host.
fn provisioned_keyid() -> String {
    Identity::from_seed(&fixtures::seed_of("host"))
        .keyid()
        .to_owned()
}

struct Reader<'a> {
    address: Address,
    seen: &'a HostSeen,
    wanted: &'a Wanted,
}

impl Reader<'_> {
    fn checks(&self) -> Vec<Check> {
        let mut checks = match &self.seen.connection {
            Ok(reached) => self.connected(reached),
            Err(unreached) => return self.unreached(unreached),
        };
        let (working, rpc) = self.rpc();
        checks.extend(rpc);
        if !working.is_empty() {
            checks.extend(self.sessions(&working));
            checks.extend(
                self.seen
                    .state_service
                    .iter()
                    .map(|state| self.state_service(state)),
            );
            checks.extend(self.displacing_clients());
        }
        checks.push(self.clock());
        checks
    }

    fn connected(&self, reached: &Reached) -> Vec<Check> {
        let address = &self.address;
        let tls = match address.is_tls {
            true => Check::ok(
                Step::Tls,
                format!("valid for {}, ALPN h2", quoted(&address.host)),
            ),
            false => Check::skipped(
                Step::Tls,
                "none, as http:// says: whoever is on the way reads who talks to whom, \
                                                not what",
            ),
        };
        vec![
            Check::ok(Step::Url, self.url_seen()),
            Check::ok(
                Step::Name,
                format!("{} -> {}", quoted(&address.host), reached.address.ip()),
            ),
            Check::ok(
                Step::Tcp,
                format!(
                    "port {}, {}",
                    reached.address.port(),
                    milliseconds(reached.connect)
                ),
            ),
            tls,
            Check::ok(Step::Http2, "settings came"),
        ]
    }

    fn url_seen(&self) -> String {
        let address = &self.address;
        let scheme = if address.is_tls { "https" } else { "http" };
        let prefix = match address.prefix.as_str() {
            "" => "no path prefix".to_owned(),
            prefix => format!("path prefix {}", quoted(prefix)),
        };
        format!(
            "{scheme}, host {}, port {}, {prefix}",
            quoted(&address.host),
            address.port
        )
    }

    fn unreached(&self, unreached: &Unreached) -> Vec<Check> {
        let (step, mistake) = match &unreached.fault {
            Fault::Url => (Step::Url, Mistake::UrlOther),
            Fault::Name => (Step::Name, Mistake::NameUnknown),
            Fault::Refused => (Step::Tcp, Mistake::PortClosed),
            Fault::Unreachable => (Step::Tcp, Mistake::Unreachable),
            Fault::CertificateName => (Step::Tls, Mistake::CertificateName),
            Fault::CertificateExpired => (Step::Tls, Mistake::CertificateExpired),
            Fault::CertificateNotYetValid => (Step::Tls, Mistake::CertificateNotYetValid),
            Fault::CertificateAuthority => (Step::Tls, Mistake::CertificateAuthority),
            Fault::NotTls { speaks_http2 } => {
                let meant = speaks_http2.then(|| self.address.other_scheme());
                (Step::Tls, Mistake::HttpsForHttp { meant })
            }
            Fault::NoAlpn => (Step::Tls, Mistake::TlsWithoutH2),
            Fault::Tls => (Step::Tls, Mistake::TlsOther),
            Fault::SpeaksTls => {
                let meant = self.address.other_scheme();
                (Step::Http2, Mistake::HttpForHttps { meant })
            }
            Fault::NotHttp2 if unreached.seen.contains("HTTP/1") => {
                (Step::Http2, Mistake::Http1Only)
            }
            Fault::NotHttp2 => (Step::Http2, Mistake::OtherService),
            Fault::ClosedAtOnce | Fault::Silent => (Step::Http2, Mistake::NoHttp2),
        };
        let mut checks = Vec::new();
        if step != Step::Url {
            checks.push(Check::ok(Step::Url, self.url_seen()));
        }
        if let Some(address) = unreached.address {
            let name = format!("{} -> {}", quoted(&self.address.host), address.ip());
            checks.push(Check::ok(Step::Name, name));
            if step != Step::Tcp {
                checks.push(Check::ok(Step::Tcp, format!("port {}", address.port())));
            }
        }
        let mistake = match &self.address.port_moved {
            // The scheme's own port was dialled, which was not meant.
            Some(meant) => Mistake::PortBehindPath {
                meant: meant.clone(),
            },
            None => mistake,
        };
        checks.push(Check::failed(step, mistake, quoted(&unreached.seen)));
        checks
    }

    /// The calls that were answered as RPC, and what to say of the path and of those that were not.
    fn rpc(&self) -> (Vec<&Call>, Vec<Check>) {
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
                (false, super::Standing::Failed(mistake)) => {
                    Check::note(Step::Rpc, mistake, check.seen)
                }
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

    /// Key exchange, handshake, key id and provisioning: what one call shows of them and the others do not contradict.
    fn sessions(&self, working: &[&Call]) -> Vec<Check> {
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

    fn state_service(&self, state: &StateService) -> Check {
        let step = Step::StateService;
        match (&state.answer, state.with_credential) {
            (StateAnswer::Peers(count), true) => {
                Check::ok(step, format!("lets us in, {count} peers"))
            }
            (StateAnswer::Peers(count), false) => {
                let seen = format!("answers without a login, {count} peers");
                match &self.seen.connection {
                    Ok(reached) if !reached.address.ip().is_loopback() => {
                        Check::note(step, Mistake::StateServiceOpen, seen)
                    }
                    _ => Check::ok(step, seen),
                }
            }
            (StateAnswer::AsksForLogin, false) => Check::ok(
                step,
                "asks for a login, as it should (--state-header gives one)",
            ),
            (StateAnswer::AsksForLogin, true) => {
                Check::failed(step, Mistake::StateLoginRefused, "asks for a login")
            }
            (StateAnswer::Missing, _) => {
                Check::note(step, Mistake::StateServiceMissing, "there is none")
            }
            (StateAnswer::Ended(end), _) => Check::note(
                step,
                Mistake::StateServiceMissing,
                quoted(&format!("ended with {end}")),
            ),
            (StateAnswer::Silent(waited), _) => Check::note(
                step,
                Mistake::StateServiceMissing,
                format!("no answer within {:.1} s", waited.as_secs_f64()),
            ),
        }
    }

    fn displacing_clients(&self) -> Vec<Check> {
        let Some(watched) = &self.seen.watched else {
            return Vec::new();
        };
        let during = watched.during.as_secs();
        let often: Vec<Check> = watched
            .came
            .iter()
            .filter(|(_, times)| *times >= COMES_TOO_OFTEN)
            .map(|(instance_id, times)| {
                Check::failed(
                    Step::StateService,
                    Mistake::ClientsDisplaceEachOther {
                        instance_id: instance_id.clone(),
                    },
                    format!(
                        "`{}` came {times} times within {during} s",
                        quoted(instance_id)
                    ),
                )
            })
            .collect();
        if let (true, Some(end)) = (often.is_empty(), &watched.cut) {
            let seen = format!("the states ended with {end} after {during} s");
            let cut = Mistake::WatchCutShort;
            return vec![Check::failed(Step::StateService, cut, quoted(&seen))];
        }
        match often.is_empty() {
            true => vec![Check::ok(
                Step::StateService,
                format!("no client came {COMES_TOO_OFTEN} times within {during} s"),
            )],
            false => often,
        }
    }

    fn clock(&self) -> Check {
        let step = Step::Clock;
        let Some(ahead_s) = self.seen.clock_ahead_s else {
            return Check::skipped(step, "not told: no answer had a date header");
        };
        let seen = match ahead_s {
            0 => "the same as ours, by the answers' date header".to_owned(),
            1.. => format!("{ahead_s} s ahead of ours, by the answers' date header"),
            _ => format!("{} s behind ours, by the answers' date header", -ahead_s),
        };
        match (
            ahead_s.unsigned_abs() > CLOCK_TOLERANCE_S,
            self.wanted.clock_must_agree,
        ) {
            (false, _) => Check::ok(step, seen),
            (true, true) => Check::failed(step, Mistake::ClockOff { ahead_s }, seen),
            (true, false) => Check::note(step, Mistake::ClockOff { ahead_s }, seen),
        }
    }
}

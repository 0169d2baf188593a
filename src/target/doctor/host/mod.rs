//! A host that was dialled.

mod rpc;
mod session;
mod state;

use std::time::Duration;

use super::{
    Check, Diagnosis, Mistake, Step, milliseconds, quoted,
    seen::{Call, Fault, HostSeen, Reached, Unreached},
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

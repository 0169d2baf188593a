//! What to do about each mistake, in words.

use std::fmt;

use super::Mistake;
use crate::wire::RpcProtocol;

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::UrlIsPairingToken { keyid, instance_id } => write!(
                f,
                "This is a pairing token, not an address: it belongs into the client's settings, and is a secret. Give the \
                 host's URL here, such as http://HOST:9898. The token was made by the host `{}`; to check that it is the \
                 one that answers, add --expect-keyid {}",
                instance_id.escape_debug(),
                keyid.escape_debug()
            ),
            Mistake::UrlWithoutScheme { text: Some(text) } => write!(
                f,
                "Write http:// in front of it, or https:// where the port speaks TLS: http://{}",
                text.escape_debug()
            ),
            Mistake::UrlWithoutScheme { text: None } => {
                f.write_str("Write it as http://HOST:PORT, or https://HOST where the port speaks TLS.")
            }
            Mistake::UrlScheme { scheme } => write!(
                f,
                "A host is dialled by http://HOST:PORT or https://HOST, not by {}://",
                scheme.escape_debug()
            ),
            Mistake::UrlUserName => f.write_str(
                "Leave the user name out: Sync authenticates itself. For the state service, give an authorization header \
                 with --state-header.",
            ),
            Mistake::UrlFromBrowser { meant } => write!(
                f,
                "This looks like an address copied from a browser; leave out what stands behind `?` or `#`. Did you mean {} ?",
                meant.escape_debug()
            ),
            Mistake::UrlMethodPath { meant } => write!(
                f,
                "The method's path is appended by itself. Did you mean {} ?",
                meant.escape_debug()
            ),
            Mistake::UrlHost => f.write_str(
                "A host must stand behind the scheme: http://HOST:PORT, and an IPv6 address in brackets, http://[::1]:9898",
            ),
            Mistake::UrlPort => f.write_str("The port must be a number from 1 to 65535."),
            Mistake::UrlOther => {
                f.write_str("The URL must read http://HOST:PORT or http://HOST:PORT/PREFIX, with https for a TLS port.")
            }
            Mistake::PortBehindPath { meant } => write!(
                f,
                "The port stands after the path. Did you mean {} ?",
                meant.escape_debug()
            ),
            Mistake::NameUnknown => f.write_str(
                "The name has no address. Is it spelt right, and known on this machine (DNS, VPN, /etc/hosts)?",
            ),
            Mistake::PortClosed => f.write_str(
                "Nobody listens there. Is the peer running, and is this its port? A host that listens on 127.0.0.1 is \
                 reached from its own machine only.",
            ),
            Mistake::Unreachable => f.write_str(
                "Nothing comes back from there: is the address right, is the machine up, and does a firewall let this \
                 port through?",
            ),
            Mistake::CertificateName => f.write_str(
                "The certificate is for another name: dial the host by a name that stands in it, or get one for this name.",
            ),
            Mistake::CertificateExpired => f.write_str(
                "The certificate has expired, by this machine's clock: renew it, and let the server load the new one. If \
                 it should be valid, this machine's clock is wrong.",
            ),
            Mistake::CertificateNotYetValid => f.write_str(
                "The certificate is not valid yet, by this machine's clock: most likely this clock is wrong, or the one \
                 of whoever issued it.",
            ),
            Mistake::CertificateAuthority => f.write_str(
                "The certificate is not of an authority that is trusted here: give the authority's certificate, or a \
                 self-signed one itself, with --tls-ca FILE. Clients must trust it too. A server that leaves out its \
                 intermediate certificate looks the same.",
            ),
            Mistake::TlsOther => f.write_str("TLS fails: see the log of the server that holds the certificate."),
            Mistake::HttpsForHttp { meant: Some(meant) } => write!(
                f,
                "The port speaks HTTP/2 in cleartext, so the URL must say http://. Did you mean {meant} ?"
            ),
            Mistake::HttpsForHttp { meant: None } => f.write_str(
                "The port does not speak TLS, so https:// cannot be right here: is this the port with the certificate?",
            ),
            Mistake::TlsWithoutH2 => f.write_str(
                "TLS stands, but offers no HTTP/2 (ALPN h2), which Sync needs: switch HTTP/2 on in the server that holds \
                 the certificate (nginx: `http2 on;`, or `listen 443 ssl http2;` before 1.25.1).",
            ),
            Mistake::HttpForHttps { meant } => write!(
                f,
                "The port speaks TLS, so the URL must say https://. Did you mean {meant} ?"
            ),
            Mistake::Http1Only => f.write_str(
                "The port speaks HTTP/1 only, and Sync needs HTTP/2 with prior knowledge: is this the host itself, or a \
                 proxy or load balancer that has HTTP/2 only with TLS, or not switched on?",
            ),
            Mistake::OtherService => f.write_str("Another service has this port: is the port right?"),
            Mistake::NoHttp2 => f.write_str(
                "The port takes connections, but does not speak HTTP/2: is it another service, or does the peer crash or \
                 hang? See its log.",
            ),
            Mistake::WrongPath => f.write_str(
                "No sync service under this path: is the URL's path prefix right, does the proxy pass this path on, and is \
                 sync switched on?",
            ),
            Mistake::WrongPrefix { meant } => write!(
                f,
                "Without the path prefix it answers. Did you mean {meant} ?"
            ),
            Mistake::LoginInFront => f.write_str(
                "Something in front of the host asks for a login. Sync authenticates itself: let the path \
                 /v1sync.BackrestSyncService/ through without one. (The state service should stay behind it.)",
            ),
            Mistake::Redirected => f.write_str(
                "What answers sends callers elsewhere, which clients do not follow: give the URL it leads to, or let \
                 Sync's path through if it leads to a login.",
            ),
            Mistake::WebPage => f.write_str(
                "A web page answers in place of Sync: is the path prefix right, and does the proxy pass \
                 /v1sync.BackrestSyncService/ to the host?",
            ),
            Mistake::ProxyWithoutHost => f.write_str(
                "A proxy answers, and gets nothing useful from the host behind it: is the host running, is its address in \
                 the proxy's configuration, and does the proxy speak HTTP/2 to it? nginx: `grpc_pass grpc://HOST:PORT;` \
                 in place of `proxy_pass`.",
            ),
            Mistake::ProxySpeaksHttp1 => f.write_str(
                "A proxy in front speaks HTTP/1.1 to the host, which takes HTTP/2 only. nginx: `grpc_pass \
                 grpc://HOST:PORT;` in place of `proxy_pass`; Caddy: `reverse_proxy h2c://HOST:PORT`; Traefik: the \
                 service's scheme h2c.",
            ),
            Mistake::ProxyBuffers => f.write_str(
                "Something came only once our side of the stream was ended: a proxy in front gathers the request or the \
                 answer, and a stream of both directions cannot work through it. nginx: `grpc_pass grpc://HOST:PORT;` in \
                 place of `proxy_pass`, which also speaks HTTP/1.1 to the host, that takes HTTP/2 only.",
            ),
            Mistake::ProxyCutsSilence => f.write_str(
                "nginx cuts a stream after 60 s without traffic, and a session may be silent for 10 minutes; it also ends \
                 one on which a client has sent 1 MB. If it is not set yet: `grpc_read_timeout 1d; grpc_send_timeout 1d; \
                 client_body_timeout 1d; client_max_body_size 0;`",
            ),
            Mistake::AnswerNotHttp2 => f.write_str(
                "What answers breaks HTTP/2. If a proxy stands in front, it likely speaks HTTP/1 to the host and passes on \
                 what it does not understand. nginx: `grpc_pass grpc://HOST:PORT;` in place of `proxy_pass`. Otherwise the \
                 host's own HTTP/2 is broken.",
            ),
            Mistake::NotRpc => f.write_str("What answers is not an RPC service: a proxy, or another web service?"),
            Mistake::ProtocolNotSpoken { protocol: RpcProtocol::Connect } => f.write_str(
                "Connect is not answered, and deployed clients speak nothing else. If the peer is meant to speak gRPC \
                 only, add --protocol grpc.",
            ),
            Mistake::ProtocolNotSpoken { protocol: RpcProtocol::Grpc } => f.write_str(
                "gRPC is not answered. Deployed clients speak Connect and do not need it; where the peer is meant to \
                 speak Connect only, add --protocol connect.",
            ),
            Mistake::HostSilent => f.write_str(
                "The call is taken and never answered: is this a sync host, and does a proxy in between hold streams back? \
                 See the host's log.",
            ),
            Mistake::HostEndsCall => f.write_str(
                "The peer ends an honest call: does it crash, or does a proxy in front cut it? See their logs.",
            ),
            Mistake::SyncNotConfigured => f.write_str(
                "The host refuses before it knows who calls: is sync configured on it, with an identity?",
            ),
            Mistake::OtherKemId { seen } => write!(
                f,
                "The two sides read the KEM id differently: the peer derives its keys with {}. Deployed peers use 0x0051, the \
                 documentation says 0x0050. To follow this peer, add --kem-id {}; deployed peers meet only those with \
                 0x0051.",
                seen.name(),
                seen.name().trim_start_matches("0x")
            ),
            Mistake::OtherHost => f.write_str(
                "Another host answers: is this the right URL, does the proxy lead to the right host, or was the host \
                 given a new identity? If it was, clients must pair with it again. If neither can be, someone may be \
                 standing in between: do not pair.",
            ),
            Mistake::NotProvisioned => f.write_str(
                "The peer does not know our key: give it the output of `syncspec provision` (of this version of the \
                 suite), and start it again.",
            ),
            Mistake::NotProvisionedOtherKey => f.write_str(
                "The peer does not know our key, and has another identity than the provision gives it: it runs with \
                 another key or configuration file. Give it the output of `syncspec provision`, and see that it loads it.",
            ),
            Mistake::ProvisionedInPart => f.write_str(
                "The peer knows us, but does not have the provision's identity: it was provisioned in part only, \
                 or runs with another key file.",
            ),
            Mistake::Displaced => f.write_str(
                "Another client with the same identity seems to take the session over, as a newer session of one key does: \
                 is another run of the suite talking to this peer?",
            ),
            Mistake::StateServiceOpen => f.write_str(
                "It shows and changes the configuration of clients. On a host that others reach, put a login before \
                 /v1sync.BackrestSyncStateService/ (and only there).",
            ),
            Mistake::StateLoginRefused => f.write_str(
                "The credential in --state-header is refused: `authorization: Basic BASE64(USER:PASSWORD)` or \
                 `authorization: Bearer TOKEN`.",
            ),
            Mistake::StateServiceMissing => f.write_str(
                "Sync works without it; what shows the state of peers does not. Does the proxy pass \
                 /v1sync.BackrestSyncStateService/ on?",
            ),
            Mistake::ClientsDisplaceEachOther { instance_id } => write!(
                f,
                "Two clients seem to have the identity of `{}` and displace each other: a configuration that was copied to \
                 a second machine. Give one of them an identity of its own, and pair it again.",
                instance_id.escape_debug()
            ),
            Mistake::WatchCutShort => f.write_str(
                "The state service was not told of to the end of --watch: did the host stop meanwhile, does the service ask \
                 for a login (--state-header), or does a proxy cut silent streams (nginx: `grpc_read_timeout 1d;`)?",
            ),
            Mistake::ClockOff { ahead_s } => write!(
                f,
                "The clocks differ by {}; the host's, or its proxy's, is {}. Sync itself does not read clocks, but pairing \
                 tokens expire {} by the host's clock, certificates are checked by the client's, and times of operations \
                 and heartbeats are shown wrong. Set the clock, or switch NTP on.",
                span(ahead_s.unsigned_abs()),
                if *ahead_s > 0 { "ahead" } else { "behind" },
                if *ahead_s > 0 { "too early" } else { "too late" },
            ),
            Mistake::CrashesAtStart => f.write_str(
                "The peer ends as it is started: what it printed says why. Does its command read {provision}, in the form \
                 that `format` names, and does it stay in the foreground?",
            ),
            Mistake::NotReady => f.write_str(
                "The peer runs, and its port does not open: does its command listen on {port}, or is `responder.url` \
                 another? A slow one gets more time by `start-within`.",
            ),
            Mistake::CannotStart => f.write_str(
                "The command cannot be run: is its program there and executable, seen from the folder it is started in \
                 (the target file's, or `dir`)?",
            ),
            Mistake::PortTaken => f.write_str(
                "Another process listens there: stop it, or give another port (and set it in the client too); port 0 \
                 takes a free one.",
            ),
            Mistake::CannotListen => f.write_str(
                "Give an address of this machine, such as 127.0.0.1:9898 or 0.0.0.0:9898; ports below 1024 need rights.",
            ),
            Mistake::NeverDials { url } => write!(
                f,
                "No client dialled. Does it run, with sync switched on, does it know this host by {url} (for the suite: by \
                 the output of `syncspec provision --role initiator`), and can it reach this machine? A deployed client \
                 dials at its start and when its configuration changes, else after up to half an hour: start it again \
                 while this waits."
            ),
            Mistake::DialsWrongPath { url } => write!(
                f,
                "The client dials another path: set this host's URL in it to {url}, to which it appends the method's path. \
                 For the suite, give it the output of `syncspec provision --role initiator` of this very version."
            ),
            Mistake::DialsTls { url } => write!(
                f,
                "The client speaks TLS, and this port is cleartext: set this host's URL in it to {url}, with http://."
            ),
            Mistake::DialsHttp1 => f.write_str(
                "The client does not speak HTTP/2 with prior knowledge, which http:// URLs need: its HTTP library must be \
                 told so, or a proxy in between changes it to HTTP/1.1.",
            ),
            Mistake::ClientSpeaksOther { seen } => write!(
                f,
                "What is found of it would be told of a protocol that it does not speak. Say what it speaks: `protocols = \
                 [\"{seen}\"]` in `[initiator]` of the target file, or --protocol {seen}."
            ),
            Mistake::MakesNoCall => f.write_str(
                "The client connects and makes no call: does it wait for something else than HTTP/2 settings? See its log.",
            ),
            Mistake::CallsOtherwise => f.write_str(
                "Sync is a POST with content type application/connect+proto or application/grpc.",
            ),
            Mistake::ClientSilent => f.write_str(
                "The client opens the stream and sends no key: does its library wait for an answer before it sends the \
                 first message? Nothing is answered before the key.",
            ),
            Mistake::ClientStops => f.write_str(
                "The client begins a session and then says nothing further, or ends it: see its log.",
            ),
            Mistake::OtherHostPinned { keyid, instance_id } => write!(
                f,
                "The client stops once it has seen who we are, so it expects another host: set key id {keyid} and instance \
                 id `{instance_id}` for this host in it. For the suite, give it the output of `syncspec provision --role \
                 initiator` of this very version."
            ),
            Mistake::TwoClientsOneIdentity => f.write_str(
                "A second call of the same identity came while the first one stood: do two clients share one identity? A \
                 host ends the older session, and they displace each other for ever.",
            ),
        }
    }
}

/// A time in words that a reader takes in, to the nearest: clocks are told in whole seconds, and reading one takes time.
fn span(seconds: u64) -> String {
    let nearest = |unit: u64| (seconds + unit / 2) / unit;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", nearest(60)),
        7200..172_800 => format!("{} h", nearest(3600)),
        _ => format!("{} days", nearest(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_second_is_missing_then_the_same_words() {
        for (seconds, words) in [
            (119, "119 s"),
            (120, "2 min"),
            (3599, "60 min"),
            (3600, "60 min"),
            (7200, "2 h"),
            (86_399, "24 h"),
            (172_800, "2 days"),
            (86_400 * 30 - 1, "30 days"),
        ] {
            assert_eq!(span(seconds), words);
        }
    }
}

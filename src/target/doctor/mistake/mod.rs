//! The mistakes that are made when a peer is set up or called, each with what to do. What was seen is told beside it.

mod advice;

use crate::{crypto::kem::KemId, wire::RpcProtocol};

macro_rules! mistakes {
    ($($(#[doc = $doc:literal])+ $name:ident $({ $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty,)+ })? = $id:literal;)+) => {
        /// What is likely wrong. Its text says what to do.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Mistake {
            $($(#[doc = $doc])+ $name $({ $($(#[doc = $field_doc])+ $field: $type,)+ })?,)+
        }

        impl Mistake {
            /// Every mistake's word.
            pub const IDS: &[&str] = &[$($id,)+];

            /// Its word in reports, which stays the same.
            pub fn id(&self) -> &'static str {
                match self {
                    $(Mistake::$name { .. } => $id,)+
                }
            }
        }
    };
}

mistakes! {
    /// A pairing token stands in place of the URL.
    UrlIsPairingToken {
        /// Key id of the host that made it.
        keyid: String,
        /// Instance id of that host.
        instance_id: String,
    } = "url-is-pairing-token";
    /// The URL does not begin with a scheme.
    UrlWithoutScheme {
        /// What was given; none where it may hold a password.
        text: Option<String>,
    } = "url-without-scheme";
    /// The URL begins with another scheme.
    UrlScheme {
        /// What it begins with.
        scheme: String,
    } = "url-scheme";
    /// The URL holds a user name.
    UrlUserName = "url-user-name";
    /// The URL was copied from a browser's address bar, query or fragment included.
    UrlFromBrowser {
        /// The URL without them.
        meant: String,
    } = "url-from-browser";
    /// The URL holds the method's path.
    UrlMethodPath {
        /// The URL without it.
        meant: String,
    } = "url-method-path";
    /// There is no host in the URL.
    UrlHost = "url-host";
    /// The port is no number from 1 to 65535.
    UrlPort = "url-port";
    /// The URL cannot be dialled for another reason.
    UrlOther = "url-other";
    /// The port stands behind the path.
    PortBehindPath {
        /// The URL with the port in its place.
        meant: String,
    } = "port-behind-path";
    /// The name has no address.
    NameUnknown = "name-unknown";
    /// Nobody listens on the port.
    PortClosed = "port-closed";
    /// No way to the address.
    Unreachable = "unreachable";
    /// The certificate is for other names.
    CertificateName = "certificate-name";
    /// The certificate has expired.
    CertificateExpired = "certificate-expired";
    /// The certificate is not valid yet.
    CertificateNotYetValid = "certificate-not-yet-valid";
    /// The certificate's authority is not trusted.
    CertificateAuthority = "certificate-authority";
    /// TLS fails for another reason.
    TlsOther = "tls-other";
    /// https, and the port speaks cleartext.
    HttpsForHttp {
        /// The URL with the other scheme, where that was seen to be right.
        meant: Option<String>,
    } = "https-for-http";
    /// TLS does not offer HTTP/2.
    TlsWithoutH2 = "tls-without-h2";
    /// http, and the port speaks TLS.
    HttpForHttps {
        /// The URL with the other scheme.
        meant: String,
    } = "http-for-https";
    /// The port speaks HTTP/1 only.
    Http1Only = "http1-only";
    /// Another service has the port.
    OtherService = "other-service";
    /// The port closes connections, or says nothing.
    NoHttp2 = "no-http2";
    /// Nothing is there under this path.
    WrongPath = "wrong-path";
    /// The service is there, but not under this prefix.
    WrongPrefix {
        /// The URL without the prefix.
        meant: String,
    } = "wrong-prefix";
    /// Something in front asks for a login.
    LoginInFront = "login-in-front";
    /// Something in front sends callers elsewhere.
    Redirected = "redirected";
    /// A web page answers.
    WebPage = "web-page";
    /// A proxy has no host behind it.
    ProxyWithoutHost = "proxy-without-host";
    /// A proxy speaks HTTP/1.1 to the host.
    ProxySpeaksHttp1 = "proxy-speaks-http1";
    /// A proxy gathers the stream.
    ProxyBuffers = "proxy-buffers";
    /// A proxy cuts streams that say nothing for a minute.
    ProxyCutsSilence = "proxy-cuts-silence";
    /// What answers begins as HTTP/2 and goes on as something else.
    AnswerNotHttp2 = "answer-not-http2";
    /// What answers is no RPC service.
    NotRpc = "not-rpc";
    /// The host does not speak this RPC protocol.
    ProtocolNotSpoken {
        /// The one that was asked for.
        protocol: RpcProtocol,
    } = "protocol-not-spoken";
    /// The host takes the call and says nothing.
    HostSilent = "host-silent";
    /// The host ends the call at once.
    HostEndsCall = "host-ends-call";
    /// Sync is not configured on the host.
    SyncNotConfigured = "sync-not-configured";
    /// The two sides read the KEM id differently.
    OtherKemId {
        /// The reading the host follows.
        seen: KemId,
    } = "other-kem-id";
    /// Another host answers than was expected.
    OtherHost = "other-host";
    /// The host does not know the suite's clients.
    NotProvisioned = "not-provisioned";
    /// The host does not know the suite's clients, and has another identity than the suite's provision gives.
    NotProvisionedOtherKey = "wrong-key-file";
    /// The host knows the suite's clients, but has another identity.
    ProvisionedInPart = "provisioned-in-part";
    /// Another client with the same identity takes the session over.
    Displaced = "displaced";
    /// The state service lets anyone in.
    StateServiceOpen = "state-service-open";
    /// The state service refuses our credential.
    StateLoginRefused = "state-login-refused";
    /// The host has no state service that answers.
    StateServiceMissing = "state-service-missing";
    /// A client comes again and again.
    ClientsDisplaceEachOther {
        /// The instance id they share.
        instance_id: String,
    } = "clients-displace-each-other";
    /// The state service stops telling while it is watched.
    WatchCutShort = "watch-cut-short";
    /// The host's clock differs from ours.
    ClockOff {
        /// By how many seconds the host's is ahead.
        ahead_s: i64,
    } = "clock-off";
    /// The peer ends before it is ready.
    CrashesAtStart = "crashes-at-start";
    /// The peer is not ready in time.
    NotReady = "not-ready";
    /// The peer's command cannot be run.
    CannotStart = "cannot-start";
    /// Our address is taken.
    PortTaken = "port-taken";
    /// Our address is not one of this machine's, or not allowed.
    CannotListen = "cannot-listen";
    /// No client dials.
    NeverDials {
        /// The URL it was to dial.
        url: String,
    } = "never-dials";
    /// The client dials another path.
    DialsWrongPath {
        /// The URL it was to dial.
        url: String,
    } = "dials-wrong-path";
    /// The client speaks TLS to a cleartext port.
    DialsTls {
        /// The URL it was to dial.
        url: String,
    } = "dials-tls";
    /// The client speaks HTTP/1, or no HTTP.
    DialsHttp1 = "dials-http1";
    /// The client speaks another RPC protocol than it is taken to.
    ClientSpeaksOther {
        /// The one it speaks.
        seen: RpcProtocol,
    } = "client-speaks-other";
    /// The client connects and makes no call.
    MakesNoCall = "makes-no-call";
    /// The client calls with the wrong method or content type.
    CallsOtherwise = "calls-otherwise";
    /// The client's call says nothing.
    ClientSilent = "client-silent";
    /// The client stops in the session.
    ClientStops = "client-stops";
    /// The client does not accept our identity.
    OtherHostPinned {
        /// Our key id.
        keyid: String,
        /// Our instance id.
        instance_id: String,
    } = "other-host-pinned";
    /// Two clients have one identity.
    TwoClientsOneIdentity = "two-clients-one-identity";
}

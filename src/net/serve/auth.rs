//! Who may call the state service. The sync service authenticates itself, and is let through.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use tonic::Status;

use super::{Caller, InboundItems, OutboundItems, SyncApp};
use crate::wire::v1sync::{PeerState, SetRemoteClientConfigRequest};

/// One thing that lets a caller in. Debug does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// SHA-256 of the value of the `authorization` header: of one length, so that comparing tells nothing of it.
    digest: [u8; 32],
}

impl Credential {
    /// A bearer token (RFC 6750).
    pub fn bearer(token: &str) -> Credential {
        Credential::of("bearer", token)
    }

    /// A user and password (RFC 7617).
    pub fn basic(user: &str, password: &str) -> Credential {
        Credential::of("basic", &STANDARD.encode(format!("{user}:{password}")))
    }

    /// What a header says, if it has the form `SCHEME VALUE`.
    fn of_header(value: &str) -> Option<Credential> {
        let (scheme, value) = value.split_once(' ')?;
        Some(Credential::of(&scheme.to_ascii_lowercase(), value.trim()))
    }

    fn of(scheme: &str, value: &str) -> Credential {
        let digest = Sha256::digest(format!("{scheme} {value}"));
        Credential {
            digest: digest.into(),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

/// An application whose state service answers only those who have one of some credentials.
#[derive(Clone, Debug)]
pub struct Guarded<A> {
    app: A,
    credentials: Arc<[Credential]>,
}

impl<A> Guarded<A> {
    /// Nobody is let in where there is no credential.
    pub fn new(app: A, credentials: Vec<Credential>) -> Self {
        Guarded {
            app,
            credentials: credentials.into(),
        }
    }

    fn check(&self, caller: &Caller) -> Result<(), Status> {
        let header = caller.metadata.get("authorization");
        let shown = header
            .and_then(|value| Credential::of_header(value.to_str().ok()?))
            .ok_or_else(refusal)?;
        // All are compared, so that the time does not tell which one it was.
        let known = self.credentials.iter().fold(Choice::from(0), |known, one| {
            known | one.digest.ct_eq(&shown.digest)
        });
        match known.into() {
            true => Ok(()),
            false => Err(refusal()),
        }
    }
}

fn refusal() -> Status {
    tracing::warn!("a caller of the state service was refused");
    Status::unauthenticated("expected a known credential in `authorization`")
}

impl<A: SyncApp> SyncApp for Guarded<A> {
    fn sync(
        &self,
        inbound: InboundItems,
        outbound: OutboundItems,
    ) -> BoxFuture<'static, Result<(), Status>> {
        self.app.sync(inbound, outbound)
    }

    fn peer_states(
        &self,
        caller: Caller,
        subscribe: bool,
    ) -> BoxStream<'static, Result<PeerState, Status>> {
        match self.check(&caller) {
            Ok(()) => self.app.peer_states(caller, subscribe),
            Err(status) => stream::iter([Err(status)]).boxed(),
        }
    }

    fn set_remote_client_config(
        &self,
        caller: Caller,
        request: SetRemoteClientConfigRequest,
    ) -> BoxFuture<'static, Result<(), Status>> {
        match self.check(&caller) {
            Ok(()) => self.app.set_remote_client_config(caller, request),
            Err(status) => async { Err(status) }.boxed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::metadata::{MetadataMap, MetadataValue};

    use super::*;

    fn check(header: Option<&'static str>) -> Result<(), tonic::Code> {
        let credentials = vec![
            Credential::bearer("t0ken"),
            // RFC 7617, section 2.
            Credential::basic("Aladdin", "open sesame"),
        ];
        let mut metadata = MetadataMap::new();
        if let Some(header) = header {
            metadata.insert("authorization", MetadataValue::from_static(header));
        }
        let guarded = Guarded::new((), credentials);
        guarded.check(&Caller { metadata }).map_err(|s| s.code())
    }

    #[test]
    fn known_credential_then_let_in() {
        for header in [
            "Bearer t0ken",
            "bearer t0ken",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ] {
            assert_eq!(check(Some(header)), Ok(()), "{header}");
        }
    }

    #[test]
    fn anything_else_then_unauthenticated() {
        for header in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer t0ke"),
            Some("Bearer t0ken1"),
            Some("Basic t0ken"),
            Some("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            Some("t0ken"),
        ] {
            assert_eq!(
                check(header),
                Err(tonic::Code::Unauthenticated),
                "{header:?}"
            );
        }
    }

    #[test]
    fn credential_printed_then_no_secret() {
        assert_eq!(format!("{:?}", Credential::bearer("t0ken")), "Credential");
    }
}

//! TLS on both sides, with ALPN `h2`: this protocol runs on HTTP/2 and nothing else.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    client::TlsStream,
    rustls::{
        self, AlertDescription, CertificateError, ClientConfig, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject as _},
    },
};

use super::error::{LinkError, TlsFault};

/// The protocol's name in ALPN.
const ALPN_H2: &[u8] = b"h2";

/// Whose certificates a dialler trusts: those that browsers trust, and those added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsRoots {
    added: Vec<CertificateDer<'static>>,
}

impl TlsRoots {
    /// Adds every certificate of a PEM file.
    ///
    /// # Errors
    /// [`TlsFileError`], also when there is none in it.
    pub fn add_pem_file(&mut self, file: &Path) -> Result<(), TlsFileError> {
        self.added.extend(certificates(file)?);
        Ok(())
    }

    fn store(&self) -> Result<RootCertStore, rustls::Error> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for certificate in &self.added {
            roots.add(certificate.clone())?;
        }
        Ok(roots)
    }
}

/// A server's side: its certificate and key.
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
}

impl ServerTls {
    /// Reads the chain, the server's own certificate first, and its key, both PEM.
    ///
    /// # Errors
    /// [`TlsFileError`], also when the two do not belong together.
    pub fn from_pem_files(certificates: &Path, key: &Path) -> Result<ServerTls, TlsFileError> {
        let chain = self::certificates(certificates)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, private)
            });
        let mut config = config.map_err(|error| unusable(certificates, &error))?;
        config.alpn_protocols = vec![ALPN_H2.to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(ServerTls { acceptor })
    }

    /// Shakes hands with a caller, who must have offered `h2`.
    pub(super) async fn accept(
        &self,
        io: TcpStream,
    ) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
        let stream = self.acceptor.accept(io).await?;
        match stream.get_ref().1.alpn_protocol() {
            Some(ALPN_H2) => Ok(stream),
            // rustls refuses those who offer other protocols only, and lets pass who offers none at all.
            _ => Err(io::Error::other("the caller offers no h2 by ALPN")),
        }
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// Shakes hands with the server that answers to this name.
pub(super) async fn connect(
    roots: &TlsRoots,
    host: &str,
    io: TcpStream,
) -> Result<TlsStream<TcpStream>, LinkError> {
    let failed = |why: String| LinkError::Tls {
        host: host.to_owned(),
        fault: TlsFault::Other,
        why,
    };
    let roots = roots.store().map_err(|error| failed(error.to_string()))?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(error.to_string()))?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, io)
        .await
        .map_err(|error| handshake_error(host, &error))?;
    match stream.get_ref().1.alpn_protocol() {
        Some(ALPN_H2) => Ok(stream),
        Some(other) => Err(LinkError::AlpnRefused {
            seen: other.escape_ascii().to_string(),
        }),
        None => Err(LinkError::AlpnRefused {
            seen: "no protocol".to_owned(),
        }),
    }
}

fn handshake_error(host: &str, error: &io::Error) -> LinkError {
    let inner = error.get_ref();
    let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            LinkError::AlpnRefused {
                seen: "the alert no_application_protocol".to_owned(),
            }
        }
        Some(rustls::Error::InvalidMessage(_)) => LinkError::NotTls {
            host: host.to_owned(),
        },
        _ => LinkError::Tls {
            host: host.to_owned(),
            fault: tls.map_or(TlsFault::Other, fault),
            why: error.to_string(),
        },
    }
}

fn fault(error: &rustls::Error) -> TlsFault {
    use CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                TlsFault::Name
            }
            Certificate::Expired | Certificate::ExpiredContext { .. } => TlsFault::Expired,
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                TlsFault::NotYetValid
            }
            _ => TlsFault::Authority,
        },
        rustls::Error::AlertReceived(_) => TlsFault::Alert,
        _ => TlsFault::Other,
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let certificates = certificates.map_err(|error| unreadable(file, &error))?;
    if certificates.is_empty() {
        return Err(unreadable(file, &pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn unreadable(file: &Path, error: &pem::Error) -> TlsFileError {
    TlsFileError::Unreadable {
        file: file.to_owned(),
        why: match error {
            pem::Error::Io(error) => error.to_string(),
            error => format!("expected PEM, saw {error}"),
        },
    }
}

fn unusable(file: &Path, error: &rustls::Error) -> TlsFileError {
    TlsFileError::Unusable {
        file: file.to_owned(),
        why: error.to_string(),
    }
}

/// A certificate or key file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFileError {
    /// It is not there, or not PEM of what it should hold.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It is, and rustls makes nothing of it.
    Unusable {
        /// The file.
        file: PathBuf,
        /// What rustls said.
        why: String,
    },
}

impl fmt::Display for TlsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsFileError::Unreadable { file, why } => {
                write!(f, "read {}: {why}", file.display())
            }
            TlsFileError::Unusable { file, why } => {
                write!(f, "use the certificate {}: {why}", file.display())
            }
        }
    }
}

impl std::error::Error for TlsFileError {}

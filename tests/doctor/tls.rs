//! Certificates and ALPN, made wrong as the tests run.

use std::{fs, path::PathBuf, sync::Arc};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

use crate::run::{Said, Server, doctor};

/// A certificate that is its own authority, in a folder.
pub struct Certificate {
    folder: TempDir,
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Certificate {
    pub fn new(name: &str, edit: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        edit(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Certificate {
            folder,
            der: certificate.der().clone(),
            key,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server that shakes hands with this, offering these protocols, and says nothing further.
    fn serve(&self, alpn: &[&str]) -> Server {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Server::start(move |io| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(mut io) = acceptor.accept(io).await {
                    let _ = tokio::io::copy(&mut io, &mut tokio::io::sink()).await;
                }
            }
        })
    }

    fn diagnosed(&self, trusted: bool) -> Said {
        let server = self.serve(&["h2"]);
        let url = format!("https://localhost:{}", server.address.port());
        let authority = self.path("cert.pem");
        let authority = authority.to_string_lossy();
        match trusted {
            true => doctor(&[&url, "--tls-ca", &authority]),
            false => doctor(&[&url]),
        }
    }
}

#[test]
fn certificate_wrong_then_named_by_what_is_wrong() {
    let good = Certificate::new("localhost", |_| {});
    good.diagnosed(false).names("tls", "certificate-authority");
    Certificate::new("example.org", |_| {})
        .diagnosed(true)
        .names("tls", "certificate-name");
    Certificate::new("localhost", |params| {
        params.not_after = date_time_ymd(2001, 9, 9)
    })
    .diagnosed(true)
    .names("tls", "certificate-expired");
    Certificate::new("localhost", |params| {
        params.not_before = date_time_ymd(2090, 1, 1);
        params.not_after = date_time_ymd(2091, 1, 1);
    })
    .diagnosed(true)
    .names("tls", "certificate-not-yet-valid");
}

#[test]
fn tls_without_h2_then_named() {
    let certificate = Certificate::new("localhost", |_| {});
    let authority = certificate.path("cert.pem");
    for alpn in [&["http/1.1"][..], &[]] {
        let server = certificate.serve(alpn);
        let url = format!("https://localhost:{}", server.address.port());
        doctor(&[&url, "--tls-ca", &authority.to_string_lossy()]).names("tls", "tls-without-h2");
    }
}

#[test]
fn http_for_a_tls_port_then_the_right_url() {
    let server = Certificate::new("localhost", |_| {}).serve(&["h2"]);
    let said = doctor(&[&server.url()]);
    said.names("http2", "http-for-https");
    said.says(&format!("Did you mean https://{} ?", server.address));
}

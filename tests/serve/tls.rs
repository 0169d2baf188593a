//! TLS on both sides. Certificates are made as the tests run.

use std::{fs, net::SocketAddr, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use syncspec::net::{Connection, DialOptions, LinkError, RpcProtocol, TlsRoots};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

use crate::{
    host::{Folder, Host, output},
    in_time,
    peer::{Client, Peer},
};

struct Secured {
    folder: Folder,
    keys: CertifiedKey<rcgen::KeyPair>,
}

impl Secured {
    /// A folder with a certificate for that name, and its key.
    fn for_name(name: &str) -> Secured {
        let folder = Folder::new(0);
        let keys = generate_simple_self_signed([name.to_owned()]).unwrap();
        fs::write(folder.path("cert.pem"), keys.cert.pem()).unwrap();
        fs::write(folder.path("key.pem"), keys.signing_key.serialize_pem()).unwrap();
        Secured { folder, keys }
    }

    fn serve(&self) -> Host {
        let mut command = self.folder.command(&["--tls-cert"]);
        command.arg(self.folder.path("cert.pem"));
        command.arg("--tls-key").arg(self.folder.path("key.pem"));
        Host::start(command)
    }

    fn trusting(&self, url: impl Into<String>, protocol: RpcProtocol) -> DialOptions {
        let mut tls_roots = TlsRoots::default();
        tls_roots
            .add_pem_file(&self.folder.path("cert.pem"))
            .unwrap();
        DialOptions {
            tls_roots,
            ..DialOptions::new(url, protocol)
        }
    }

    /// A TLS server of one connection that offers these protocols by ALPN.
    async fn offering(&self, alpn: &[&str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let key = PrivateKeyDer::try_from(self.keys.signing_key.serialize_der()).unwrap();
        let chain = vec![CertificateDer::from(self.keys.cert.der().to_vec())];
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        tokio::spawn(async move {
            let (io, _) = listener.accept().await.unwrap();
            if let Ok(mut io) = TlsAcceptor::from(Arc::new(config)).accept(io).await {
                let _ = tokio::io::copy(&mut io, &mut tokio::io::sink()).await;
            }
        });
        address
    }
}

async fn dial_error(options: DialOptions) -> LinkError {
    in_time(Connection::dial(&options)).await.unwrap_err()
}

#[tokio::test]
async fn trusted_certificate_then_sessions_in_both_protocols() {
    let secured = Secured::for_name("localhost");
    let host = secured.serve();
    assert!(host.url().starts_with("https://"));
    let url = host.url().replace("127.0.0.1", "localhost");
    for protocol in RpcProtocol::ALL {
        let options = secured.trusting(&url, protocol);
        Peer::admitted_with(&options, &Client::known())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn certificate_not_trusted_or_for_another_name_then_tls_error() {
    let secured = Secured::for_name("localhost");
    let host = secured.serve();
    let url = host.url().replace("127.0.0.1", "localhost");
    let error = dial_error(DialOptions::new(&url, RpcProtocol::Grpc)).await;
    assert!(
        matches!(&error, LinkError::Tls { host, why, .. } if host == "localhost" && why.contains("UnknownIssuer")),
        "{error}"
    );
    let error = dial_error(secured.trusting(host.url(), RpcProtocol::Grpc)).await;
    assert!(
        matches!(&error, LinkError::Tls { why, .. } if why.contains("not valid for name")),
        "{error}"
    );
}

#[tokio::test]
async fn scheme_of_the_other_kind_then_named() {
    let secured = Secured::for_name("localhost");
    let host = secured.serve();
    let cleartext = host.url().replace("https", "http");
    let error = dial_error(DialOptions::new(cleartext, RpcProtocol::Grpc)).await;
    assert!(
        matches!(
            error,
            LinkError::NotHttp2 { .. } | LinkError::ClosedAtOnce { .. }
        ),
        "{error}"
    );

    let host = Folder::new(0).serve(&[]);
    let url = host.url().replace("http", "https");
    let error = dial_error(DialOptions::new(url, RpcProtocol::Grpc)).await;
    assert_eq!(
        error,
        LinkError::NotTls {
            host: "127.0.0.1".to_owned()
        }
    );
}

#[tokio::test]
async fn server_without_h2_then_alpn_refused() {
    let secured = Secured::for_name("localhost");
    for (offers, expected) in [
        (&["http/1.1"][..], "the alert no_application_protocol"),
        (&[], "no protocol"),
    ] {
        let address = secured.offering(offers).await;
        let url = format!("https://localhost:{}", address.port());
        let seen = expected.to_owned();
        let error = dial_error(secured.trusting(url, RpcProtocol::Connect)).await;
        assert_eq!(error, LinkError::AlpnRefused { seen }, "{offers:?}");
    }
}

#[test]
fn certificate_files_that_do_not_fit_then_exit_2() {
    let secured = Secured::for_name("localhost");
    let other = Secured::for_name("localhost");
    let missing = secured.folder.path("missing.pem");
    let cases = [
        (missing.clone(), secured.folder.path("key.pem")),
        (secured.folder.path("cert.pem"), missing),
        (
            secured.folder.path("key.pem"),
            secured.folder.path("key.pem"),
        ),
        (
            secured.folder.path("cert.pem"),
            other.folder.path("key.pem"),
        ),
    ];
    for (cert, key) in cases {
        let mut command = secured.folder.command(&["--tls-cert"]);
        command.arg(&cert).arg("--tls-key").arg(&key);
        let (code, _, errors) = output(&mut command);
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains(".pem"), "{errors}");
    }
    let mut alone = secured.folder.command(&["--tls-cert"]);
    assert_eq!(output(alone.arg(secured.folder.path("cert.pem"))).0, 2);
}

#[test]
fn target_under_a_certificate_then_the_suite_reaches_it() {
    let secured = Secured::for_name("localhost");
    let host = secured.serve();
    let url = host.url().replace("127.0.0.1", "localhost");
    let run = |args: &[&str]| {
        let mut run = crate::host::syncspec();
        run.args(["run", "--target", &url, "--exact"]);
        output(
            run.arg("close/ends-a-session-at-once/unknown-action")
                .args(args),
        )
    };
    let (code, _, errors) = run(&[]);
    assert_eq!(code, 3);
    assert!(
        errors.contains("tls") && errors.contains("--tls-ca"),
        "{errors}"
    );
    let ca = secured.folder.path("cert.pem");
    let (code, text, errors) = run(&["--tls-ca", ca.to_str().unwrap()]);
    // The host was not provisioned: TLS stands, and the client is what it does not know.
    assert!(
        code == 3 && errors.contains("provisioning"),
        "{text}{errors}"
    );
}

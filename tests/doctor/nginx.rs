//! Behind a real nginx, in each way in which it is put before a host: what works, and what the doctor says of what does
//! not. Certificates and configuration are made as the test runs; it needs no rights, and skips where there is no nginx
//! unless `SYNCSPEC_REQUIRE_NGINX` is set.

use std::{
    env, fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    thread,
};

use tempfile::TempDir;

use crate::{
    hosts::own_host,
    run::{Said, doctor},
    tls::Certificate,
};

/// nginx gives ports back to others between our choice and its start; then others are chosen.
const STARTS_MAX: usize = 3;

/// nginx, with one port for each way of passing on. It is told to quit when this is dropped.
struct Nginx {
    folder: TempDir,
    ports: Ports,
}

#[derive(Clone, Copy)]
struct Ports {
    grpc_pass: u16,
    proxy_pass: u16,
    proxy_pass_unbuffered: u16,
    tls: u16,
    tls_without_h2: u16,
    http1_only: u16,
    login: u16,
    without_host: u16,
    state_login: u16,
}

impl Ports {
    fn free() -> Ports {
        let held: Vec<TcpListener> = (0..9)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let mut ports = held
            .iter()
            .map(|listener| listener.local_addr().unwrap().port());
        let mut next = || ports.next().unwrap();
        Ports {
            grpc_pass: next(),
            proxy_pass: next(),
            proxy_pass_unbuffered: next(),
            tls: next(),
            tls_without_h2: next(),
            http1_only: next(),
            login: next(),
            without_host: next(),
            state_login: next(),
        }
    }
}

fn config(folder: &Path, ports: Ports, certificate: &Certificate, host: &str) -> String {
    let folder = folder.display();
    let certificates = format!(
        "ssl_certificate {}; ssl_certificate_key {};",
        certificate.path("cert.pem").display(),
        certificate.path("key.pem").display()
    );
    let server = |port: u16, flags: &str, body: &str| {
        format!("server {{ listen 127.0.0.1:{port} {flags}; {body} }}\n")
    };
    let to_host = format!("location / {{ grpc_pass grpc://{host}; }}");
    let servers = [
        server(ports.grpc_pass, "http2", &to_host),
        server(ports.proxy_pass, "http2", &format!("location / {{ proxy_pass http://{host}; }}")),
        server(
            ports.proxy_pass_unbuffered,
            "http2",
            &format!(
                "location / {{ proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off; \
                 proxy_pass http://{host}; }}"
            ),
        ),
        server(ports.tls, "ssl http2", &format!("{certificates} {to_host}")),
        server(ports.tls_without_h2, "ssl", &format!("{certificates} {to_host}")),
        server(ports.http1_only, "", &to_host),
        server(
            ports.login,
            "http2",
            &format!("auth_basic x; auth_basic_user_file {folder}/users; {to_host}"),
        ),
        // Port 1 of the loopback is nobody's.
        server(ports.without_host, "http2", "location / { grpc_pass grpc://127.0.0.1:1; }"),
        server(
            ports.state_login,
            "http2",
            &format!(
                "location /v1sync.BackrestSyncStateService/ {{ auth_basic x; auth_basic_user_file {folder}/users; \
                 grpc_pass grpc://{host}; }} location /v1sync.BackrestSyncService/ {{ grpc_pass grpc://{host}; }}"
            ),
        ),
    ]
    .concat();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
        .concat();
    format!(
        "pid {folder}/pid;\nerror_log {folder}/error.log;\nworker_processes 1;\nevents {{}}\nhttp {{\naccess_log off;\n\
         {temporary}{servers}}}\n"
    )
}

fn nginx(folder: &Path, args: &[&str]) -> Option<Output> {
    let mut command = Command::new("nginx");
    command.arg("-e").arg(folder.join("start.log"));
    command.arg("-c").arg(folder.join("nginx.conf"));
    if is_root() {
        // Its worker would otherwise be another user, to whom the folder is closed.
        command.args(["-g", "user root;"]);
    }
    command.args(args).output().ok()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

impl Nginx {
    /// None where there is none on this machine.
    fn start(host: &str, certificate: &Certificate) -> Option<Nginx> {
        let mut said = String::new();
        for _ in 0..STARTS_MAX {
            let folder = TempDir::new().unwrap();
            let ports = Ports::free();
            let text = config(folder.path(), ports, certificate, host);
            fs::write(folder.path().join("nginx.conf"), text).unwrap();
            // user:password, as `openssl passwd -apr1` would have it.
            fs::write(folder.path().join("users"), "user:{PLAIN}password\n").unwrap();
            // It goes into the background once its ports are bound.
            let output = nginx(folder.path(), &[])?;
            if output.status.success() {
                return Some(Nginx { folder, ports });
            }
            said = String::from_utf8_lossy(&output.stderr).into_owned();
        }
        panic!("nginx does not start: {said}");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        nginx(self.folder.path(), &["-s", "stop"]);
    }
}

#[test]
fn behind_nginx_then_what_works_and_what_does_not() {
    let (_runtime, url, keyid) = own_host();
    let certificate = Certificate::new("localhost", |_| {});
    let Some(nginx) = Nginx::start(url.strip_prefix("http://").unwrap(), &certificate) else {
        assert!(
            env::var_os("SYNCSPEC_REQUIRE_NGINX").is_none(),
            "there is no nginx"
        );
        eprintln!("skipped: there is no nginx on this machine");
        return;
    };
    let authority = certificate.path("cert.pem").to_string_lossy().into_owned();
    let authority = authority.as_str();
    let ports = nginx.ports;
    let http = |port: u16| format!("http://127.0.0.1:{port}");
    let https = |port: u16| format!("https://localhost:{port}");
    let keyid = keyid.as_str();
    // Some wait for an answer that never comes, so all are tried at once.
    thread::scope(|scope| {
        for protocol in ["grpc", "connect"] {
            let well = move |said: Said| {
                said.is_well();
                said.says(&format!("speaks {protocol}"));
                assert!(said.is_noted("rpc", "proxy-cuts-silence"), "{}", said.text);
            };
            let over = move |url: String| doctor(&[&url, "--protocol", protocol]);
            let secured =
                move |url: String| doctor(&[&url, "--protocol", protocol, "--tls-ca", authority]);
            scope.spawn(move || {
                well(doctor(&[
                    &http(ports.grpc_pass),
                    "--protocol",
                    protocol,
                    "--expect-keyid",
                    keyid,
                ]));
            });
            scope.spawn(move || well(secured(https(ports.tls))));
            scope
                .spawn(move || secured(https(ports.tls_without_h2)).names("tls", "tls-without-h2"));
            scope.spawn(move || over(http(ports.proxy_pass)).names("rpc", "proxy-buffers"));
            scope.spawn(move || {
                over(http(ports.proxy_pass_unbuffered)).names("rpc", "answer-not-http2")
            });
            scope.spawn(move || over(http(ports.login)).names("path", "login-in-front"));
            scope.spawn(move || over(http(ports.without_host)).names("rpc", "proxy-without-host"));
            scope.spawn(move || {
                let said = over(http(ports.state_login));
                well(said);
            });
        }
        scope.spawn(move || doctor(&[&http(ports.http1_only)]).names("http2", "http1-only"));
        scope.spawn(move || doctor(&[&http(ports.tls)]).names("http2", "http-for-https"));
        scope.spawn(move || doctor(&[&https(ports.grpc_pass)]).names("tls", "https-for-http"));
        scope.spawn(move || {
            let url = http(ports.state_login);
            doctor(&[&url]).says("asks for a login, as it should");
            let login = "authorization: Basic dXNlcjpwYXNzd29yZA==";
            doctor(&[&url, "--state-header", login]).says("lets us in");
            let wrong = doctor(&[
                &url,
                "--state-header",
                "authorization: Basic dXNlcjp3cm9uZw==",
            ]);
            wrong.names("state service", "state-login-refused");
        });
    });
}

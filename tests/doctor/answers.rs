//! What stands in front of a host, or in its place: servers that answer everything in one way.

use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::run::{Server, doctor};

/// A server of HTTP/2 that answers each request with this.
pub fn http2(status: u16, headers: &[(&'static str, String)], body: &'static [u8]) -> Server {
    let headers = headers.to_vec();
    Server::start(move |io| {
        let headers = headers.clone();
        async move {
            let Ok(mut connection) = h2::server::handshake(io).await else {
                return;
            };
            while let Some(Ok((_request, mut answer))) = connection.accept().await {
                let mut response = Response::new(());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                for (name, value) in &headers {
                    response.headers_mut().insert(*name, value.parse().unwrap());
                }
                if let Ok(mut stream) = answer.send_response(response, false) {
                    drop(stream.send_data(Bytes::from_static(body), true));
                }
            }
        }
    })
}

/// A server that reads something and answers with these bytes.
pub fn bytes(answer: &'static [u8]) -> Server {
    Server::start(move |mut io| async move {
        let _ = io.read(&mut [0; 1024]).await;
        let _ = io.write_all(answer).await;
        let _ = io.shutdown().await;
        let _ = io.read_to_end(&mut Vec::new()).await;
    })
}

fn html() -> (&'static str, String) {
    ("content-type", "text/html; charset=utf-8".to_owned())
}

#[test]
fn http1_only_then_named() {
    let server = bytes(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    let said = doctor(&[&server.url()]);
    said.names("http2", "http1-only");
    said.says("HTTP/1.1 400");
}

#[test]
fn other_service_then_its_first_words() {
    let server = bytes(b"SSH-2.0-OpenSSH_9.2\r\n");
    let said = doctor(&[&server.url()]);
    said.names("http2", "other-service");
    said.says("SSH-2.0-OpenSSH_9.2");
}

#[test]
fn peer_crashes_as_it_is_called_then_named() {
    let server = Server::start(|io| async move { drop(io) });
    doctor(&[&server.url()]).names("http2", "no-http2");
}

#[test]
fn login_in_front_then_named_however_it_asks() {
    let basic = ("www-authenticate", "Basic realm=\"x\"".to_owned());
    let said = doctor(&[&http2(401, &[basic], b"").url()]);
    said.names("path", "login-in-front");
    said.says("/v1sync.BackrestSyncService/");

    let to_login = (
        "location",
        "https://sso.example.org/login?next=/".to_owned(),
    );
    let said = doctor(&[&http2(302, &[to_login], b"").url()]);
    said.names("path", "login-in-front");
    said.says("sso.example.org");

    let form = b"<form><input name=user><input type=\"password\" name=pass></form>";
    doctor(&[&http2(200, &[html()], form).url()]).names("path", "login-in-front");
    // The same without a password field is a page, and no login.
    doctor(&[&http2(200, &[html()], b"<h1>Welcome</h1>").url()]).names("path", "web-page");
}

#[test]
fn nothing_under_the_path_then_named() {
    doctor(&[&http2(404, &[html()], b"").url()]).names("path", "wrong-path");
}

#[test]
fn port_behind_the_path_then_the_url_that_was_meant() {
    let server = http2(404, &[], b"");
    let said = doctor(&[&format!("{}/backrest:9898", server.url())]);
    said.names("path", "port-behind-path");
    said.says("Did you mean http://127.0.0.1:9898/backrest ?");
}

#[test]
fn proxy_without_a_host_then_named() {
    doctor(&[&http2(502, &[html()], b"<h1>502</h1>").url()]).names("rpc", "proxy-without-host");
    doctor(&[&http2(505, &[], b"").url()]).names("rpc", "proxy-speaks-http1");
}

#[test]
fn connect_not_spoken_then_named() {
    doctor(&[&http2(415, &[], b"").url()]).names("rpc", "protocol-not-spoken");
}

/// A host on which sync is not configured, by that clock.
fn host_at(seconds_ahead: i64) -> Server {
    let now = std::time::SystemTime::now();
    let ahead = std::time::Duration::from_secs(seconds_ahead.unsigned_abs());
    let date = if seconds_ahead < 0 {
        now - ahead
    } else {
        now + ahead
    };
    http2(404, &[("date", httpdate::fmt_http_date(date))], b"")
}

#[test]
fn clock_off_by_an_hour_then_named_and_what_it_breaks() {
    let said = doctor(&[&host_at(3600).url()]);
    said.says("The clocks differ by 60 min");
    said.says("pairing tokens expire too early");
    let said = doctor(&[&host_at(-3600).url()]);
    said.says("pairing tokens expire too late");
    let said = doctor(&[&host_at(0).url()]);
    assert!(!said.text.contains("The clocks differ"), "{}", said.text);
}

#[test]
fn pairing_token_in_place_of_the_url_then_named_and_the_secret_not_repeated() {
    let token = "ed25519.AbC:0123456789abcdef0123456789abcdef#my host";
    let said = doctor(&[token]);
    said.names("url", "url-is-pairing-token");
    said.says("--expect-keyid ed25519.AbC");
    assert!(!said.text.contains("0123456789abcdef"), "{}", said.text);
}

#[test]
fn no_scheme_then_what_to_write() {
    let said = doctor(&["backup.example.org:9898"]);
    said.names("url", "url-without-scheme");
    said.says("http://backup.example.org:9898");
}

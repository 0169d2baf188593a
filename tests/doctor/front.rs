//! Servers before a host, which pass everything on but for one thing.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use h2::{RecvStream, SendStream, client::SendRequest, server::SendResponse};
use http::{HeaderMap, Request, Response, header};
use tokio::net::TcpStream;

use crate::run::Server;

/// The host at this URL, as if its clock were an hour ahead.
pub fn an_hour_ahead(url: &str) -> Server {
    front(url, set_the_date, |_, _| false)
}

/// The same host, which is gone at the second call of the state service: there it begins to be watched.
pub fn gone_when_watched(url: &str) -> Server {
    let is_watched = |path: &str, before: &[String]| {
        path.ends_with("/GetPeerSyncStatesStream") && before.iter().any(|it| it == path)
    };
    front(url, |_| {}, is_watched)
}

fn set_the_date(headers: &mut HeaderMap) {
    let ahead = SystemTime::now() + Duration::from_secs(3600);
    let date = httpdate::fmt_http_date(ahead).parse().unwrap();
    headers.insert(header::DATE, date);
}

fn front(url: &str, edit: fn(&mut HeaderMap), ends_at: fn(&str, &[String]) -> bool) -> Server {
    let host: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
    Server::start(move |io| async move {
        let mut here = h2::server::handshake(io).await.unwrap();
        let there = TcpStream::connect(host).await.unwrap();
        let (there, connection) = h2::client::handshake(there).await.unwrap();
        tokio::spawn(connection);
        let mut paths = Vec::new();
        while let Some(Ok((request, answer))) = here.accept().await {
            let path = request.uri().path().to_owned();
            if ends_at(&path, &paths) {
                return;
            }
            paths.push(path);
            tokio::spawn(pass_on(request, answer, there.clone(), edit));
        }
    })
}

async fn pass_on(
    request: Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
    there: SendRequest<Bytes>,
    edit: fn(&mut HeaderMap),
) -> Option<()> {
    let (head, words) = request.into_parts();
    let mut there = there.ready().await.ok()?;
    let (response, onwards) = there
        .send_request(Request::from_parts(head, ()), false)
        .ok()?;
    tokio::spawn(pump(words, onwards));
    let (mut head, words) = response.await.ok()?.into_parts();
    edit(&mut head.headers);
    let back = answer
        .send_response(Response::from_parts(head, ()), false)
        .ok()?;
    pump(words, back).await
}

async fn pump(mut from: RecvStream, mut to: SendStream<Bytes>) -> Option<()> {
    while let Some(Ok(data)) = from.data().await {
        drop(from.flow_control().release_capacity(data.len()));
        to.send_data(data, false).ok()?;
    }
    match from.trailers().await {
        Ok(Some(trailers)) => to.send_trailers(trailers).ok(),
        _ => to.send_data(Bytes::new(), true).ok(),
    }
}

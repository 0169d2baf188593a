//! Callers that come to a [`Listener`](super::Listener) and make no call that is waited for: what they did instead.

use http::StatusCode;
use tokio::{net::TcpStream, sync::mpsc, time::timeout};

use super::{listen::PREFACE_WAIT, sniff::first_line};

/// Strays that wait to be looked at; further ones are forgotten.
pub const STRAYS_WAITING_MAX: usize = 64;
/// Bytes looked at of what a caller begins with; HTTP/2's preface has 24.
const BEGINNING_LEN_BYTES: usize = 64;
/// How HTTP/2's client preface begins, RFC 9113, section 3.4.
const PREFACE_START: &[u8] = b"PRI * HTTP/2";
/// How a TLS record with a handshake begins, RFC 8446, section 5.1.
const TLS_HANDSHAKE_START: u8 = 0x16;

/// Something that came in place of a call under a prefix that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stray {
    /// A call of another path.
    Path(String),
    /// Another method than POST.
    Method(String),
    /// A content type of no protocol that is spoken here; empty where there was none.
    ContentType(String),
    /// A TLS handshake.
    Tls,
    /// Bytes that are no HTTP/2: the first line, as printable text.
    NotHttp2(String),
    /// A connection without a call, for [`PREFACE_WAIT`] or until it closed.
    NoCall,
}

impl Stray {
    /// What a call of this kind is answered with.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Stray::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Stray::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::NOT_FOUND,
        }
    }
}

/// Where strays are told, if anyone wants to know.
#[derive(Clone, Debug, Default)]
pub(super) struct Strays(Option<mpsc::Sender<Stray>>);

impl Strays {
    /// The way in, and the way out.
    pub fn channel() -> (Strays, mpsc::Receiver<Stray>) {
        let (sender, noted) = mpsc::channel(STRAYS_WAITING_MAX);
        (Strays(Some(sender)), noted)
    }

    pub fn note(&self, stray: Stray) {
        if let Some(sender) = &self.0 {
            // Too many at a time, or nobody looks any more.
            drop(sender.try_send(stray));
        }
    }

    /// Notes a caller that begins with something else than HTTP/2.
    pub async fn note_beginning(&self, io: &TcpStream) {
        if self.0.is_none() {
            return;
        }
        let mut beginning = [0; BEGINNING_LEN_BYTES];
        let Ok(Ok(len @ 1..)) = timeout(PREFACE_WAIT, io.peek(&mut beginning)).await else {
            return self.note(Stray::NoCall);
        };
        let seen = &beginning[..len];
        let common = len.min(PREFACE_START.len());
        if seen[0] == TLS_HANDSHAKE_START {
            self.note(Stray::Tls);
        } else if seen[..common] != PREFACE_START[..common] {
            self.note(Stray::NotHttp2(first_line(seen)));
        }
    }
}

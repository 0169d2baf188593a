//! Every bound of the server, with its unit.

use std::time::Duration;

use crate::{lapses::Lapses, net::framing::PAYLOAD_LEN_BYTES_MAX};

/// Connections held at a time; a further one is closed at once.
pub const CONNECTIONS_MAX: usize = 512;
/// Streams open at a time on one connection. Deployed initiators open one.
pub const STREAMS_MAX: u32 = 64;
/// What a caller may send on one stream before it is read, in bytes.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What a caller may send on one connection before it is read, in bytes.
///
/// The HTTP/2 layer closes a connection whose unread small DATA frames fall short of 256 bytes each by half of this in
/// sum. A stream's window full of the smallest items, 12 bytes each, falls short by 5.3 MiB: flow control comes first.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// Longest set of request headers, in bytes.
pub const HEADERS_LEN_BYTES_MAX: u32 = 64 * 1024;
/// Items that the application may be ahead of a caller that reads slowly.
pub const OUTBOUND_ITEMS_MAX: usize = 64;
/// How long a caller may take to begin: HTTP/2's preface, and its first frame's header.
pub const PREFACE_WAIT: Duration = Duration::from_secs(10);
/// How long a caller may take to shake hands over TLS.
pub const TLS_WAIT: Duration = Duration::from_secs(10);
/// How long no connection is accepted after the system had no room for one.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Silence after which a caller is asked whether it is still there.
pub const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long that answer may take.
pub const PING_WAIT: Duration = Duration::from_secs(15);
/// How long calls may take to hear that the server is leaving.
pub const SHUTDOWN_WAIT: Duration = Duration::from_secs(2);

/// The bounds that a host may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Longest item accepted, in bytes, once decompressed.
    pub item_len_bytes_max: usize,
    /// Connections held at a time.
    pub connections_max: usize,
    /// What the server gets wrong.
    pub lapses: Lapses,
}

impl Default for ServeLimits {
    fn default() -> ServeLimits {
        ServeLimits {
            item_len_bytes_max: PAYLOAD_LEN_BYTES_MAX,
            connections_max: CONNECTIONS_MAX,
            lapses: Lapses::NONE,
        }
    }
}

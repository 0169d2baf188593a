//! Two peers joined through us without a key of ours: each message goes on as it comes.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    actor::RequestShape,
    net::{DialOptions, Link, LinkEvent, OutFrame},
    runner::streams::{end_of, open},
};

/// Messages of each side that a session begins with: its part of the key exchange, its handshake, and what it says only to
/// whom it has verified.
const MESSAGES_MIN: u32 = 3;

/// Passes on what comes until both sides have said something that each says only to whom it has verified.
///
/// # Errors
/// How far they came, in words.
pub(super) async fn come_to_a_session(
    mut client: Link,
    host: &DialOptions,
    wait: Duration,
) -> Result<(), String> {
    let opened = open(host, &RequestShape::default()).await;
    let (_connection, mut host) = opened.map_err(|error| error.to_string())?;
    let (mut of_client, mut of_host) = (0, 0);
    let joined = async {
        while of_client < MESSAGES_MIN || of_host < MESSAGES_MIN {
            tokio::select! {
                event = client.next() => pass_on("client", event, &mut host, &mut of_client).await?,
                event = host.next() => pass_on("host", event, &mut client, &mut of_host).await?,
            }
        }
        Ok(())
    };
    let joined = timeout(wait, joined).await;
    joined.unwrap_or_else(|_| {
        Err(format!(
            "within {:.1} s the client sent {of_client} messages and the host {of_host}, where a session begins with \
             {MESSAGES_MIN} of each",
            wait.as_secs_f64()
        ))
    })
}

async fn pass_on(
    from: &str,
    event: LinkEvent,
    to: &mut Link,
    count: &mut u32,
) -> Result<(), String> {
    match event {
        LinkEvent::Headers(_) => Ok(()),
        LinkEvent::Message { payload, .. } => {
            *count += 1;
            let sent = to.send(OutFrame::Message(payload)).await;
            sent.map_err(|error| format!("what the {from} sent went no further: {error}"))
        }
        LinkEvent::Ended(end) => Err(format!(
            "the {from}'s side ended with {} behind {count} messages",
            end_of(end)
        )),
    }
}

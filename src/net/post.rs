//! One plain HTTP POST over a dialled connection: for what stands beside the protocol, such as a peer's own API.

use bytes::{Bytes, BytesMut};
use http::header;

use super::{
    dial::Connection,
    error::{LinkError, Step},
    request::RequestShape,
};

/// Longest answer that is read, in bytes: a configuration of thousands of clients has a tenth of it.
pub const ANSWER_LEN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

impl Connection {
    /// Posts a body of that content type to a path behind the URL's prefix, and waits for the whole answer, for no longer
    /// than a step may take.
    pub async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Answer, LinkError> {
        let mut shape = RequestShape::new(self.protocol(), path);
        shape.content_type = Some(content_type.to_owned());
        shape.omit = vec![header::TE.to_string()];
        let (response, mut sending) = self.request(&shape).await?;
        sending
            .send_data(body, true)
            .map_err(|error| LinkError::from_h2(&error))?;
        self.within(Step::Answer, async {
            let response = response.await.map_err(|error| LinkError::from_h2(&error))?;
            let status = response.status().as_u16();
            let mut incoming = response.into_body();
            let mut body = BytesMut::new();
            while let Some(chunk) = incoming.data().await {
                let chunk = chunk.map_err(|error| LinkError::from_h2(&error))?;
                if body.len() + chunk.len() > ANSWER_LEN_BYTES_MAX {
                    return Err(LinkError::TooLong {
                        seen: body.len() + chunk.len(),
                    });
                }
                body.extend_from_slice(&chunk);
                // What was read makes room for as much; the stream is gone at worst.
                let _ = incoming.flow_control().release_capacity(chunk.len());
            }
            Ok(Answer {
                status,
                body: body.freeze(),
            })
        })
        .await?
    }
}

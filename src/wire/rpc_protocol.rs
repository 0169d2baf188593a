//! The RPC protocols that carry the sync stream.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An RPC protocol. Their stream envelopes are the same bytes; headers, trailers and errors differ.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RpcProtocol {
    /// gRPC.
    Grpc,
    /// The Connect streaming protocol, which deployed initiators speak.
    Connect,
}

impl RpcProtocol {
    /// Both.
    pub const ALL: [RpcProtocol; 2] = [RpcProtocol::Grpc, RpcProtocol::Connect];

    /// The word used in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            RpcProtocol::Grpc => "grpc",
            RpcProtocol::Connect => "connect",
        }
    }
}

impl fmt::Display for RpcProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

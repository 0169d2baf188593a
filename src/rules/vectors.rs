//! Rules about what no stream carries: vectors check whoever reads it, and no scenario can.

use super::RuleId;

impl RuleId {
    /// Types of the groups of test vectors (`vectors/README.md`) that check the rule; none for most.
    pub fn vector_groups(self) -> &'static [&'static str] {
        match self {
            RuleId::PairingTokenText => &["pairing_token_format", "pairing_token_parse"],
            RuleId::SignedMessageVerifies | RuleId::SignedMessageAge => &["signed_message_verify"],
            _ => &[],
        }
    }
}

//! Lists of the failures that are known of a peer, kept beside its target file and outside the suite.
//!
//! What is listed is played all the same. Whatever the list says and the run does not bear out is red: a failure that
//! does not come, one that comes in another way, an entry that is out of date. A list that names what does not exist is
//! refused before anything is played.

mod date;
mod load;

use schemars::JsonSchema;
use serde::Deserialize;

pub use date::Date;
pub use load::{Catalogue, load};

use crate::{
    rules::RuleId,
    scenario::model::Location,
    wire::{Role, RpcProtocol},
};

/// One entry as it stands in a file. A file is a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct EntryFile {
    /// Id of a case; a `*` stands for any part of it without `/`. Either this or `rule`.
    #[serde(default)]
    case: Option<String>,
    /// Id of a rule, in whichever case it is found broken.
    #[serde(default)]
    rule: Option<String>,
    /// Only where the peer plays this role.
    #[serde(default)]
    role: Option<Role>,
    /// Only over this RPC protocol.
    #[serde(default)]
    protocol: Option<RpcProtocol>,
    /// What the peer does wrong, and how that shows.
    reason: String,
    /// What its users risk by it.
    #[serde(default)]
    risk: Option<String>,
    /// Id of the case that shows it most simply, where the entry is about several.
    #[serde(default)]
    reproduce: Option<String>,
    /// Where it is tracked.
    #[serde(default)]
    link: Option<String>,
    /// Last day on which the entry counts, such as `2026-12-31`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    expires: Option<Date>,
    /// The finding to expect of the case. Another one is no known failure.
    #[serde(default)]
    expect: Option<Expect>,
    /// True when it fails in some plays only.
    #[serde(default)]
    flaky: bool,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expect {
    /// The rule that is found broken.
    rule: String,
}

/// One entry, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What fails.
    pub what: What,
    /// The role it is about; none is any.
    pub role: Option<Role>,
    /// The RPC protocol it is about; none is either.
    pub protocol: Option<RpcProtocol>,
    /// What the peer does wrong.
    pub reason: String,
    /// What its users risk by it.
    pub risk: Option<String>,
    /// The case that shows it most simply.
    pub reproduce: Option<String>,
    /// Where it is tracked.
    pub link: Option<String>,
    /// Last day on which it counts.
    pub expires: Option<Date>,
    /// Whether it fails in some plays only.
    pub flaky: bool,
    /// Where it stands.
    pub location: Location,
}

/// What an entry says of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// These cases fail.
    Case {
        /// Id, with `*` for any part without `/`.
        id: String,
        /// By this finding; by any, where none is said.
        expect: Option<RuleId>,
    },
    /// This rule is broken, wherever it shows.
    Rule(RuleId),
}

impl Entry {
    /// Whether it is about that play of that case, or says nothing of cases.
    pub fn is_about(&self, case: &str, role: Role, protocol: RpcProtocol) -> bool {
        let named = match &self.what {
            What::Case { id, .. } => matches(id, case),
            What::Rule(_) => true,
        };
        named
            && self.role.is_none_or(|only| only == role)
            && self.protocol.is_none_or(|only| only == protocol)
    }

    /// Whether it accounts for a rule that was found broken.
    pub fn accounts_for(&self, rule: RuleId) -> bool {
        match &self.what {
            What::Case { expect, .. } => expect.is_none_or(|expected| expected == rule),
            What::Rule(broken) => *broken == rule,
        }
    }

    /// Whether its last day is over.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }
}

/// Whether an id is what a pattern says, in which `*` is any text without `/`.
fn matches(pattern: &str, id: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == id,
        Some((before, behind)) => id.strip_prefix(before).is_some_and(|rest| {
            let end = rest.find('/').unwrap_or(rest.len());
            (0..=end)
                .filter(|at| rest.is_char_boundary(*at))
                .any(|at| matches(behind, &rest[at..]))
        }),
    }
}

/// JSON Schema of a list.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Vec<EntryFile>).to_value()
}

#[cfg(test)]
mod tests;

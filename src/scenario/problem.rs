//! Everything that can be wrong with a scenario file, in words: lower-case fragments, expected first, seen second.

use std::fmt;

use super::{
    model::{CASES_MAX, FILE_LEN_BYTES_MAX, PLAYED_STEPS_MAX, STEPS_MAX, WITHIN_MAX},
    names,
    node::DEPTH_MAX,
};
use crate::{
    rules::{Binds, RuleId},
    wire::Role,
};

/// One thing that is wrong.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file or folder cannot be read, for this reason.
    Unreadable(String),
    /// The file has this many bytes, more than [`FILE_LEN_BYTES_MAX`].
    FileTooLarge(u64),
    /// The name of the file or of a folder above it is not a kebab-case word, or the ending is not `.yaml`.
    FileName(String),
    /// Two files and rows make the same case id; the other one stands here.
    DuplicateCase(String, String),
    /// The bytes are not UTF-8.
    NotUtf8,
    /// A character that YAML does not allow.
    ControlCharacter(char),
    /// So many more problems, which are not listed.
    More(usize),
    /// Not YAML.
    Syntax(String),
    /// Not TOML.
    NotToml(String),
    /// Nothing in it.
    Empty,
    /// More than one YAML document.
    SeveralDocuments,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// An anchor or an alias.
    AnchorOrAlias,
    /// A tag.
    Tag,
    /// A key that is a list or a map.
    KeyNotText,
    /// A key that stands twice in one map.
    DuplicateKey {
        /// The key.
        key: String,
        /// Line of the first one, from 1.
        first_line: u32,
    },

    /// A key that does not exist here.
    UnknownKey {
        /// The key.
        key: String,
        /// What may stand there.
        valid: Vec<String>,
    },
    /// A word that is none of the valid ones.
    UnknownWord {
        /// What stands there.
        seen: String,
        /// What may stand there.
        valid: Vec<String>,
    },
    /// A key that is missing.
    MissingKey(String),
    /// A value of another kind.
    WrongType {
        /// What may stand there, in words.
        expected: String,
        /// What stands there.
        seen: String,
    },
    /// A word that needs a value behind it.
    NeedsValue(String),
    /// A value that its type refuses, for this reason.
    Refused(String),
    /// A name that is not a kebab-case word.
    NotKebabCase(String),

    /// The claim is not one sentence.
    AboutNotSentence,
    /// No rule is named.
    NoRules,
    /// A rule is named twice.
    RuleTwice(RuleId),
    /// A rule that does not exist.
    UnknownRule(String),
    /// A case that does not exist; these do.
    UnknownCase {
        /// What stands there.
        seen: String,
        /// The ids there are.
        known: Vec<String>,
    },
    /// A rule that does not bind the role under test.
    RuleOfOtherRole(RuleId, Role),
    /// A step's rule that the scenario does not list.
    StepRuleNotListed(RuleId),

    /// `$` without a name.
    LoneDollar,
    /// A variable that does not exist; these do.
    UnknownVariable {
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A list or map in the middle of a text.
    VariableNotText {
        /// The name.
        name: String,
        /// What stands there.
        seen: String,
    },
    /// A column that nothing uses.
    UnusedColumn(String),
    /// A row without a column that is used in this line.
    MissingColumn {
        /// The column.
        column: String,
        /// Line that uses it, from 1.
        used_line: u32,
    },
    /// A column with the name of something that is provisioned.
    ColumnHidesFixture(String),
    /// A table without rows.
    NoRows,
    /// More than [`CASES_MAX`] rows.
    TooManyRows(usize),
    /// Two rows of one name.
    DuplicateRow {
        /// The name.
        name: String,
        /// Line of the first one, from 1.
        first_line: u32,
    },

    /// Two provisioned things of one name.
    NameTaken(String),
    /// A plan of a repository that is not provisioned; these are.
    UnknownRepo {
        /// What stands there.
        seen: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// An operation of a plan that is not provisioned; these are.
    UnknownPlan {
        /// What stands there.
        seen: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No operation of that name under `given`.
    UnknownOperation {
        /// What stands there.
        seen: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A verb that only a host can play, where the peer is one.
    HostsOnly(&'static str),
    /// A scope that holds a name where an id belongs.
    ScopeNeedsDollar {
        /// The scope.
        scope: String,
        /// The name.
        name: String,
    },

    /// No step at all.
    NoSteps,
    /// More than [`STEPS_MAX`] steps.
    TooManySteps(usize),
    /// More than [`PLAYED_STEPS_MAX`] steps once those taken several times are written out.
    TooManyPlayed(usize),
    /// A step that does nothing.
    NoVerb,
    /// A step that does several things.
    SeveralVerbs(Vec<String>),
    /// Not a length of time.
    NotADuration(String),
    /// Longer than [`WITHIN_MAX`].
    WaitTooLong(String),
    /// A session that no step before has opened.
    SessionNotOpened(Option<String>),
    /// A session's name at a step that concerns none.
    NoSessionHere(String),
    /// `among` beside anything but an item that is expected.
    AmongWithoutItem,
    /// An identity that does not exist; these do.
    UnknownIdentity {
        /// What stands there.
        seen: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A deviation that is named twice.
    DeviationTwice(String),
    /// No vector of that group has this id.
    UnknownVector {
        /// The id.
        id: String,
        /// The group of vectors.
        group: &'static str,
    },
    /// Steps for many clients where too few are given.
    NoStrangers,
    /// A step that many clients cannot take, or that names one of them.
    NotForStrangers,
    /// Nothing could ever fail.
    ChecksNothing,
    /// An item has one action; this has another number.
    ActionCount(Vec<String>),
    /// Two fields of which a message can have but one.
    SameOneof {
        /// One of the two.
        first: String,
        /// The other.
        second: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Problem::*;
        match self {
            Unreadable(reason) => write!(f, "cannot be read: {reason}"),
            FileTooLarge(len) => write!(
                f,
                "expected a file of at most {FILE_LEN_BYTES_MAX} bytes, seen {len}"
            ),
            FileName(name) => write!(
                f,
                "expected a name of letters a to z, digits and `-`, and the ending `.yaml`, seen `{name}`"
            ),
            DuplicateCase(id, other) => {
                write!(f, "the case id `{id}` is taken already, by {other}")
            }
            NotUtf8 => f.write_str("expected UTF-8, seen bytes that are not"),
            ControlCharacter(character) => write!(
                f,
                "expected text, seen the control character U+{:04X}",
                u32::from(*character)
            ),
            More(count) => write!(f, "{count} more problems follow in this file"),
            Syntax(reason) => write!(f, "not YAML: {reason}"),
            NotToml(reason) => write!(f, "not TOML: {reason}"),
            Empty => f.write_str("expected a scenario or a list, seen an empty file"),
            SeveralDocuments => f.write_str("expected one YAML document, seen a second"),
            TooDeep => write!(f, "expected at most {DEPTH_MAX} levels, seen more"),
            AnchorOrAlias => f.write_str(
                "anchors and aliases are not allowed: write it out, or make a table of `cases`",
            ),
            Tag => f.write_str("tags are not allowed: quote a scalar to make it text"),
            KeyNotText => f.write_str("expected text as key, seen a list or a map"),
            DuplicateKey { key, first_line } => {
                write!(f, "the key `{key}` stands in line {first_line} already")
            }
            UnknownKey { key, valid } => unknown(f, "key", key, valid),
            UnknownWord { seen, valid } => unknown(f, "word", seen, valid),
            MissingKey(key) => write!(f, "the key `{key}` is missing"),
            WrongType { expected, seen } => write!(f, "expected {expected}, seen {seen}"),
            NeedsValue(word) => write!(f, "`{word}` needs a value: `{word}: ...`"),
            Refused(reason) => f.write_str(reason),
            NotKebabCase(name) => write!(
                f,
                "expected a name of letters a to z, digits and `-` that starts with a letter, at most {} long, seen `{name}`",
                names::NAME_LEN_MAX
            ),
            AboutNotSentence => {
                f.write_str("expected one sentence on one line that ends with a period")
            }
            NoRules => f.write_str("expected at least one rule, seen none"),
            RuleTwice(rule) => write!(f, "the rule `{rule}` is named twice"),
            UnknownRule(id) => {
                let ids: Vec<_> = crate::rules::ALL.iter().map(|rule| rule.as_str()).collect();
                write!(f, "no rule has the id `{id}`")?;
                suggest(f, id, &ids)
            }
            UnknownCase { seen, known } => {
                let ids: Vec<_> = known.iter().map(String::as_str).collect();
                write!(f, "no case has the id `{seen}`")?;
                suggest(f, seen, &ids)
            }
            RuleOfOtherRole(rule, role) => write!(
                f,
                "the rule `{rule}` binds {}, but the peer under test plays the {role}",
                bound(*rule)
            ),
            StepRuleNotListed(rule) => {
                write!(f, "the rule `{rule}` is missing in the scenario's `rules`")
            }
            LoneDollar => f.write_str("a variable's name is missing: write `$$` for a dollar sign"),
            UnknownVariable { name, known } => unknown(f, "variable", name, known),
            VariableNotText { name, seen } => {
                write!(f, "expected text or a number in `${name}`, seen {seen}")
            }
            UnusedColumn(column) => {
                write!(f, "nothing uses the column: `${column}` stands nowhere")
            }
            MissingColumn { column, used_line } => write!(
                f,
                "the column `{column}` is missing in this row, and line {used_line} uses it"
            ),
            ColumnHidesFixture(name) => write!(
                f,
                "the column `{name}` has the name of a fixture variable: call it something else"
            ),
            NoRows => f.write_str("expected at least one row, seen none"),
            TooManyRows(count) => write!(f, "expected at most {CASES_MAX} rows, seen {count}"),
            DuplicateRow { name, first_line } => {
                write!(f, "line {first_line} has a row called `{name}` already")
            }
            NameTaken(name) => write!(f, "the name `{name}` is taken already"),
            UnknownRepo { seen, known } => unknown(f, "repository", seen, known),
            UnknownPlan { seen, known } => unknown(f, "plan", seen, known),
            UnknownOperation { seen, known } => unknown(f, "operation", seen, known),
            HostsOnly(verb) => write!(
                f,
                "`{verb}` is what a host does, and here the peer is one: it is for `target: initiator`"
            ),
            ScopeNeedsDollar { scope, name } => {
                let id = scope.replace(&format!(":{name}"), &format!(":${name}"));
                write!(
                    f,
                    "`{scope}` holds a name and no id: write `{id}` for the one that is given"
                )
            }
            NoSteps => f.write_str("expected at least one step, seen none"),
            TooManySteps(count) => write!(f, "expected at most {STEPS_MAX} steps, seen {count}"),
            TooManyPlayed(count) => write!(
                f,
                "expected at most {PLAYED_STEPS_MAX} steps, those taken several times counted as often, seen {count}"
            ),
            NoVerb => f.write_str("expected a verb, seen a step without one"),
            SeveralVerbs(verbs) => {
                write!(f, "expected one verb, seen {}", names::list(verbs))
            }
            NotADuration(seen) => {
                write!(
                    f,
                    "expected a length of time such as `500ms` or `20s`, seen {seen}"
                )
            }
            WaitTooLong(seen) => write!(
                f,
                "expected at most {} s, seen `{seen}`",
                WITHIN_MAX.as_secs()
            ),
            SessionNotOpened(None) => {
                f.write_str("expected `connect` or `establish` before this step, seen neither")
            }
            SessionNotOpened(Some(name)) => write!(
                f,
                "expected `connect` or `establish` with `on: {name}` before this step, seen neither"
            ),
            NoSessionHere(verb) => write!(f, "`{verb}` concerns no session, so it takes no `on`"),
            AmongWithoutItem => f.write_str("`among` belongs beside `expect` and an item"),
            UnknownIdentity { seen, known } => unknown(f, "identity", seen, known),
            DeviationTwice(name) => write!(f, "the deviation `{name}` is named twice"),
            UnknownVector { id, group } => {
                write!(f, "no vector of the group `{group}` has the id `{id}`")
            }
            NoStrangers => {
                f.write_str("expected `strangers: N` under `given`, at least 2, seen fewer")
            }
            NotForStrangers => f.write_str(
                "expected `connect`, `send`, `settle`, `half-close`, `reset` or `cut` without `as`, `on` and `times`: \
                 each stranger takes the step once, in its own name",
            ),
            ChecksNothing => f.write_str(
                "expected a step that can fail (`expect...`, `fence` or `probe`), seen none",
            ),
            ActionCount(seen) if seen.is_empty() => {
                f.write_str("expected an item with one action, seen none")
            }
            ActionCount(seen) => write!(
                f,
                "expected an item with one action, seen {}",
                names::list(seen)
            ),
            SameOneof { first, second } => write!(
                f,
                "expected either `{first}` or `{second}`, seen both in one message"
            ),
        }
    }
}

fn bound(rule: RuleId) -> &'static str {
    match rule.rule().binds {
        Binds::Responder => "the responder",
        Binds::Initiator => "the initiator",
        Binds::Both => "both roles",
        Binds::State => "the state service",
    }
}

fn unknown(f: &mut fmt::Formatter<'_>, what: &str, seen: &str, valid: &[String]) -> fmt::Result {
    let valid: Vec<_> = valid.iter().map(String::as_str).collect();
    write!(f, "unknown {what} `{seen}`")?;
    suggest(f, seen, &valid)?;
    match valid.as_slice() {
        [] => f.write_str("; there is none here"),
        valid => write!(f, "; known here: {}", valid.join(", ")),
    }
}

fn suggest(f: &mut fmt::Formatter<'_>, seen: &str, valid: &[&str]) -> fmt::Result {
    let nearest = names::nearest(seen, valid);
    if nearest.is_empty() {
        return Ok(());
    }
    let quoted: Vec<_> = nearest.iter().map(|name| format!("`{name}`")).collect();
    write!(f, " (did you mean {}?)", quoted.join(" or "))
}

//! Test vectors: their file format, and a check for each kind of test. `vectors/README.md` is the dictionary.
//!
//! [`load`] takes the files' text and refuses whatever it does not know, down to a field; [`Test::run`] compares every
//! value that a test lists with ours, intermediates included. A test's `result` decides how:
//!
//! - `valid` must be accepted under both of our readings, strict and deployed;
//! - `invalid` must be refused under both, for the class of the listed reason: an unknown reason is an error;
//! - `acceptable` is where implementations differ. Our deployed reading must do what the test says deployed peers
//!   do. Our strict reading refuses, for the listed reason, except where the `reason` tables beside the checks say
//!   that it accepts, and why.
//!
//! It reads no files and knows no directory.

mod authorize;
mod case;
mod dynamic;
mod findings;
mod format;
mod frames;
mod handshake;
mod identity;
mod kem;
mod load;
mod messages;
mod misread;
mod receiver;
mod schedule;
mod session;
mod session_fault;
mod session_machines;
mod signed_message;
mod static_types;
mod tokens;
mod transcript;

use std::{collections::HashMap, error::Error, fmt};

use serde_json::{Map, Value};

use self::{case::Context, load::Entry};
pub use self::{
    findings::Mismatch,
    load::{VectorError, VectorFault, load},
};

/// Fields that no check reads, because nothing here could contradict them.
///
/// - `comment`, `flags`, `note`, `notes`, `description`, `source`, `generated_with`: prose and labels;
/// - `meaning`: what a step of a session is for, in words;
/// - `inputs`, `outputs`: names of a group's fields, for readers of the file;
/// - the three `*_random_seed`: arguments of a test hook of Go's standard library, under which Go's own random numbers
///   give the listed randomness. Only Go can replay them.
pub const INFORMATIVE_FIELDS: [&str; 13] = [
    "comment",
    "description",
    "flags",
    "generated_with",
    "go_global_random_seed",
    "initiator_go_random_seed",
    "inputs",
    "meaning",
    "note",
    "notes",
    "outputs",
    "responder_go_random_seed",
    "source",
];

/// A value that a vector file has wrong. The file stays as it was made; the check goes by the rest of the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownDefect {
    /// Id of the test.
    pub test: &'static str,
    /// The field that is wrong.
    pub field: &'static str,
    /// The test whose value stands there by mistake. The check fails once that is no longer so.
    pub copied_from: &'static str,
}

/// Values that contradict the rest of their own test.
///
/// `handshake-0089` is about an empty instance id, correctly signed: so say its comment, its reason, its stage, its
/// `instance_id`, `bind_hash` and `signature`. Its `item` however is that of the test before it, which has an
/// instance id and lacks the public key. The check builds the item from the listed fields.
pub const KNOWN_DEFECTS: [KnownDefect; 1] = [KnownDefect {
    test: "handshake-0089",
    field: "item",
    copied_from: "handshake-0088",
}];

/// All loaded tests, in the order of the files.
#[derive(Debug)]
pub struct VectorSet {
    entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
    /// The `algorithm` part of each file that has one.
    algorithms: HashMap<String, Map<String, Value>>,
}

impl VectorSet {
    /// Every test.
    pub fn tests(&self) -> impl Iterator<Item = Test<'_>> {
        self.entries.iter().map(|entry| Test { set: self, entry })
    }

    /// The test with this id.
    pub fn test(&self, id: &str) -> Option<Test<'_>> {
        let &index = self.by_id.get(id)?;
        Some(Test {
            set: self,
            entry: &self.entries[index],
        })
    }

    fn algorithm(&self, file: &str, key: &str) -> Option<&Value> {
        self.algorithms.get(file)?.get(key)
    }
}

/// One test of a set.
#[derive(Clone, Copy, Debug)]
pub struct Test<'a> {
    set: &'a VectorSet,
    entry: &'a Entry,
}

impl<'a> Test<'a> {
    /// Id, unique over all files.
    pub fn id(&self) -> &'a str {
        &self.entry.id
    }

    /// Name of the file it was loaded from.
    pub fn file(&self) -> &'a str {
        &self.entry.file
    }

    /// Kind of test; see `vectors/README.md`.
    pub fn group_type(&self) -> &'a str {
        self.entry.group_type
    }

    /// What the test catches, in words.
    pub fn comment(&self) -> &'a str {
        &self.entry.comment
    }

    /// The test as the file has it.
    pub fn fields(&self) -> &'a Map<String, Value> {
        &self.entry.fields
    }

    /// Its group as the file has it, without the tests.
    pub fn group_fields(&self) -> &'a Map<String, Value> {
        &self.entry.group_fields
    }

    /// Compares everything the test lists with what we make of its inputs.
    ///
    /// # Errors
    /// Every difference found.
    pub fn run(&self) -> Result<(), Vec<Mismatch>> {
        run_entry(self.set, self.entry)
    }

    /// Runs the test with other content in its place, to show that its check notices.
    ///
    /// # Errors
    /// [`RunError::Malformed`] for content that [`load`] would refuse, [`RunError::Mismatches`] otherwise.
    pub fn run_with(
        &self,
        group_fields: &Map<String, Value>,
        fields: &Map<String, Value>,
    ) -> Result<(), RunError> {
        let entry = load::entry(
            &self.entry.file,
            self.entry.schema,
            group_fields,
            fields.clone(),
        )
        .map_err(RunError::Malformed)?;
        run_entry(self.set, &entry).map_err(RunError::Mismatches)
    }
}

fn run_entry(set: &VectorSet, entry: &Entry) -> Result<(), Vec<Mismatch>> {
    let context = Context { set, entry };
    entry.case.check(&context).into_result()
}

/// Why a test with other content is red.
#[derive(Debug)]
pub enum RunError {
    /// The content is not a test.
    Malformed(VectorError),
    /// The content is a test whose values are not ours.
    Mismatches(Vec<Mismatch>),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Malformed(error) => error.fmt(f),
            RunError::Mismatches(mismatches) => {
                let lines: Vec<_> = mismatches.iter().map(Mismatch::to_string).collect();
                f.write_str(&lines.join("; "))
            }
        }
    }
}

impl Error for RunError {}

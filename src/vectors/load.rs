//! From files' text to tests. Everything unknown is an error; all errors are found at once.

use std::{
    collections::{HashMap, hash_map::Entry as Slot},
    error::Error,
    fmt,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    VectorSet,
    case::{Case, SCHEMAS, Schema},
    format::Expected,
};

/// One test, parsed into its check, beside what it was parsed from.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) file: String,
    pub(super) schema: &'static Schema,
    pub(super) group_type: &'static str,
    pub(super) comment: String,
    pub(super) expected: Expected,
    pub(super) group_fields: Map<String, Value>,
    pub(super) fields: Map<String, Value>,
    pub(super) case: Box<dyn Case>,
}

/// Loads vector files, each given as its name and its JSON text.
///
/// # Errors
/// Every [`VectorError`] in any of the files.
pub fn load(files: Vec<(String, String)>) -> Result<VectorSet, Vec<VectorError>> {
    let mut set = VectorSet {
        entries: Vec::new(),
        by_id: HashMap::new(),
        algorithms: HashMap::new(),
    };
    let mut errors = Vec::new();
    for (name, text) in files {
        if let Err(error) = load_file(&name, &text, &mut set, &mut errors) {
            errors.push(error);
        }
    }
    if errors.is_empty() {
        Ok(set)
    } else {
        Err(errors)
    }
}

/// A file's own fields; the prose is only named so that nothing unknown hides among it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "prose is accepted by name and not read")]
struct File {
    schema: String,
    description: String,
    source: String,
    generated_with: String,
    notes: Option<Vec<String>>,
    #[serde(default)]
    algorithm: Map<String, Value>,
    number_of_tests: usize,
    groups: Vec<Map<String, Value>>,
}

fn load_file(
    name: &str,
    text: &str,
    set: &mut VectorSet,
    errors: &mut Vec<VectorError>,
) -> Result<(), VectorError> {
    let fail = |fault| VectorError {
        file: name.to_owned(),
        id: None,
        fault,
    };
    let file: File =
        serde_json::from_str(text).map_err(|error| fail(VectorFault::File(error.to_string())))?;
    let schema = SCHEMAS
        .iter()
        .find(|schema| schema.id == file.schema)
        .ok_or_else(|| {
            fail(VectorFault::SchemaUnknown {
                seen: file.schema.clone(),
            })
        })?;

    let mut seen = 0;
    for mut group in file.groups {
        let Some(Value::Array(tests)) = group.remove("tests") else {
            errors.push(fail(VectorFault::TestsMissing));
            continue;
        };
        seen += tests.len();
        for test in tests {
            let Value::Object(fields) = test else {
                errors.push(fail(VectorFault::TestNotAnObject));
                continue;
            };
            match entry(name, schema, &group, fields) {
                Ok(entry) => insert(set, entry, errors),
                Err(error) => errors.push(error),
            }
        }
    }
    set.algorithms.insert(name.to_owned(), file.algorithm);
    if seen != file.number_of_tests {
        return Err(fail(VectorFault::TestCount {
            expected: file.number_of_tests,
            seen,
        }));
    }
    Ok(())
}

fn insert(set: &mut VectorSet, entry: Entry, errors: &mut Vec<VectorError>) {
    match set.by_id.entry(entry.id.clone()) {
        Slot::Vacant(slot) => {
            slot.insert(set.entries.len());
            set.entries.push(entry);
        }
        Slot::Occupied(_) => errors.push(VectorError {
            file: entry.file,
            id: Some(entry.id),
            fault: VectorFault::IdDuplicate,
        }),
    }
}

/// What every test has, whatever its kind.
#[derive(Deserialize)]
struct Common {
    comment: String,
    result: String,
    #[expect(dead_code, reason = "labels are accepted by name and not read")]
    flags: Vec<String>,
    reason: Option<String>,
}

const COMMON_FIELDS: [&str; 5] = ["id", "comment", "result", "flags", "reason"];
const COMMON_GROUP_FIELDS: [&str; 4] = ["type", "note", "inputs", "outputs"];

/// Parses one test of a group.
pub(super) fn entry(
    file: &str,
    schema: &'static Schema,
    group_fields: &Map<String, Value>,
    fields: Map<String, Value>,
) -> Result<Entry, VectorError> {
    let id = fields
        .get("id")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
        .map(str::to_owned);
    let fail = |fault| VectorError {
        file: file.to_owned(),
        id: id.clone(),
        fault,
    };
    let field = |error: serde_json::Error| fail(VectorFault::Field(error.to_string()));

    let group_type = group_fields
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let group = schema
        .groups
        .iter()
        .find(|group| group.name == group_type)
        .ok_or_else(|| {
            fail(VectorFault::GroupTypeUnknown {
                seen: group_type.to_owned(),
            })
        })?;
    let common = Common::deserialize(&fields).map_err(field)?;
    let expected = expected(&common).map_err(fail)?;
    let case = (group.parse)(
        without(group_fields, &COMMON_GROUP_FIELDS),
        without(&fields, &COMMON_FIELDS),
    )
    .map_err(field)?;

    Ok(Entry {
        id: id.clone().ok_or_else(|| fail(VectorFault::IdMissing))?,
        file: file.to_owned(),
        schema,
        group_type: group.name,
        comment: common.comment,
        expected,
        group_fields: group_fields.clone(),
        fields,
        case,
    })
}

fn expected(common: &Common) -> Result<Expected, VectorFault> {
    match (common.result.as_str(), common.reason.clone()) {
        ("valid", None) => Ok(Expected::Valid),
        ("invalid", Some(reason)) => Ok(Expected::Invalid { reason }),
        ("acceptable", Some(reason)) => Ok(Expected::Acceptable { reason }),
        ("valid", Some(_)) => Err(VectorFault::ReasonUnexpected),
        ("invalid" | "acceptable", None) => Err(VectorFault::ReasonMissing),
        (seen, _) => Err(VectorFault::ResultUnknown {
            seen: seen.to_owned(),
        }),
    }
}

fn without(fields: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    fields
        .iter()
        .filter(|(key, _)| !names.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What is wrong with a vector file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorError {
    /// Name of the file.
    pub file: String,
    /// Id of the test, when the fault lies in one that has an id.
    pub id: Option<String>,
    /// What is wrong.
    pub fault: VectorFault,
}

/// What is wrong with a vector file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VectorFault {
    /// The file is not JSON, or its own fields are not those of a vector file.
    File(String),
    /// The file names a schema that no check exists for.
    SchemaUnknown {
        /// The schema.
        seen: String,
    },
    /// A group without a list of tests.
    TestsMissing,
    /// A test that is not a JSON object.
    TestNotAnObject,
    /// A group type that the schema does not have.
    GroupTypeUnknown {
        /// The type.
        seen: String,
    },
    /// A result other than `valid`, `invalid` and `acceptable`.
    ResultUnknown {
        /// The result.
        seen: String,
    },
    /// A refusal without its reason.
    ReasonMissing,
    /// A reason where nothing is refused.
    ReasonUnexpected,
    /// A test without an id.
    IdMissing,
    /// A test whose id another test has.
    IdDuplicate,
    /// Not as many tests as the file says.
    TestCount {
        /// Number the file says.
        expected: usize,
        /// Number it has.
        seen: usize,
    },
    /// A field that is unknown, missing, or not what it must be.
    Field(String),
}

impl fmt::Display for VectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(id) = &self.id {
            write!(f, ", {id}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl fmt::Display for VectorFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "expected a vector file, saw {error}"),
            Self::SchemaUnknown { seen } => write!(f, "expected a known schema, saw {seen:?}"),
            Self::TestsMissing => f.write_str("expected a list of tests, saw none"),
            Self::TestNotAnObject => f.write_str("expected a test, saw another value"),
            Self::GroupTypeUnknown { seen } => {
                write!(f, "expected a group type of this schema, saw {seen:?}")
            }
            Self::ResultUnknown { seen } => {
                write!(
                    f,
                    "expected result valid, invalid or acceptable, saw {seen:?}"
                )
            }
            Self::ReasonMissing => f.write_str("expected a reason for the refusal, saw none"),
            Self::ReasonUnexpected => f.write_str("expected no reason on a valid test, saw one"),
            Self::IdMissing => f.write_str("expected an id, saw none"),
            Self::IdDuplicate => f.write_str("expected an id of its own, saw another test's"),
            Self::TestCount { expected, seen } => {
                write!(f, "expected {expected} tests, saw {seen}")
            }
            Self::Field(error) => f.write_str(error),
        }
    }
}

impl Error for VectorError {}

//! serde over a [`Node`]: what is wrong is reported with its place, and unknown keys do not hide what else is wrong.

mod reader;
mod variant;

use std::{fmt, marker::PhantomData};

use serde::de::{self, DeserializeOwned, Expected, Unexpected};

use super::{
    load_error::Problems,
    node::{Key, Node, Place},
    problem::Problem,
};
use reader::Reader;
use variant::VariantReader;

/// Reads a value. Whatever is wrong is reported; `None` when it leaves no value.
pub fn read<T: DeserializeOwned>(node: &Node, problems: &Problems) -> Option<T> {
    let reader = Reader { node, problems };
    reader.deserialize(PhantomData::<T>).ok()
}

/// Reads every element of a list on its own, so that each is checked.
pub fn read_list<T: DeserializeOwned>(node: &Node, problems: &Problems) -> Vec<T> {
    elements(node, problems)
        .iter()
        .filter_map(|element| read(element, problems))
        .collect()
}

/// The elements of a list; anything else is reported and has none.
pub fn elements<'a>(node: &'a Node, problems: &Problems) -> &'a [Node] {
    node.as_seq().unwrap_or_else(|| {
        wrong_type(node, "a list", problems);
        &[]
    })
}

/// The entries of a map; anything else is reported and has none.
pub fn entries<'a>(node: &'a Node, problems: &Problems) -> &'a [(Key, Node)] {
    node.as_map().unwrap_or_else(|| {
        wrong_type(node, "a map", problems);
        &[]
    })
}

/// Reads a variant of an enum from its name and what stands behind it.
pub fn read_variant<T: DeserializeOwned>(
    key: &Key,
    content: Option<&Node>,
    problems: &Problems,
) -> Option<T> {
    T::deserialize(VariantReader::new(key, content, problems)).ok()
}

/// Reports a value of the wrong kind.
pub fn wrong_type(node: &Node, expected: &str, problems: &Problems) {
    problems.report(
        node.place,
        Problem::WrongType {
            expected: expected.to_owned(),
            seen: node.describe(),
        },
    );
}

/// Reports each key that is not valid.
pub fn refuse_unknown_keys(entries: &[(Key, Node)], valid: &[&str], problems: &Problems) {
    for (key, _) in entries {
        if !valid.contains(&key.text.as_str()) {
            problems.report(
                key.place,
                Problem::UnknownKey {
                    key: key.text.clone(),
                    valid: owned(valid),
                },
            );
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// How a value failed: already reported, or still without a place.
#[derive(Debug)]
pub enum ReadError {
    /// Reported.
    Reported,
    /// To be reported by whoever knows the place.
    Unplaced(Problem),
}

impl ReadError {
    fn report_at(self, place: Place, problems: &Problems) -> ReadError {
        if let ReadError::Unplaced(problem) = self {
            problems.report(place, problem);
        }
        ReadError::Reported
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Reported => f.write_str("already reported"),
            ReadError::Unplaced(problem) => problem.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ReadError::Unplaced(Problem::Refused(message.to_string()))
    }

    fn invalid_type(seen: Unexpected<'_>, expected: &dyn Expected) -> Self {
        ReadError::Unplaced(Problem::WrongType {
            expected: expected.to_string(),
            seen: seen.to_string(),
        })
    }

    fn invalid_value(seen: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(seen, expected)
    }

    fn unknown_variant(seen: &str, valid: &'static [&'static str]) -> Self {
        ReadError::Unplaced(Problem::UnknownWord {
            seen: seen.to_owned(),
            valid: owned(valid),
        })
    }

    fn missing_field(field: &'static str) -> Self {
        ReadError::Unplaced(Problem::MissingKey(field.to_owned()))
    }
}

//! A file as a tree in which every value and key knows its place.

use serde_json::Value as Json;

/// Deepest nesting of lists and maps. The deepest message of the contract needs half of it.
pub const DEPTH_MAX: usize = 32;

/// A line and a column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// Where a file begins.
    pub const START: Place = Place { line: 1, column: 1 };

    /// The place behind a text.
    pub fn behind(text: &str) -> Place {
        let last_line = text.rsplit('\n').next().unwrap_or_default();
        let from_one = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1);
        Place {
            line: from_one(text.matches('\n').count()),
            column: from_one(last_line.chars().count()),
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: NodeValue,
    /// Where it begins.
    pub place: Place,
}

/// What a YAML value can be.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text, and every quoted scalar.
    String(String),
    /// A list.
    Seq(Vec<Node>),
    /// A map, in the order of the file; no key stands twice.
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its text, quotes removed.
    pub text: String,
    /// Where it begins.
    pub place: Place,
}

impl Node {
    /// Text at a place.
    pub fn text(text: impl Into<String>, place: Place) -> Node {
        Node {
            value: NodeValue::String(text.into()),
            place,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_seq(&self) -> Option<&[Node]> {
        match &self.value {
            NodeValue::Seq(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            NodeValue::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value behind a key, if it is a map that has the key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?
            .iter()
            .find_map(|(name, node)| (name.text == key).then_some(node))
    }

    /// The same in JSON. Numbers that JSON lacks are text, as protobuf's mapping has them.
    pub fn to_json(&self) -> Json {
        match &self.value {
            NodeValue::Null => Json::Null,
            NodeValue::Bool(value) => Json::from(*value),
            NodeValue::Int(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => Json::from(number),
                (_, Ok(number)) => Json::from(number),
                _ => Json::from(number.to_string()),
            },
            NodeValue::Float(number) if number.is_nan() => Json::from("NaN"),
            NodeValue::Float(f64::INFINITY) => Json::from("Infinity"),
            NodeValue::Float(f64::NEG_INFINITY) => Json::from("-Infinity"),
            NodeValue::Float(number) => Json::from(*number),
            NodeValue::String(text) => Json::from(text.as_str()),
            NodeValue::Seq(nodes) => nodes.iter().map(Node::to_json).collect(),
            NodeValue::Map(entries) => entries
                .iter()
                .map(|(key, node)| (key.text.clone(), node.to_json()))
                .collect(),
        }
    }

    /// What it is, for the `seen` half of a message.
    pub fn describe(&self) -> String {
        match &self.value {
            NodeValue::Null => "nothing".to_owned(),
            NodeValue::Bool(value) => format!("`{value}`"),
            NodeValue::Int(value) => format!("the number `{value}`"),
            NodeValue::Float(value) => format!("the number `{value}`"),
            NodeValue::String(text) => format!("`{text}`"),
            NodeValue::Seq(_) => "a list".to_owned(),
            NodeValue::Map(_) => "a map".to_owned(),
        }
    }
}

//! Reads TOML into the tree that scenario files are read into, so that problems of both are found and told alike.

use std::ops::Range;

use toml_edit::{Array, Document, InlineTable, Item, Key as TomlKey, Table, Value};

use crate::scenario::{
    load_error::Problems,
    node::{Key, Node, NodeValue, Place},
    problem::Problem,
};

/// Reads one document; whatever leaves no tree is reported and gives `None`.
pub fn parse(text: &str, problems: &Problems) -> Option<Node> {
    match Document::parse(text) {
        Ok(document) => {
            let reader = Reader { text };
            Some(Node {
                value: reader.table(document.as_table(), Place::START),
                place: Place::START,
            })
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().trim().to_owned();
            problems.report(Reader { text }.place(at), Problem::NotToml(message));
            None
        }
    }
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn table(&self, table: &Table, place: Place) -> NodeValue {
        self.entries(
            table
                .iter()
                .filter_map(|(name, item)| Some((table.key(name)?, item))),
            place,
        )
    }

    fn inline_table(&self, table: &InlineTable, place: Place) -> NodeValue {
        let items: Vec<_> = table
            .iter()
            .filter_map(|(name, value)| Some((table.key(name)?, Item::Value(value.clone()))))
            .collect();
        self.entries(items.iter().map(|(key, item)| (*key, item)), place)
    }

    fn entries<'i>(
        &self,
        entries: impl Iterator<Item = (&'i TomlKey, &'i Item)>,
        place: Place,
    ) -> NodeValue {
        let entries = entries.map(|(key, item)| {
            let at = self.start(key.span(), place);
            let node = self.item(item, at);
            let key = Key {
                text: key.get().to_owned(),
                place: at,
            };
            (key, node)
        });
        NodeValue::Map(entries.collect())
    }

    /// What has no place of its own stands where its key does.
    fn item(&self, item: &Item, key: Place) -> Node {
        match item {
            Item::None => Node {
                value: NodeValue::Null,
                place: key,
            },
            Item::Value(value) => self.value(value, key),
            Item::Table(table) => Node {
                value: self.table(table, key),
                place: key,
            },
            Item::ArrayOfTables(tables) => Node {
                value: NodeValue::Seq(
                    tables
                        .iter()
                        .map(|table| {
                            let place = self.start(table.span(), key);
                            Node {
                                value: self.table(table, place),
                                place,
                            }
                        })
                        .collect(),
                ),
                place: key,
            },
        }
    }

    fn value(&self, value: &Value, key: Place) -> Node {
        let place = self.start(value.span(), key);
        let value = match value {
            Value::String(text) => NodeValue::String(text.value().clone()),
            Value::Integer(number) => NodeValue::Int((*number.value()).into()),
            Value::Float(number) => NodeValue::Float(*number.value()),
            Value::Boolean(value) => NodeValue::Bool(*value.value()),
            Value::Datetime(time) => NodeValue::String(time.value().to_string()),
            Value::Array(array) => NodeValue::Seq(self.elements(array, place)),
            Value::InlineTable(table) => self.inline_table(table, place),
        };
        Node { value, place }
    }

    fn elements(&self, array: &Array, place: Place) -> Vec<Node> {
        array.iter().map(|value| self.value(value, place)).collect()
    }

    fn start(&self, span: Option<Range<usize>>, otherwise: Place) -> Place {
        span.map_or(otherwise, |span| self.place(span.start))
    }

    fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or(self.text);
        Place::behind(before)
    }
}

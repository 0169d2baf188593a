//! `$name` in any text of a scenario: a column of its table, or something that was provisioned for the case.
//!
//! A text that is nothing but a variable becomes the column's value, whatever kind it has; within a text the variable
//! becomes text. `${name}` marks where a name ends, and `$$` is a dollar sign.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{
    fixtures::Fixtures,
    load_error::Problems,
    node::{Key, Node, NodeValue, Place},
    problem::Problem,
};

/// What the variables of one case stand for.
#[derive(Debug, Default)]
pub struct Variables<'a> {
    /// The columns of the case's row.
    pub columns: BTreeMap<&'a str, &'a Node>,
    /// Columns that only other rows have.
    pub missing_columns: Vec<&'a str>,
    /// Where the row stands.
    pub row: Option<Place>,
    /// What was provisioned.
    pub fixtures: Rc<Fixtures>,
    /// The columns that some text used so far.
    pub used: RefCell<BTreeSet<String>>,
}

impl<'a> Variables<'a> {
    /// The same tree with every variable filled in.
    pub fn fill(&self, node: &Node, problems: &Problems) -> Node {
        let value = match &node.value {
            NodeValue::String(text) => return self.fill_text(text, node.place, problems),
            NodeValue::Seq(nodes) => {
                NodeValue::Seq(nodes.iter().map(|node| self.fill(node, problems)).collect())
            }
            NodeValue::Map(entries) => NodeValue::Map(
                entries
                    .iter()
                    .map(|(key, node)| (key.clone(), self.fill(node, problems)))
                    .collect::<Vec<(Key, Node)>>(),
            ),
            scalar => scalar.clone(),
        };
        Node {
            value,
            place: node.place,
        }
    }

    fn fill_text(&self, text: &str, place: Place, problems: &Problems) -> Node {
        let parts = match split(text) {
            Some(parts) => parts,
            None => {
                problems.report(place, Problem::LoneDollar);
                return Node::text(text, place);
            }
        };
        if let [Part::Variable(name)] = parts.as_slice() {
            return self
                .value(name, place, problems)
                .unwrap_or_else(|| Node::text(text, place));
        }
        let filled = parts.iter().map(|part| match part {
            Part::Text(text) => (*text).to_owned(),
            Part::Variable(name) => self.text(name, place, problems),
        });
        Node::text(filled.collect::<String>(), place)
    }

    fn text(&self, name: &str, place: Place, problems: &Problems) -> String {
        let Some(node) = self.value(name, place, problems) else {
            return String::new();
        };
        match &node.value {
            NodeValue::String(text) => text.clone(),
            NodeValue::Int(number) => number.to_string(),
            NodeValue::Float(number) => number.to_string(),
            NodeValue::Bool(value) => value.to_string(),
            NodeValue::Null | NodeValue::Seq(_) | NodeValue::Map(_) => {
                let problem = Problem::VariableNotText {
                    name: name.to_owned(),
                    seen: node.describe(),
                };
                problems.report(place, problem);
                String::new()
            }
        }
    }

    /// A column keeps its own place: what is wrong with its value is put right there.
    fn value(&self, name: &str, place: Place, problems: &Problems) -> Option<Node> {
        if let Some(cell) = self.columns.get(name) {
            self.used.borrow_mut().insert(name.to_owned());
            return Some(self.fixtures_only().fill(cell, problems));
        }
        if let Some(value) = self.fixtures.variable(name) {
            return Some(Node::text(&value, place));
        }
        if self.missing_columns.contains(&name) {
            self.used.borrow_mut().insert(name.to_owned());
            let problem = Problem::MissingColumn {
                column: name.to_owned(),
                used_line: place.line,
            };
            problems.report(self.row.unwrap_or(place), problem);
            return None;
        }
        let known = self.columns.keys().map(|name| (*name).to_owned());
        let problem = Problem::UnknownVariable {
            name: name.to_owned(),
            known: known.chain(self.fixtures.variable_names()).collect(),
        };
        problems.report(place, problem);
        None
    }

    /// A cell may use what was provisioned, and no other cell: so filling in ends.
    fn fixtures_only(&self) -> Variables<'a> {
        Variables {
            fixtures: self.fixtures.clone(),
            ..Variables::default()
        }
    }
}

enum Part<'t> {
    Text(&'t str),
    Variable(&'t str),
}

/// `None` when a `$` is followed by neither a name nor a `$`.
fn split(text: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        if dollar > 0 {
            parts.push(Part::Text(&rest[..dollar]));
        }
        let behind = &rest[dollar + 1..];
        if let Some(after) = behind.strip_prefix('$') {
            parts.push(Part::Text("$"));
            rest = after;
        } else if let Some(braced) = behind.strip_prefix('{') {
            let (name, after) = braced.split_once('}')?;
            parts.push(Part::Variable(name));
            rest = after;
        } else {
            let name = &behind[..name_len(behind)];
            if name.is_empty() {
                return None;
            }
            parts.push(Part::Variable(name));
            rest = &behind[name.len()..];
        }
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Text(rest));
    }
    Some(parts)
}

fn name_len(text: &str) -> usize {
    let in_name = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    text.find(|character| !in_name(character))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{fixtures::Token, yaml::parse};

    const ROW: &str =
        "{ number: 2, text: two, fault: { nonce: random }, secret: $token, other: $text }";

    fn token() -> Token {
        Token {
            secret: "5ec2e7".to_owned(),
            max_uses: 1,
            uses: 0,
            expired: false,
            expires_later: false,
            permissions: Vec::new(),
        }
    }

    fn fill(text: &str) -> (Node, Vec<Problem>) {
        let problems = Problems::default();
        let row = parse(ROW, &problems).unwrap();
        let node = parse(&format!("k: {text}"), &problems).unwrap();
        let variables = Variables {
            columns: row
                .as_map()
                .unwrap()
                .iter()
                .map(|(key, node)| (key.text.as_str(), node))
                .collect(),
            missing_columns: vec!["absent"],
            row: Some(row.place),
            fixtures: Rc::new(Fixtures {
                token: Some(token()),
                ..Fixtures::default()
            }),
            ..Variables::default()
        };
        let filled = variables.fill(&node, &problems);
        let found = problems.take().into_iter().map(|(_, problem)| problem);
        (filled.get("k").unwrap().clone(), found.collect())
    }

    fn filled(text: &str) -> NodeValue {
        let (node, problems) = fill(text);
        assert_eq!(problems, [], "{text}");
        node.value
    }

    #[test]
    fn whole_text_then_the_value_with_its_kind_and_place() {
        let (node, _) = fill("$number");
        assert_eq!(node.value, NodeValue::Int(2));
        assert_eq!(
            node.place,
            Place {
                line: 1,
                column: 11
            }
        );
        assert!(matches!(filled("$fault"), NodeValue::Map(_)));
        assert_eq!(filled("'${number}'"), NodeValue::Int(2));
    }

    #[test]
    fn within_a_text_then_text() {
        for (text, expected) in [
            ("v$number", "v2"),
            ("a/${text}s/$token", "a/twos/5ec2e7"),
            ("$text$text", "twotwo"),
            ("costs $$5", "costs $5"),
            ("$$text", "$text"),
        ] {
            assert_eq!(
                filled(text),
                NodeValue::String(expected.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn fixture_in_a_cell_then_filled_in() {
        assert_eq!(filled("$secret"), NodeValue::String("5ec2e7".to_owned()));
    }

    #[test]
    fn column_in_a_cell_then_unknown() {
        let (_, problems) = fill("$other");
        assert!(matches!(&problems[..], [Problem::UnknownVariable { name, .. }] if name == "text"));
    }

    #[test]
    fn unknown_variable_then_the_known_ones_are_named() {
        let (_, problems) = fill("$nubmer");
        let message = problems[0].to_string();
        assert!(message.contains("did you mean `number`"), "{message}");
        assert!(message.contains("token"), "{message}");
    }

    #[test]
    fn column_that_the_row_lacks_then_reported() {
        let (_, problems) = fill("$absent");
        assert!(matches!(
            &problems[..],
            [Problem::MissingColumn { used_line: 1, .. }]
        ));
    }

    #[test]
    fn lone_dollar_or_map_in_text_then_reported() {
        for text in ["5$", "'$ 5'", "'${open'"] {
            assert_eq!(fill(text).1, [Problem::LoneDollar], "{text}");
        }
        assert!(matches!(
            fill("x$fault").1[..],
            [Problem::VariableNotText { .. }]
        ));
    }
}

//! Writes a scenario as a file would have it, and says where each of its values then stands: a scenario that a program
//! made has a text to be read aloud, and what is found in it has a place in that text.

use serde_json::Value as Json;

use super::{
    node::{Key, Node, NodeValue, Place},
    yaml::plain_scalar,
};

/// The YAML of a file's keys, and the tree that reading it gives, places included.
///
/// The file's keys and those of `given` stand on lines of their own, and so does each step and what stands beside its
/// verb; everything else is in flow style.
pub fn write_file(file: &Json) -> (String, Node) {
    let mut writer = Writer::default();
    let root = writer.file(file);
    (writer.text, root)
}

#[derive(Default)]
struct Writer {
    text: String,
    /// Lines that are complete.
    lines: u32,
    /// Characters of the line that is not.
    column: u32,
}

impl Writer {
    fn file(&mut self, file: &Json) -> Node {
        self.block(file, 0, |writer, key, value| match (key, value) {
            ("given", Json::Object(_)) => {
                writer.line_break(2);
                writer.block(value, 2, |writer, _, value| writer.behind_colon(value))
            }
            ("steps", Json::Array(steps)) => writer.steps(steps),
            _ => writer.behind_colon(value),
        })
    }

    fn steps(&mut self, steps: &[Json]) -> Node {
        let mut nodes = Vec::with_capacity(steps.len());
        let mut place = None;
        for step in steps {
            self.line_break(2);
            place.get_or_insert(self.place());
            self.put("- ");
            nodes.push(match step {
                Json::Object(_) => {
                    self.block(step, 4, |writer, _, value| writer.behind_colon(value))
                }
                word => self.flow(word, Style::Block),
            });
        }
        Node {
            value: NodeValue::Seq(nodes),
            place: place.unwrap_or(Place::START),
        }
    }

    /// A map with each key on a line of its own; the first one stands where writing has come to.
    fn block(
        &mut self,
        map: &Json,
        indent: usize,
        mut value_of: impl FnMut(&mut Self, &str, &Json) -> Node,
    ) -> Node {
        let place = self.place();
        let mut entries = Vec::new();
        for (index, (key, value)) in map.as_object().into_iter().flatten().enumerate() {
            if index > 0 {
                self.line_break(indent);
            }
            let key = self.key(key);
            let colon = self.place();
            self.put(":");
            let value = match value {
                // A verb that takes nothing, with something beside it: nothing stands where the colon does.
                Json::Null => Node {
                    value: NodeValue::Null,
                    place: colon,
                },
                value => value_of(self, &key.text, value),
            };
            entries.push((key, value));
        }
        Node {
            value: NodeValue::Map(entries),
            place,
        }
    }

    fn behind_colon(&mut self, value: &Json) -> Node {
        self.put(" ");
        self.flow(value, Style::Block)
    }

    fn flow(&mut self, value: &Json, style: Style) -> Node {
        let place = self.place();
        let value = match value {
            Json::Null => {
                self.put("null");
                NodeValue::Null
            }
            Json::Bool(flag) => {
                self.put(if *flag { "true" } else { "false" });
                NodeValue::Bool(*flag)
            }
            Json::Number(number) => {
                let text = number.to_string();
                self.put(&text);
                plain_scalar(&text)
            }
            Json::String(text) => {
                self.scalar(text, style);
                NodeValue::String(text.clone())
            }
            Json::Array(elements) => NodeValue::Seq(self.flow_list(elements)),
            Json::Object(entries) if entries.is_empty() => {
                self.put("{}");
                NodeValue::Map(Vec::new())
            }
            Json::Object(entries) => {
                let mut nodes = Vec::with_capacity(entries.len());
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.put(if index == 0 { "{ " } else { ", " });
                    let key = self.key(key);
                    self.put(": ");
                    nodes.push((key, self.flow(value, Style::Flow)));
                }
                self.put(" }");
                NodeValue::Map(nodes)
            }
        };
        Node { value, place }
    }

    fn flow_list(&mut self, elements: &[Json]) -> Vec<Node> {
        self.put("[");
        let mut nodes = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            nodes.push(self.flow(element, Style::Flow));
        }
        self.put("]");
        nodes
    }

    fn key(&mut self, text: &str) -> Key {
        let place = self.place();
        self.scalar(text, Style::Flow);
        Key {
            text: text.to_owned(),
            place,
        }
    }

    fn scalar(&mut self, text: &str, style: Style) {
        match is_plain(text, style) {
            true => self.put(text),
            // JSON's quoted text is one of YAML's.
            false => {
                let quoted = Json::from(text).to_string();
                self.put(&quoted);
            }
        }
    }

    /// Text without a line break.
    fn put(&mut self, text: &str) {
        self.column += u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        self.text.push_str(text);
    }

    fn line_break(&mut self, indent: usize) {
        self.text.push('\n');
        self.lines += 1;
        self.column = 0;
        self.put(&" ".repeat(indent));
    }

    fn place(&self) -> Place {
        Place {
            line: self.lines + 1,
            column: self.column + 1,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A value alone behind its key.
    Block,
    /// Within brackets or braces, or a key.
    Flow,
}

/// Whether the text may stand without quotes and is text then.
fn is_plain(text: &str, style: Style) -> bool {
    let allowed = |character: char| {
        character.is_ascii_alphanumeric()
            || "_-./$".contains(character)
            || style == Style::Block && " ,;'".contains(character)
    };
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || "$/".contains(first))
        && text.chars().all(allowed)
        && !text.ends_with(' ')
        && matches!(plain_scalar(text), NodeValue::String(_))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{load_error::Problems, yaml::parse};

    fn written() -> Json {
        json!({
            "about": "A claim, told in one sentence: with \"quotes\".",
            "rules": ["envelope.replay-refused"],
            "given": {
                "peer": { "permissions": [{ "type": "read-config", "scopes": ["repo:$photos", "*"] }] },
                "repos": [{ "name": "photos" }],
            },
            "deviate": [{ "transport-version": 2 }],
            "steps": [
                "establish",
                { "establish": null, "on": "newer" },
                { "send": { "operationManifest": { "opIds": ["9223372036854775807", -1], "modnos": [] } } },
                { "expect": { "receiveConfig": { "config": null } }, "rule": "envelope.replay-refused" },
                { "send": { "requestLog": { "logId": "1e3" } }, "on": "newer" },
                { "send": { "requestLog": { "logId": "bell \u{7} and \u{fffd} and \u{1f600}" } } },
            ],
        })
    }

    #[test]
    fn text_then_reads_as_the_tree_places_included() {
        let (text, root) = write_file(&written());
        let problems = Problems::default();
        assert_eq!(parse(&text, &problems).as_ref(), Some(&root), "{text}");
        assert!(problems.is_empty());
        assert_eq!(root.to_json(), written());
    }

    #[test]
    fn steps_then_a_line_each_and_their_siblings_below() {
        let (text, _) = write_file(&written());
        for line in [
            "about: \"A claim, told in one sentence: with \\\"quotes\\\".\"",
            "rules: [envelope.replay-refused]",
            "  repos: [{ name: photos }]",
            "  - establish",
            "  - establish:",
            "    on: newer",
            "  - send: { operationManifest: { opIds: [\"9223372036854775807\", -1], modnos: [] } }",
        ] {
            assert!(text.lines().any(|seen| seen == line), "{line}\n{text}");
        }
    }

    #[test]
    fn text_that_would_read_as_something_else_then_quoted() {
        for text in [
            "1", "1e3", "0x10", "true", "null", "~", "", "- a", "a: b", "a #b", "[a", "*",
            "!plan:a", " a", "a ", ".5",
        ] {
            let (yaml, root) = write_file(&json!({ "k": { "l": text }, "m": text }));
            let parsed = parse(&yaml, &Problems::default());
            assert_eq!(parsed, Some(root), "{yaml}");
        }
    }
}

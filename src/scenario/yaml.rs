//! Reads YAML into a [`Node`] tree.
//!
//! Built from parser events rather than through serde, because only they tell a quoted `"5"` from a plain `5`, and
//! a refused key from its value. Scalars are those of YAML 1.2: `no` and `on` are text. Anchors, aliases, tags and
//! directives are refused: a scenario is short enough to be written out, and a file without aliases cannot grow.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{self, Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::{
    load_error::Problems,
    node::{DEPTH_MAX, Key, Node, NodeValue, Place},
    problem::Problem,
};

/// Reads one document. A key that stands twice is reported and its second value dropped; whatever leaves no tree to
/// go on with is reported and gives `None`.
pub fn parse(text: &str, problems: &Problems) -> Option<Node> {
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(text, options()),
        problems,
    };
    match builder.document() {
        Ok(node) => Some(node),
        Err(Fatal(place, problem)) => {
            problems.report(place, problem);
            None
        }
    }
}

fn options() -> granit_parser::Options {
    let mut options = granit_parser::options! {
        disallow_directives: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    options.set_emit_comments(false);
    options
}

struct Builder<'input, 'p> {
    parser: Parser<'input, granit_parser::StrInput<'input>>,
    problems: &'p Problems,
}

/// A problem after which there is no tree.
struct Fatal(Place, Problem);

impl From<ScanError> for Fatal {
    fn from(error: ScanError) -> Fatal {
        Fatal(place(error.marker()), Problem::Syntax(error.info()))
    }
}

impl<'input> Builder<'input, '_> {
    fn document(&mut self) -> Result<Node, Fatal> {
        let mut root = None;
        while let Some(next) = self.parser.next_event() {
            let (event, span) = next?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(Fatal(place(&span.start), Problem::SeveralDocuments));
                }
                Event::DocumentStart(..) => root = Some(self.next_node(0)?),
                _ => break,
            }
        }
        match root {
            Some(node) if node.value != NodeValue::Null => Ok(node),
            _ => Err(Fatal(Place::START, Problem::Empty)),
        }
    }

    fn next_node(&mut self, depth: usize) -> Result<Node, Fatal> {
        let (event, span) = self.next_event()?;
        self.node(event, &span, depth)
    }

    fn next_event(&mut self) -> Result<(Event<'input>, Span), Fatal> {
        match self.parser.next_event() {
            Some(next) => Ok(next?),
            // The parser balances its events and ends only behind `StreamEnd`, which no caller reads past.
            None => Err(Fatal(
                Place::START,
                Problem::Syntax("unexpected end".to_owned()),
            )),
        }
    }

    fn node(&mut self, event: Event<'input>, span: &Span, depth: usize) -> Result<Node, Fatal> {
        let place = place(&span.start);
        if depth > DEPTH_MAX {
            return Err(Fatal(place, Problem::TooDeep));
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_properties(anchor, tag.is_some(), place)?;
                match style {
                    ScalarStyle::Plain => plain_scalar(&text),
                    _ => NodeValue::String(text.into_owned()),
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_properties(anchor, tag.is_some(), place)?;
                NodeValue::Seq(self.elements(depth)?)
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_properties(anchor, tag.is_some(), place)?;
                NodeValue::Map(self.entries(depth)?)
            }
            Event::Alias(_) => return Err(Fatal(place, Problem::AnchorOrAlias)),
            _ => {
                return Err(Fatal(
                    place,
                    Problem::Syntax("unexpected end of a value".to_owned()),
                ));
            }
        };
        Ok(Node { value, place })
    }

    fn elements(&mut self, depth: usize) -> Result<Vec<Node>, Fatal> {
        let mut nodes = Vec::new();
        loop {
            match self.next_event()? {
                (Event::SequenceEnd, _) => return Ok(nodes),
                (event, span) => nodes.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Fatal> {
        let mut entries = Vec::new();
        let mut lines = HashMap::new();
        loop {
            let key = match self.next_event()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, _, anchor, tag), span) => {
                    let place = place(&span.start);
                    refuse_properties(anchor, tag.is_some(), place)?;
                    Key {
                        text: text.into_owned(),
                        place,
                    }
                }
                (Event::Alias(_), span) => {
                    return Err(Fatal(place(&span.start), Problem::AnchorOrAlias));
                }
                (_, span) => return Err(Fatal(place(&span.start), Problem::KeyNotText)),
            };
            let node = self.next_node(depth + 1)?;
            match lines.get(&key.text) {
                None => {
                    lines.insert(key.text.clone(), key.place.line);
                    entries.push((key, node));
                }
                Some(&first_line) => self.problems.report(
                    key.place,
                    Problem::DuplicateKey {
                        key: key.text,
                        first_line,
                    },
                ),
            }
        }
    }
}

fn refuse_properties(anchor: usize, tagged: bool, place: Place) -> Result<(), Fatal> {
    if anchor != 0 {
        return Err(Fatal(place, Problem::AnchorOrAlias));
    }
    if tagged {
        return Err(Fatal(place, Problem::Tag));
    }
    Ok(())
}

fn place(marker: &Marker) -> Place {
    let from_one = |index: usize| u32::try_from(index).unwrap_or(u32::MAX).max(1);
    Place {
        line: from_one(marker.line()),
        column: from_one(marker.col().saturating_add(1)),
    }
}

/// The core schema of YAML 1.2.
pub(super) fn plain_scalar(text: &str) -> NodeValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => NodeValue::Null,
        "true" | "True" | "TRUE" => NodeValue::Bool(true),
        "false" | "False" | "FALSE" => NodeValue::Bool(false),
        _ => number(text).unwrap_or_else(|| NodeValue::String(text.to_owned())),
    }
}

fn number(text: &str) -> Option<NodeValue> {
    if let Some(digits) = text.strip_prefix("0x") {
        // `from_str_radix` alone would take a sign behind the prefix.
        let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return hex
            .then(|| i128::from_str_radix(digits, 16).ok())?
            .map(NodeValue::Int);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => {
            let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
            return Some(NodeValue::Float(sign * f64::INFINITY));
        }
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => {
            return Some(NodeValue::Float(f64::NAN));
        }
        _ => {}
    }
    // Rust also reads `inf`, `infinity` and `nan`, which are text here.
    let starts_as_number = unsigned.starts_with(|first: char| first.is_ascii_digit())
        || unsigned
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    if !starts_as_number {
        return None;
    }
    let whole = text.parse().map(NodeValue::Int);
    whole.or_else(|_| text.parse().map(NodeValue::Float)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        let problems = Problems::default();
        let node = parse(text, &problems);
        assert_eq!(problems.take(), [], "{text}");
        node.unwrap()
    }

    fn problems_of(text: &str) -> Vec<(Place, Problem)> {
        let problems = Problems::default();
        parse(text, &problems);
        problems.take()
    }

    fn value(text: &str) -> NodeValue {
        tree(&format!("k: {text}")).get("k").unwrap().value.clone()
    }

    #[test]
    fn quoted_number_then_text() {
        assert_eq!(value("5"), NodeValue::Int(5));
        assert_eq!(value("'5'"), NodeValue::String("5".to_owned()));
        assert_eq!(value("\"true\""), NodeValue::String("true".to_owned()));
    }

    #[test]
    fn yaml_1_1_words_then_text() {
        for word in [
            "no", "on", "yes", "off", "inf", "nan", "1_000", "1e5x", "0x", "0x-1", ".",
        ] {
            assert_eq!(value(word), NodeValue::String(word.to_owned()), "{word}");
        }
    }

    #[test]
    fn plain_scalars_then_core_schema() {
        assert_eq!(value("~"), NodeValue::Null);
        assert_eq!(
            value("-9223372036854775808"),
            NodeValue::Int(i64::MIN.into())
        );
        assert_eq!(value("0x51"), NodeValue::Int(0x51));
        assert_eq!(value("1.5e3"), NodeValue::Float(1500.0));
        assert_eq!(value("-.inf"), NodeValue::Float(f64::NEG_INFINITY));
        assert_eq!(value("False"), NodeValue::Bool(false));
    }

    #[test]
    fn every_value_and_key_then_place() {
        let root = tree("a: 1\nbé: [x,  {c: y}]\n");
        let entries = root.as_map().unwrap();
        assert_eq!(entries[1].0.place, Place { line: 2, column: 1 });
        let list = root.get("bé").unwrap();
        assert_eq!(list.place, Place { line: 2, column: 5 });
        assert_eq!(
            list.as_seq().unwrap()[0].place,
            Place { line: 2, column: 6 }
        );
        let inner = list.as_seq().unwrap()[1].get("c").unwrap();
        assert_eq!(
            inner.place,
            Place {
                line: 2,
                column: 14
            }
        );
    }

    #[test]
    fn duplicate_key_then_reported_and_first_kept() {
        let found = problems_of("a: 1\nb: 2\na: 3\n");
        assert_eq!(
            found,
            [(
                Place { line: 3, column: 1 },
                Problem::DuplicateKey {
                    key: "a".to_owned(),
                    first_line: 1
                }
            )]
        );
    }

    #[test]
    fn anchor_alias_or_tag_then_refused() {
        for text in ["a: &x 1", "a: *x", "a: &x [1]", "? *x\n: 1"] {
            let found = problems_of(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
        }
        assert_eq!(problems_of("a: !!str 1")[0].1, Problem::Tag);
        assert_eq!(problems_of("a: &x 1")[0].1, Problem::AnchorOrAlias);
    }

    #[test]
    fn second_document_then_refused_where_it_starts() {
        let found = problems_of("a: 1\n---\nb: 2\n");
        assert_eq!(
            found,
            [(Place { line: 2, column: 1 }, Problem::SeveralDocuments)]
        );
    }

    #[test]
    fn nesting_over_the_limit_then_refused() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(problems_of(&deep(DEPTH_MAX)), []);
        assert_eq!(problems_of(&deep(DEPTH_MAX + 1)).len(), 1);
        let lists_in_blocks = format!("{}{}", "- ".repeat(DEPTH_MAX), deep(DEPTH_MAX));
        assert_eq!(problems_of(&lists_in_blocks)[0].1, Problem::TooDeep);
        assert_eq!(problems_of(&"[".repeat(200_000)).len(), 1);
        assert_eq!(problems_of(&"- ".repeat(200_000)).len(), 1);
    }
}

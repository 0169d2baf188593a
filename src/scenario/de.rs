//! serde over a [`Node`]: what is wrong is reported with its place, and unknown keys do not hide what else is wrong.

use std::{fmt, marker::PhantomData};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor, value::StrDeserializer,
};

use super::{
    load_error::Problems,
    names,
    node::{Key, Node, NodeValue, Place},
    problem::Problem,
};

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
    T::deserialize(VariantReader {
        name: &key.text,
        place: key.place,
        content,
        problems,
    })
    .ok()
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
enum ReadError {
    Reported,
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

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    problems: &'a Problems,
}

impl Reader<'_> {
    /// Types that refuse a value after it was read leave the place to whoever asked for them.
    fn deserialize<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        self.place(seed.deserialize(self))
    }

    fn wrong_type(self, expected: &str) -> ReadError {
        wrong_type(self.node, expected, self.problems);
        ReadError::Reported
    }

    /// Gives what a visitor refused the place of this value.
    fn place<T>(self, result: Result<T, ReadError>) -> Result<T, ReadError> {
        result.map_err(|error| error.report_at(self.node.place, self.problems))
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ident;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            let number = match self.node.value {
                NodeValue::Int(number) => $type::try_from(number).ok(),
                _ => None,
            };
            match number {
                Some(number) => self.place(visitor.$visit(number)),
                None => Err(self.wrong_type(&format!(
                    "an integer from {} to {}", $type::MIN, $type::MAX
                ))),
            }
        })+
    };
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    integers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.value {
            NodeValue::Null => self.place(visitor.visit_unit()),
            NodeValue::Bool(value) => self.place(visitor.visit_bool(*value)),
            NodeValue::Int(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => self.place(visitor.visit_i64(number)),
                (_, Ok(number)) => self.place(visitor.visit_u64(number)),
                _ => Err(self.wrong_type("a number of 64 bits")),
            },
            NodeValue::Float(number) => self.place(visitor.visit_f64(*number)),
            NodeValue::String(text) => self.place(visitor.visit_str(text)),
            NodeValue::Seq(_) => self.deserialize_seq(visitor),
            NodeValue::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.value {
            NodeValue::Bool(value) => self.place(visitor.visit_bool(value)),
            _ => Err(self.wrong_type("`true` or `false`")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.value {
            NodeValue::Float(number) => self.place(visitor.visit_f64(number)),
            NodeValue::Int(number) => self.place(visitor.visit_f64(number as f64)),
            _ => Err(self.wrong_type("a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.value {
            NodeValue::String(text) => self.place(visitor.visit_str(text)),
            NodeValue::Int(_) | NodeValue::Float(_) | NodeValue::Bool(_) => {
                Err(self.wrong_type("text (in quotes, as it would read as something else)"))
            }
            _ => Err(self.wrong_type("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.value {
            NodeValue::Null => self.place(visitor.visit_none()),
            _ => self.place(visitor.visit_some(self)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.value {
            NodeValue::Null => self.place(visitor.visit_unit()),
            _ => Err(self.wrong_type("nothing")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.place(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Some(nodes) = self.node.as_seq() else {
            return Err(self.wrong_type("a list"));
        };
        let elements = Elements {
            nodes: nodes.iter(),
            problems: self.problems,
        };
        self.place(visitor.visit_seq(elements))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Some(entries) = self.node.as_map() else {
            return Err(self.wrong_type("a map"));
        };
        self.place(visitor.visit_map(Entries::new(entries, None, self.problems)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Some(entries) = self.node.as_map() else {
            return Err(self.wrong_type("a map"));
        };
        refuse_unknown_keys(entries, fields, self.problems);
        self.place(visitor.visit_map(Entries::new(entries, Some(fields), self.problems)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let (text, place, content) = match &self.node.value {
            NodeValue::String(text) => (text, self.node.place, None),
            NodeValue::Map(entries) => match entries.as_slice() {
                [(key, content)] => (&key.text, key.place, Some(content)),
                _ => return Err(self.wrong_type("a map of exactly one key")),
            },
            _ => {
                let valid = names::list(&owned(variants));
                return Err(self.wrong_type(&format!("one of {valid}")));
            }
        };
        let variant = VariantReader {
            name: text,
            place,
            content,
            problems: self.problems,
        };
        de::Deserializer::deserialize_enum(variant, name, variants, visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit_struct tuple tuple_struct ignored_any
    }
}

struct Elements<'a> {
    nodes: std::slice::Iter<'a, Node>,
    problems: &'a Problems,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let problems = self.problems;
        self.nodes
            .next()
            .map(|node| Reader { node, problems }.deserialize(seed))
            .transpose()
    }
}

/// The entries of a map; those with other keys than `known` were reported already and are left out.
struct Entries<'a> {
    entries: std::slice::Iter<'a, (Key, Node)>,
    known: Option<&'static [&'static str]>,
    value: Option<&'a Node>,
    problems: &'a Problems,
}

impl<'a> Entries<'a> {
    fn new(
        entries: &'a [(Key, Node)],
        known: Option<&'static [&'static str]>,
        problems: &'a Problems,
    ) -> Self {
        Entries {
            entries: entries.iter(),
            known,
            value: None,
            problems,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let known = self.known;
        let is_known = |key: &Key| known.is_none_or(|known| known.contains(&key.text.as_str()));
        let Some((key, node)) = self.entries.find(|(key, _)| is_known(key)) else {
            return Ok(None);
        };
        self.value = Some(node);
        let text: StrDeserializer<'_, ReadError> = key.text.as_str().into_deserializer();
        seed.deserialize(text)
            .map(Some)
            .map_err(|error| error.report_at(key.place, self.problems))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some(node) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        let problems = self.problems;
        Reader { node, problems }.deserialize(seed)
    }
}

/// A variant's name, and what stands behind it if anything does.
#[derive(Clone, Copy)]
struct VariantReader<'a> {
    name: &'a str,
    place: Place,
    content: Option<&'a Node>,
    problems: &'a Problems,
}

impl<'de> de::Deserializer<'de> for VariantReader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_enum(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor
            .visit_enum(self)
            .map_err(|error| error.report_at(self.place, self.problems))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for VariantReader<'_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let name: StrDeserializer<'_, ReadError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for VariantReader<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.content {
            None => Ok(()),
            Some(content) => {
                let expected = format!("nothing behind `{}`", self.name);
                wrong_type(content, &expected, self.problems);
                Err(ReadError::Reported)
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        let problems = self.problems;
        match self.content {
            Some(node) => Reader { node, problems }.deserialize(seed),
            None => seed.deserialize(Absent(self)),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let problems = self.problems;
        match self.content {
            Some(node) => de::Deserializer::deserialize_seq(Reader { node, problems }, visitor),
            None => Err(Absent(self).needs_value()),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let problems = self.problems;
        match self.content {
            Some(node) => {
                de::Deserializer::deserialize_struct(Reader { node, problems }, "", fields, visitor)
            }
            None => de::Deserializer::deserialize_struct(Absent(self), "", fields, visitor),
        }
    }
}

/// What stands behind a bare word: all defaults where that makes a value.
struct Absent<'a>(VariantReader<'a>);

impl Absent<'_> {
    fn needs_value(self) -> ReadError {
        ReadError::Unplaced(Problem::NeedsValue(self.0.name.to_owned()))
    }
}

impl<'de> de::Deserializer<'de> for Absent<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, ReadError> {
        Err(self.needs_value())
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let nothing = Entries::new(&[], Some(fields), self.0.problems);
        // A struct that has required fields does not come out of nothing.
        visitor.visit_map(nothing).map_err(|_| self.needs_value())
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

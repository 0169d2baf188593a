//! One value, as serde reads it.

use serde::de::{
    self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor, value::StrDeserializer,
};

use super::{
    super::{
        load_error::Problems,
        names,
        node::{Key, Node, NodeValue},
    },
    ReadError, owned, refuse_unknown_keys,
    variant::VariantReader,
    wrong_type,
};

/// Reads one value.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The value.
    pub node: &'a Node,
    /// Where problems go.
    pub problems: &'a Problems,
}

impl Reader<'_> {
    /// Types that refuse a value after it was read leave the place to whoever asked for them.
    pub fn deserialize<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
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
        let word;
        let (key, content) = match &self.node.value {
            NodeValue::String(text) => {
                word = Key {
                    text: text.clone(),
                    place: self.node.place,
                };
                (&word, None)
            }
            NodeValue::Map(entries) => match entries.as_slice() {
                [(key, content)] => (key, Some(content)),
                _ => return Err(self.wrong_type("a map of exactly one key")),
            },
            _ => {
                let valid = names::list(&owned(variants));
                return Err(self.wrong_type(&format!("one of {valid}")));
            }
        };
        let variant = VariantReader::new(key, content, self.problems);
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
pub struct Entries<'a> {
    entries: std::slice::Iter<'a, (Key, Node)>,
    known: Option<&'static [&'static str]>,
    value: Option<&'a Node>,
    problems: &'a Problems,
}

impl<'a> Entries<'a> {
    /// Entries to read; all of them where no keys are known.
    pub fn new(
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

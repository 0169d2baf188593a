//! One variant of an enum, as serde reads it: a bare word, or a key with something behind it.

use serde::de::{
    self, DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
    value::StrDeserializer,
};

use super::{
    super::{
        load_error::Problems,
        node::{Key, Node, NodeValue, Place},
        problem::Problem,
    },
    ReadError,
    reader::{Entries, Reader},
    wrong_type,
};

/// A variant's name, and what stands behind it if anything does.
#[derive(Clone, Copy)]
pub struct VariantReader<'a> {
    name: &'a str,
    place: Place,
    content: Option<&'a Node>,
    problems: &'a Problems,
}

impl<'a> VariantReader<'a> {
    /// A bare word, or a key and its value; `word:` with nothing behind it is a bare word too.
    pub fn new(key: &'a Key, content: Option<&'a Node>, problems: &'a Problems) -> Self {
        VariantReader {
            name: &key.text,
            place: key.place,
            content: content.filter(|node| node.value != NodeValue::Null),
            problems,
        }
    }
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

//! The words that a type reads, asked of its own `Deserialize`, so that no list of them stands twice.

use std::fmt;

use serde::de::{self, DeserializeOwned, Visitor};

/// The names of an enum's variants, or of a struct's fields, as files write them; empty for any other type.
pub fn words_of<T: DeserializeOwned>() -> &'static [&'static str] {
    match T::deserialize(Probe) {
        Err(Words(words)) => words,
        Ok(_) => &[],
    }
}

struct Probe;

#[derive(Debug)]
struct Words(&'static [&'static str]);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for Words {}

impl de::Error for Words {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Words(&[])
    }
}

impl<'de> de::Deserializer<'de> for Probe {
    type Error = Words;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Words> {
        Err(Words(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Words> {
        Err(Words(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Words> {
        Err(Words(variants))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{HttpAnswer, Probe as AliveProbe};

    #[test]
    fn struct_or_enum_then_its_words_in_order() {
        assert_eq!(words_of::<AliveProbe>(), ["serves-a-new-session"]);
        assert_eq!(words_of::<HttpAnswer>(), ["status"]);
        assert_eq!(words_of::<u32>(), [""; 0]);
    }
}

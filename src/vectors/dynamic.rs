//! Messages by name: protobuf's JSON mapping, and the two byte orders that the vectors list.

use prost::{Message, encoding::encode_varint};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage as _, SerializeOptions,
    Value as Field,
};
use serde_json::Value;

use crate::wire::{SyncStreamItem, descriptor_pool, item_descriptor};

/// Wire type of eight bytes.
const FIXED64: u64 = 1;
/// Wire type of a length, then as many bytes.
const LEN: u64 = 2;

pub(super) fn descriptor(name: &str) -> Result<MessageDescriptor, String> {
    descriptor_pool()
        .get_message_by_name(name)
        .ok_or_else(|| format!("no message named {name:?}"))
}

/// Reads protobuf JSON; unknown fields are errors.
pub(super) fn from_json(
    descriptor: &MessageDescriptor,
    json: &Value,
) -> Result<DynamicMessage, String> {
    let mut message =
        DynamicMessage::deserialize(descriptor.clone(), json).map_err(|error| error.to_string())?;
    use_go_nan(&mut message);
    Ok(message)
}

/// JSON's `"NaN"` has no bits of its own; the vectors list those of Go's `math.NaN`.
fn use_go_nan(message: &mut DynamicMessage) {
    for (_, value) in message.fields_mut() {
        match value {
            Field::F64(number) if number.is_nan() => {
                *number = f64::from_bits(0x7ff8_0000_0000_0001)
            }
            Field::Message(inner) => use_go_nan(inner),
            Field::List(items) => items
                .iter_mut()
                .filter_map(Field::as_message_mut)
                .for_each(use_go_nan),
            _ => {}
        }
    }
}

/// Reads bytes that [`crate::wire::decode`] let pass.
pub(super) fn from_bytes(
    descriptor: &MessageDescriptor,
    bytes: &[u8],
) -> Result<DynamicMessage, String> {
    DynamicMessage::decode(descriptor.clone(), bytes).map_err(|error| error.to_string())
}

/// Writes protobuf JSON: 64-bit numbers as strings, enums by name, defaults left out.
pub(super) fn to_json(message: &DynamicMessage) -> Result<Value, String> {
    let mut json = message
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .map_err(|error| error.to_string())?;
    restore_negative_zero(message, &mut json);
    Ok(json)
}

/// Minus zero is not a double's default, but equals it: prost and prost-reflect keep it when they decode, and leave it
/// out when they write.
fn restore_negative_zero(message: &DynamicMessage, json: &mut Value) {
    for (field, value) in present_fields(message) {
        let name = field.json_name().to_owned();
        match value {
            Field::F64(number) if is_negative_zero(number) => json[name] = (-0.0).into(),
            Field::Message(inner) => restore_negative_zero(&inner, &mut json[name]),
            Field::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Field::Message(inner) = item {
                        restore_negative_zero(inner, &mut json[name.as_str()][index]);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_negative_zero(number: f64) -> bool {
    number == 0.0 && number.is_sign_negative()
}

/// The fields to write, in ascending number.
fn present_fields(message: &DynamicMessage) -> Vec<(FieldDescriptor, Field)> {
    let present = |field: &FieldDescriptor, value: &Field| {
        message.has_field(field) || matches!(value, Field::F64(number) if is_negative_zero(*number))
    };
    message
        .descriptor()
        .fields()
        .map(|field| (message.get_field(&field).into_owned(), field))
        .filter(|(value, field)| present(field, value))
        .map(|(value, field)| (field, value))
        .collect()
}

/// Whether two JSON values say the same; a number is the same with and without a fraction of zero.
pub(super) fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Encodes in ascending field number, the order the vectors call canonical.
pub(super) fn encode_canonical(message: &DynamicMessage) -> Vec<u8> {
    encode(present_fields(message), encode_canonical)
}

/// Encodes as Go does: the members of oneofs after all other fields of their message.
pub(super) fn encode_go(message: &DynamicMessage) -> Vec<u8> {
    let (members, mut fields): (Vec<_>, Vec<_>) = present_fields(message)
        .into_iter()
        .partition(|(field, _)| field.containing_oneof().is_some());
    fields.extend(members);
    encode(fields, encode_go)
}

fn encode(
    fields: Vec<(FieldDescriptor, Field)>,
    encode_message: fn(&DynamicMessage) -> Vec<u8>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (field, value) in fields {
        match value {
            Field::Message(inner) => put_len_delimited(&field, &encode_message(&inner), &mut bytes),
            Field::List(items) if field.kind().as_message().is_some() => {
                for item in items.iter().filter_map(Field::as_message) {
                    put_len_delimited(&field, &encode_message(item), &mut bytes);
                }
            }
            Field::F64(number) if is_negative_zero(number) => {
                encode_varint((u64::from(field.number()) << 3) | FIXED64, &mut bytes);
                bytes.extend(number.to_le_bytes());
            }
            plain => {
                let mut alone = DynamicMessage::new(field.parent_message().clone());
                alone.set_field(&field, plain);
                bytes.extend(alone.encode_to_vec());
            }
        }
    }
    bytes
}

fn put_len_delimited(field: &FieldDescriptor, content: &[u8], bytes: &mut Vec<u8>) {
    encode_varint((u64::from(field.number()) << 3) | LEN, bytes);
    encode_varint(content.len() as u64, bytes);
    bytes.extend_from_slice(content);
}

/// The protocol's word for an item's action, such as `receive_config`; `None` when it has none that is known.
pub(super) fn action_name(item: &SyncStreamItem) -> Option<String> {
    let message = from_bytes(item_descriptor(), &item.encode_to_vec()).ok()?;
    let (field, _) = message
        .fields()
        .find(|(field, _)| field.containing_oneof().is_some())?;
    Some(field.name().to_owned())
}

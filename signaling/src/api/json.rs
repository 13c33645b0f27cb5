//! Protobuf's JSON mapping, read as tolerantly and written as completely as LiveKit's server does.
//!
//! Reading takes names in both spellings, numbers as text, enums by name or number, and ignores
//! what it doesn't know. Writing uses the names of the `.proto` files and writes fields that have
//! their default value too, so that scripts find what they look for.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::shape::{Kind, Shape, Shown};

/// Reads a message.
///
/// # Errors
///
/// An error of `serde_json` if the text is no JSON object, or a field has the wrong type.
pub(crate) fn read<M: DeserializeOwned>(text: &[u8]) -> serde_json::Result<M> {
    // First as a map, as the readers of the types would take an array for their fields in order.
    let mut fields: Map<String, Value> = serde_json::from_slice(text)?;
    drop_nulls(&mut fields);
    M::deserialize(Value::Object(fields))
}

/// A `null` stands for a field that isn't there.
fn drop_nulls(fields: &mut Map<String, Value>) {
    fields.retain(|_, value| !value.is_null());
    for value in fields.values_mut() {
        if let Some(values) = value.as_array_mut() {
            let objects = values.iter_mut().filter_map(Value::as_object_mut);
            objects.for_each(drop_nulls);
        } else if let Some(fields) = value.as_object_mut() {
            drop_nulls(fields);
        }
    }
}

/// Writes a message with all its fields.
pub(crate) fn write<M: Shown>(mut message: M) -> Vec<u8> {
    message.drop_unknown();
    let sparse = serde_json::to_value(&message).unwrap_or_default();
    complete(&sparse, M::SHAPE).to_string().into_bytes()
}

fn complete(sparse: &Value, shape: &Shape) -> Value {
    let field = |(name, kind): &(&str, Kind)| {
        let value = sparse.get(camel_case(name)).map_or_else(
            || default(kind),
            |value| match kind {
                Kind::One(shape) => complete(value, shape),
                Kind::Many(shape) => {
                    let values = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    values.iter().map(|value| complete(value, shape)).collect()
                }
                Kind::Text
                | Kind::Number
                | Kind::Long
                | Kind::Flag
                | Kind::Choice(_)
                | Kind::List
                | Kind::Map => value.clone(),
            },
        );
        ((*name).to_owned(), value)
    };
    Value::Object(shape.0.iter().map(field).collect())
}

fn default(kind: &Kind) -> Value {
    match kind {
        Kind::Text => Value::from(""),
        Kind::Number => Value::from(0),
        // 64-bit numbers are text, as JavaScript can't hold them.
        Kind::Long => Value::from("0"),
        Kind::Flag => Value::from(false),
        Kind::Choice(name) => Value::from(*name),
        Kind::One(_) => Value::Null,
        Kind::Many(_) | Kind::List => Value::Array(Vec::new()),
        Kind::Map => Value::Object(Map::new()),
    }
}

/// Turns `num_participants` into `numParticipants`.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        camel.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        camel.extend(chars);
    }
    camel
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;

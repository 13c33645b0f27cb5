//! Configuration as a tree of JSON values: merging sources, finding unknown keys.

use serde_json::{Map, Value};

/// The section whose keys are names chosen by the operator.
const FREE_FORM: &str = "keys";

/// A key that no part of the program reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownKey {
    /// Its full name, dotted.
    pub(super) path: String,
    /// The known key beside it that looks most like it.
    pub(super) nearest: Option<String>,
}

/// Finds the first key of `tree` that `known` does not have.
pub(super) fn unknown_key(tree: &Value, known: &Value) -> Option<UnknownKey> {
    unknown_key_below(tree, known, "")
}

fn unknown_key_below(tree: &Value, known: &Value, above: &str) -> Option<UnknownKey> {
    let (Value::Object(tree), Value::Object(known)) = (tree, known) else {
        return None;
    };
    if above == FREE_FORM {
        return None;
    }
    tree.iter().find_map(|(name, value)| {
        let path = join(above, name);
        match known.get(name) {
            Some(below) => unknown_key_below(value, below, &path),
            None => Some(UnknownKey {
                path,
                nearest: nearest(name, known),
            }),
        }
    })
}

/// Returns the known name with the fewest edits, if it is close enough to be meant.
fn nearest(name: &str, known: &Map<String, Value>) -> Option<String> {
    let distance = |candidate: &String| strsim::damerau_levenshtein(name, candidate);
    let contains =
        |candidate: &String| candidate.contains(name) || name.contains(candidate.as_str());
    known
        .keys()
        .filter(|candidate| distance(candidate) <= name.len().div_ceil(3) || contains(candidate))
        .min_by_key(|candidate| distance(candidate))
        .cloned()
}

fn join(above: &str, name: &str) -> String {
    if above.is_empty() {
        name.to_owned()
    } else {
        format!("{above}.{name}")
    }
}

/// Lays `over` on `base`: objects are merged, everything else is replaced.
pub(super) fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// Makes a tree with `value` at `path` and nothing else.
pub(super) fn at_path(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |below, name| {
        Value::Object(Map::from_iter([(name.clone(), below)]))
    })
}

/// Finds the value at `path`.
pub(super) fn find<'tree>(tree: &'tree Value, path: &[String]) -> Option<&'tree Value> {
    path.iter().try_fold(tree, |tree, name| tree.get(name))
}

//! The JSON Schema of scenario files, for editors.
//!
//! Made from the same tables of keys as the reader, not derived from Rust types: the reader does not go through types
//! (see `input::sheet`), and a second description would drift from it.

use serde_json::{Map, Value, json};

use crate::Problem;
use crate::input::keys::market::{LISTS, PARAMETERS, UTILITY};
use crate::input::keys::pivot::{FAMILIES as WAYS, MOST_TYPES};
use crate::input::keys::{Agents, Key, Kind, LAYOUTS, Layout, NAME, Named, Numbers, Pair};
use crate::input::known_mechanism;
use crate::input::market::family::{FAMILIES, Family};

/// The JSON Schema (2020-12) of scenario files of a mechanism, or of all mechanisms.
///
/// It knows what one key can say; what only several together can get wrong (a missing `scaling`, limits that miss the
/// total, equal names) is found by [`load`](crate::load).
///
/// # Errors
/// There is no mechanism of that name; the nearest is suggested.
pub fn schema(mechanism: Option<&str>) -> Result<Value, Problem> {
    let mut root = match mechanism {
        Some(name) => {
            let name = known_mechanism(name)?;
            let layout =
                Layout::of(name).ok_or_else(|| Problem::new(format!("mechanism `{name}` has no schema")))?;
            file(layout)
        }
        None => json!({ "oneOf": LAYOUTS.iter().map(|layout| file(layout)).collect::<Vec<_>>() }),
    };
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    Ok(root)
}

/// The schema of one mechanism's files.
fn file(layout: &Layout) -> Value {
    if layout.families.is_empty() { plain(layout) } else { families(layout) }
}

/// One schema for each family: the word in `[pivot]` decides which keys follow.
fn families(layout: &Layout) -> Value {
    let files = layout.families.iter().zip(WAYS).enumerate().map(|(index, (family, name))| {
        let mut root = plain(family);
        let section = &mut root["properties"][layout.mechanism];
        section["properties"]["family"]["enum"] = json!([name]);
        if index > 0 {
            // The first family holds if none is named.
            if let Some(required) = section["required"].as_array_mut() {
                required.push(json!("family"));
            }
            if let Some(family) = section["properties"]["family"].as_object_mut() {
                family.remove("default");
            }
        }
        root["title"] = json!(format!("Vickrey scenario: {}, family {name}", layout.mechanism));
        root
    });
    json!({ "oneOf": files.collect::<Vec<_>>() })
}

fn plain(layout: &Layout) -> Value {
    let mut root = object(layout.file);
    root["title"] = json!(format!("Vickrey scenario: {}", layout.mechanism));
    root["description"] = json!(
        "Quantities: consumption is positive, production negative. Payments: positive is paid by the agent."
    );
    root["properties"]["mechanism"]["enum"] = json!([layout.mechanism]);
    root
}

fn object(keys: &[Key]) -> Value {
    closed_object(keys.iter().map(|key| (key.name, property(key), key.required)))
}

/// A table that takes these keys and no others.
fn closed_object(keys: impl Iterator<Item = (&'static str, Value, bool)>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, value, is_required) in keys {
        properties.insert(name.to_owned(), value);
        if is_required {
            required.push(name);
        }
    }
    let mut object = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn property(key: &Key) -> Value {
    let mut value = kind(&key.kind);
    let unit = key.unit.map_or_else(String::new, |unit| format!(" Unit: {unit}, as labelled in [units]."));
    value["description"] = json!(format!("{}{unit}", key.about));
    if let Some(default) = key.default.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        value["default"] = default;
    }
    value
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Whole { low, high } => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Number { low, high } => json!({ "type": "number", "minimum": low, "maximum": high }),
        Kind::Numbers(of) => numbers(of),
        Kind::Choice(words) => json!({ "type": "string", "enum": words }),
        Kind::WholeOr { low, high, words } => json!({ "anyOf": [
            { "type": "integer", "minimum": low, "maximum": high },
            { "type": "string", "enum": words },
        ] }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Names => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::NamesOrCount => json!({ "anyOf": [
            { "type": "array", "minItems": 1, "items": { "type": "string" } },
            { "type": "integer", "minimum": 1, "maximum": MOST_TYPES },
        ] }),
        Kind::Named(of) => named(of, of.levels),
        Kind::NumberOr(words) => {
            json!({ "anyOf": [{ "type": "number" }, { "type": "string", "enum": words }] })
        }
        Kind::OneOf(kinds) => json!({ "anyOf": kinds.iter().map(self::kind).collect::<Vec<_>>() }),
        Kind::List(of) => json!({ "type": "array", "minItems": 1, "items": self::kind(of) }),
        Kind::ByName(of) => json!({ "type": "object", "additionalProperties": self::kind(of) }),
        Kind::Pairs(pair) => pairs(pair),
        Kind::Section(keys) => object(keys),
        Kind::Agents(Agents::OfFamilies) => {
            json!({ "type": "array", "items": { "oneOf": FAMILIES.iter().map(agent).collect::<Vec<_>>() } })
        }
        Kind::Agents(Agents::Of(keys)) => {
            let keys = keys.iter().copied().flatten();
            let keys = keys.map(|key| (key.name, property(key), key.name == NAME.name));
            json!({ "type": "array", "items": closed_object(keys) })
        }
        Kind::Agents(Agents::Complete(keys)) => {
            let keys = keys.iter().copied().flatten();
            let keys = keys.map(|key| (key.name, property(key), key.required));
            json!({ "type": "array", "items": closed_object(keys) })
        }
    }
}

/// Numbers as deep in lists as the parameter may have them.
fn numbers(kind: &Numbers) -> Value {
    let mut depths: Vec<usize> = kind.block.depths().to_vec();
    if kind.over_time {
        depths.extend(kind.block.depths().iter().map(|depth| depth + 1));
    }
    depths.sort_unstable();
    depths.dedup();
    let mut options: Vec<Value> = depths.into_iter().map(|depth| nested(kind, depth)).collect();
    if options.len() == 1 { options.swap_remove(0) } else { json!({ "anyOf": options }) }
}

fn nested(kind: &Numbers, depth: usize) -> Value {
    let range = kind.range;
    let mut value = json!({ "type": "number" });
    // Lists of lists are matrices, and of those only the library knows what is accepted.
    if depth < 2 {
        let end = |name: &str, end: f64| {
            if range.except == Some(end) {
                format!("exclusive{}{}", name[..1].to_uppercase(), &name[1..])
            } else {
                name.to_owned()
            }
        };
        value[end("minimum", range.low)] = json!(range.low);
        value[end("maximum", range.high)] = json!(range.high);
    }
    for _ in 0..depth {
        value = json!({ "type": "array", "minItems": 1, "items": value });
    }
    value
}

/// Numbers in lists, and tables by name around them.
fn named(kind: &Named, levels: usize) -> Value {
    let number = json!({ "type": "number", "minimum": kind.range.low, "maximum": kind.range.high });
    let mut options: Vec<Value> = kind
        .depths
        .iter()
        .map(|&depth| {
            (0..depth)
                .fold(number.clone(), |inner, _| json!({ "type": "array", "minItems": 1, "items": inner }))
        })
        .collect();
    if !kind.words.is_empty() {
        options.push(json!({ "type": "string", "enum": kind.words }));
    }
    for (name, keys) in kind.functions {
        let function = closed_object([(*name, object(keys), true)].into_iter());
        options.push(function);
    }
    if levels > 0 {
        options.push(json!({ "type": "object", "additionalProperties": named(kind, levels - 1) }));
    }
    if options.len() == 1 { options.swap_remove(0) } else { json!({ "anyOf": options }) }
}

fn pairs(pair: &Pair) -> Value {
    let part = |name: &str, lowest: Option<f64>| {
        let mut number = json!({ "type": "number", "title": name });
        if let Some(lowest) = lowest {
            number["exclusiveMinimum"] = json!(lowest);
        }
        number
    };
    let [first, second] = [part(pair.names[0], pair.above), part(pair.names[1], None)];
    let item = json!({ "type": "array", "prefixItems": [first, second], "items": false, "minItems": 2, "maxItems": 2 });
    json!({ "type": "array", "minItems": 1, "items": item })
}

/// An agent whose utility is of this family.
fn agent(family: &Family) -> Value {
    let mut utility = property(&UTILITY);
    utility["const"] = json!(family.name);
    let parameters = family
        .parameters()
        .map(|p| (PARAMETERS[p].name, property(&PARAMETERS[p]), family.required.contains(&p)));
    // One of two lists is enough, and blocks may come from a table; a single list is needed.
    let lists =
        family.lists.iter().map(|&list| (LISTS[list].name, property(&LISTS[list]), family.lists.len() == 1));
    let head = [(NAME.name, property(&NAME), true), (UTILITY.name, utility, true)];
    let mut object = closed_object(head.into_iter().chain(parameters).chain(lists));
    object["title"] = json!(family.name);
    object["description"] = json!(family.about);
    object
}

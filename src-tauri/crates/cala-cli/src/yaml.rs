//! A value as YAML, as `info` shows it.

use crate::template::Value;

/// The value as a YAML document.
pub(crate) fn document(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Struct(structure) => {
            entries(out, structure.fields.iter().map(|(name, value)| (name.as_str(), value)), depth);
        }
        Value::Map(map) => entries(out, map.iter().map(|(name, value)| (name.as_str(), value)), depth),
        Value::List(items) => {
            for item in items.iter() {
                let mut inner = String::new();
                write(&mut inner, item, depth + 1);
                let inner = if is_nested(item) { inner } else { scalar(item) + "\n" };
                out.push_str(&"  ".repeat(depth));
                out.push_str("- ");
                out.push_str(inner.trim_start_matches(' '));
            }
        }
        _ => {}
    }
}

fn entries<'a>(out: &mut String, entries: impl Iterator<Item = (&'a str, &'a Value)>, depth: usize) {
    for (name, value) in entries {
        out.push_str(&"  ".repeat(depth));
        out.push_str(&quoted(name));
        out.push(':');
        if is_nested(value) {
            out.push('\n');
            write(out, value, if matches!(value, Value::List(_)) { depth } else { depth + 1 });
        } else {
            out.push(' ');
            out.push_str(&scalar(value));
            out.push('\n');
        }
    }
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Struct(structure) => !structure.fields.is_empty(),
        Value::Map(map) => !map.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Struct(_) | Value::Map(_) => "{}".into(),
        Value::List(_) => "[]".into(),
        Value::Nil | Value::NoValue | Value::NilList => "null".into(),
        Value::Text(text) | Value::Time(text) => quoted(text),
        other => other.printed(),
    }
}

/// Text, in quotes when YAML would take it for something else.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|c| c.is_alphanumeric() || " _-./:+,()@".contains(c))
        && text.starts_with(|c: char| c.is_alphabetic() || c == '/')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
    if plain { text.to_owned() } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_yaml() {
        let value = Value::structure(
            "Info",
            vec![
                ("arch".into(), Value::text("amd64")),
                ("version".into(), Value::text("13")),
                ("empty".into(), Value::list(vec![])),
                ("list".into(), Value::list(vec![Value::text("a"), Value::Int(2)])),
                (
                    "maps".into(),
                    Value::list(vec![Value::structure(
                        "M",
                        vec![("x".into(), Value::Int(1)), ("y".into(), Value::Bool(true))],
                    )]),
                ),
                ("deep".into(), Value::structure("D", vec![("k".into(), Value::text(""))])),
            ],
        );
        assert_eq!(
            document(&value),
            "arch: amd64\nversion: \"13\"\nempty: []\nlist:\n- a\n- 2\nmaps:\n- x: 1\n  y: true\ndeep:\n  k: \"\"\n"
        );
    }
}

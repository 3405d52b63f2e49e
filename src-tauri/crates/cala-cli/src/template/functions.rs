//! The functions that templates may call: Go's own, and those of Podman's reports.

use std::fmt::Write as _;

use super::operators;
use super::printf;
use super::value::Value;

/// What a function says when it refuses its arguments.
pub(super) type Answer = Result<Value, String>;

/// Padding and truncation beyond this many characters are refused.
pub(super) const MAX_WIDTH: usize = 1 << 16;

const NAMES: &[&str] = &[
    "and", "eq", "ge", "gt", "html", "index", "join", "js", "json", "le", "len", "lower", "lt", "ne", "not",
    "or", "pad", "print", "printf", "println", "slice", "split", "title", "truncate", "upper", "urlquery",
];

/// Whether there is a function of this name.
pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Calls a function.
pub(super) fn call(name: &str, arguments: &[Value]) -> Answer {
    let arguments = Arguments { name, values: arguments };
    match name {
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" => {
            operators::compare(name, arguments.values).map_err(|e| said(name, &e))
        }
        "not" => Ok(Value::Bool(!arguments.exactly::<1>()?[0].is_true())),
        "len" => len(&arguments),
        "index" => index(&arguments),
        "slice" => slice(&arguments),
        "print" => Ok(Value::text(printf::print(arguments.values))),
        "println" => Ok(Value::text(printf::println(arguments.values))),
        "printf" => print_formatted(&arguments),
        "json" => json(&arguments),
        "html" => Ok(Value::text(html(&printf::print(arguments.values)))),
        "js" => Ok(Value::text(js(&printf::print(arguments.values)))),
        "urlquery" => Ok(Value::text(urlquery(&printf::print(arguments.values)))),
        "join" => join(&arguments),
        "split" => split(&arguments),
        "lower" => Ok(Value::text(arguments.one_text()?.to_lowercase())),
        "upper" => Ok(Value::text(arguments.one_text()?.to_uppercase())),
        "title" => Ok(Value::text(title(arguments.one_text()?))),
        "truncate" => truncate(&arguments),
        "pad" => pad(&arguments),
        _ => Err(format!("function {name:?} not defined")),
    }
}

fn said(name: &str, what: &str) -> String {
    format!("error calling {name}: {what}")
}

struct Arguments<'a> {
    name: &'a str,
    values: &'a [Value],
}

impl<'a> Arguments<'a> {
    fn exactly<const N: usize>(&self) -> Result<&'a [Value; N], String> {
        self.values.try_into().map_err(|_| {
            format!("wrong number of args for {}: want {N} got {}", self.name, self.values.len())
        })
    }

    fn at_least_one(&self) -> Result<(&'a Value, &'a [Value]), String> {
        self.values
            .split_first()
            .ok_or_else(|| format!("wrong number of args for {}: want at least 1 got 0", self.name))
    }

    fn text(&self, value: &'a Value) -> Result<&'a str, String> {
        match value {
            Value::Text(text) | Value::Time(text) => Ok(text),
            Value::NoValue => Ok(""),
            other => Err(self.wrong_type("string", other)),
        }
    }

    fn one_text(&self) -> Result<&'a str, String> {
        self.text(&self.exactly::<1>()?[0])
    }

    fn number(&self, value: &Value) -> Result<i64, String> {
        match value {
            Value::Int(number) => Ok(*number),
            other => Err(self.wrong_type("int", other)),
        }
    }

    fn wrong_type(&self, want: &str, got: &Value) -> String {
        said(self.name, &format!("wrong type for value; expected {want}; got {}", got.type_name()))
    }
}

fn count(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn len(arguments: &Arguments<'_>) -> Answer {
    match &arguments.exactly::<1>()?[0] {
        Value::Text(text) => Ok(count(text.len())),
        Value::List(items) => Ok(count(items.len())),
        Value::NilList => Ok(Value::Int(0)),
        Value::Map(map) => Ok(count(map.len())),
        Value::Nil | Value::NoValue => Err(said("len", "len of nil pointer")),
        other => Err(said("len", &format!("len of type {}", other.type_name()))),
    }
}

fn index(arguments: &Arguments<'_>) -> Answer {
    let (first, keys) = arguments.at_least_one()?;
    let mut value = first.clone();
    for key in keys {
        value = match (&value, key) {
            (Value::Map(map), Value::Text(key)) => {
                map.get(&**key).cloned().unwrap_or_else(|| zero_of(map.values().next()))
            }
            (Value::Map(_), other) => {
                return Err(said(
                    "index",
                    &format!("value has type {}; should be string", other.type_name()),
                ));
            }
            (Value::List(items), Value::Int(at)) => usize::try_from(*at)
                .ok()
                .and_then(|at| items.get(at).cloned())
                .ok_or_else(|| said("index", &format!("index out of range: {at}")))?,
            (Value::Text(text), Value::Int(at)) => usize::try_from(*at)
                .ok()
                .and_then(|at| text.as_bytes().get(at))
                .map(|byte| Value::Int((*byte).into()))
                .ok_or_else(|| said("index", &format!("index out of range: {at}")))?,
            (Value::List(_) | Value::Text(_), other) => {
                return Err(said(
                    "index",
                    &format!("cannot index slice/array with type {}", other.type_name()),
                ));
            }
            (Value::Nil | Value::NoValue, _) => return Err(said("index", "index of untyped nil")),
            (other, _) => {
                return Err(said("index", &format!("can't index item of type {}", other.type_name())));
            }
        };
    }
    Ok(value)
}

/// What Go's typed maps answer for a key they lack; our maps know their type by what they hold.
fn zero_of(sibling: Option<&Value>) -> Value {
    match sibling {
        None | Some(Value::Text(_)) => Value::text(""),
        Some(Value::Int(_)) => Value::Int(0),
        Some(Value::Bool(_)) => Value::Bool(false),
        Some(_) => Value::NoValue,
    }
}

fn slice(arguments: &Arguments<'_>) -> Answer {
    let (first, bounds) = arguments.at_least_one()?;
    let length = match first {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        other => return Err(said("slice", &format!("can't slice item of type {}", other.type_name()))),
    };
    if bounds.len() > 2 {
        return Err(said("slice", "too many slice indexes"));
    }
    let mut limits = [0, length];
    for (limit, bound) in limits.iter_mut().zip(bounds) {
        let at = arguments.number(bound)?;
        *limit = usize::try_from(at)
            .ok()
            .filter(|at| *at <= length)
            .ok_or_else(|| said("slice", &format!("index out of range: {at}")))?;
    }
    let [from, to] = limits;
    if from > to {
        return Err(said("slice", &format!("invalid slice index: {from} > {to}")));
    }
    match first {
        Value::List(items) => Ok(Value::list(items[from..to].to_vec())),
        Value::Text(text) => {
            Ok(Value::text(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()))
        }
        _ => Ok(Value::NoValue),
    }
}

fn print_formatted(arguments: &Arguments<'_>) -> Answer {
    let (format, values) = arguments.at_least_one()?;
    Ok(Value::text(printf::printf(arguments.text(format)?, values)))
}

fn json(arguments: &Arguments<'_>) -> Answer {
    let value = &arguments.exactly::<1>()?[0];
    serde_json::to_string(value).map(Value::text).map_err(|error| said("json", &error.to_string()))
}

fn join(arguments: &Arguments<'_>) -> Answer {
    let [list, separator] = arguments.exactly::<2>()?;
    let separator = arguments.text(separator)?;
    match list {
        Value::List(items) => {
            let words: Vec<String> = items.iter().map(Value::printed).collect();
            Ok(Value::text(words.join(separator)))
        }
        Value::Nil | Value::NoValue | Value::NilList => Ok(Value::text("")),
        // `.Names` of `ps` prints as one word but joins as well.
        Value::Text(text) => Ok(Value::Text(text.clone())),
        other => Err(arguments.wrong_type("[]string", other)),
    }
}

fn split(arguments: &Arguments<'_>) -> Answer {
    let [text, separator] = arguments.exactly::<2>()?;
    let (text, separator) = (arguments.text(text)?, arguments.text(separator)?);
    let words = if separator.is_empty() {
        text.chars().map(|c| Value::text(c.to_string())).collect()
    } else {
        text.split(separator).map(Value::text).collect()
    };
    Ok(Value::list(words))
}

/// Each word with a capital first letter, the rest as it is (Go's strings.Title).
fn title(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .flat_map(|c| {
            let upper = !inside;
            inside = c.is_alphanumeric() || c == '_' || c == '\'';
            let changed: Vec<char> = if upper { c.to_uppercase().collect() } else { vec![c] };
            changed
        })
        .collect()
}

fn truncate(arguments: &Arguments<'_>) -> Answer {
    let [text, length] = arguments.exactly::<2>()?;
    let length = usize::try_from(arguments.number(length)?).unwrap_or(0);
    let text = arguments.text(text)?;
    Ok(Value::text(text.chars().take(length).collect::<String>()))
}

fn pad(arguments: &Arguments<'_>) -> Answer {
    let [text, before, after] = arguments.exactly::<3>()?;
    let width = |value| {
        let number = arguments.number(value)?;
        usize::try_from(number)
            .ok()
            .filter(|width| *width <= MAX_WIDTH)
            .ok_or_else(|| said("pad", &format!("width out of range: {number}")))
    };
    let text = arguments.text(text)?;
    let (before, after) = (width(before)?, width(after)?);
    // As in Podman: no text, no padding.
    if text.is_empty() {
        return Ok(Value::text(""));
    }
    Ok(Value::text(format!("{}{text}{}", " ".repeat(before), " ".repeat(after))))
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => {
                out.push('\\');
                out.push(c);
            }
            '<' | '>' | '&' | '=' => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c if c.is_control() => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

fn urlquery(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            byte => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}

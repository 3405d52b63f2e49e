//! What templates are executed over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use serde::Serialize;
use serde::ser::{SerializeMap as _, SerializeSeq as _, Serializer};

/// A value of a template. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A key that a map does not have; printed as `<no value>`.
    NoValue,
    /// `nil`, JSON's null.
    Nil,
    /// A list that is not there: printed as an empty list, null in JSON.
    NilList,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(Rc<str>),
    /// A moment: RFC 3339 in JSON, Go's form when printed.
    Time(Rc<str>),
    /// A list.
    List(Rc<Vec<Value>>),
    /// A map; an unknown key is no error.
    Map(Rc<BTreeMap<String, Value>>),
    /// A structure with fields in their order; an unknown field is an error.
    Struct(Rc<Structure>),
    /// What a method with one argument answers by key, such as `.Label "name"`.
    Lookup(Rc<BTreeMap<String, Value>>),
}

/// The name and the fields of a structure.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// Its type's name, for errors.
    pub name: String,
    /// Its fields in their order.
    pub fields: Vec<(String, Value)>,
}

impl Value {
    /// A value of anything serialisable.
    pub fn of<T: Serialize + ?Sized>(data: &T) -> Self {
        super::serialize::to_value(data)
    }

    /// Text.
    pub fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A list.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(items))
    }

    /// A structure of named fields.
    #[must_use]
    pub fn structure(name: &str, fields: Vec<(String, Self)>) -> Self {
        Self::Struct(Rc::new(Structure { name: name.to_owned(), fields }))
    }

    /// Whether `if` takes it as true: everything but nil, false, 0 and what is empty.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::NoValue | Self::Nil | Self::NilList => false,
            Self::Bool(value) => *value,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) | Self::Lookup(map) => !map.is_empty(),
            Self::Time(_) | Self::Struct(_) => true,
        }
    }

    /// The field of a structure: exact name first, then without regard to case, then by Podman's other names, then
    /// without regard to the underscores of names as JSON has them.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Self> {
        let Self::Struct(structure) = self else {
            return None;
        };
        let find = |wanted: &str| {
            let exact = structure.fields.iter().find(|(field, _)| field == wanted);
            exact.or_else(|| structure.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(wanted)))
        };
        let joined = || {
            let same = |field: &str| {
                let letters = field.bytes().filter(|byte| *byte != b'_');
                letters
                    .map(|byte| byte.to_ascii_lowercase())
                    .eq(name.bytes().map(|byte| byte.to_ascii_lowercase()))
            };
            structure.fields.iter().find(|(field, _)| field.contains('_') && same(field))
        };
        find(name).or_else(|| find(other_name(name)?)).or_else(joined).map(|(_, value)| value.clone())
    }

    /// The name of its type, for errors.
    #[must_use]
    pub fn type_name(&self) -> &str {
        match self {
            Self::NoValue | Self::Nil => "nil",
            Self::NilList => "list",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Time(_) => "time.Time",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Struct(structure) => &structure.name,
            Self::Lookup(_) => "method",
        }
    }

    /// The text that an action prints.
    #[must_use]
    pub fn printed(&self) -> String {
        let mut out = String::new();
        match self {
            Self::NoValue | Self::Nil => out.push_str("<no value>"),
            other => other.print_into(&mut out, false),
        }
        out
    }

    /// Go's `%v`, with field names for `%+v`.
    pub(super) fn print_into(&self, out: &mut String, names: bool) {
        match self {
            Self::NoValue => out.push_str("<no value>"),
            Self::Nil => out.push_str("<nil>"),
            Self::NilList => out.push_str("[]"),
            Self::Bool(value) => _ = write!(out, "{value}"),
            Self::Int(number) => _ = write!(out, "{number}"),
            Self::Float(number) => out.push_str(&float(*number)),
            Self::Text(text) => out.push_str(text),
            Self::Time(text) => out.push_str(&go_time(text)),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    item.print_into(out, names);
                }
                out.push(']');
            }
            Self::Map(map) | Self::Lookup(map) => {
                out.push_str("map[");
                for (index, (key, value)) in map.iter().enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    out.push_str(key);
                    out.push(':');
                    value.print_into(out, names);
                }
                out.push(']');
            }
            Self::Struct(structure) => {
                out.push('{');
                let shown = structure.fields.iter().filter(|(_, value)| !matches!(value, Self::Lookup(_)));
                for (index, (name, value)) in shown.enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    if names {
                        out.push_str(name);
                        out.push(':');
                    }
                    value.print_into(out, names);
                }
                out.push('}');
            }
        }
    }
}

/// Go's shortest form of a float: `1.5`, `1e+06` as `%v` prints it from 1e21 on.
pub(super) fn float(number: f64) -> String {
    let exponent = if number == 0.0 { 0.0 } else { number.abs().log10().floor() };
    if number.is_nan() {
        "NaN".into()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else if (-4.0..21.0).contains(&exponent) {
        format!("{number}")
    } else {
        let text = format!("{number:e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, power) = power.strip_prefix('-').map_or(('+', power), |rest| ('-', rest));
        format!("{digits}e{sign}{power:0>2}")
    }
}

/// `2026-01-02T03:04:05.5Z` as Go prints a time: `2026-01-02 03:04:05.5 +0000 UTC`.
pub(crate) fn go_time(rfc3339: &str) -> String {
    let (Some(date), Some(rest)) = (rfc3339.get(..10), rfc3339.get(11..)) else {
        return rfc3339.to_owned();
    };
    if let Some(clock) = rest.strip_suffix('Z') {
        return format!("{date} {clock} +0000 UTC");
    }
    match rest.rfind(['+', '-']) {
        Some(at) => {
            let (clock, offset) = rest.split_at(at);
            let offset = offset.replace(':', "");
            let zone = if offset == "+0000" { "UTC" } else { offset.as_str() };
            format!("{date} {clock} {offset} {zone}")
        }
        None => rfc3339.to_owned(),
    }
}

/// Field names that Podman's templates know beside those of its JSON.
fn other_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "CgroupsVersion" => "cgroupVersion",
        "IDMappings" => "idMappings",
        "Src" => "Source",
        "Dst" => "Destination",
        "ImageID" => "Image",
        "MemUsed" => "memUsed",
        _ => return None,
    })
}

/// JSON: structures and maps alike become objects, structures in the order of their fields.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::NoValue | Self::Nil | Self::NilList => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) | Self::Time(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(map) | Self::Lookup(map) => serializer.collect_map(map.iter()),
            Self::Struct(structure) => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in &structure.fields {
                    if !matches!(value, Self::Lookup(_)) {
                        map.serialize_entry(name, value)?;
                    }
                }
                map.end()
            }
        }
    }
}

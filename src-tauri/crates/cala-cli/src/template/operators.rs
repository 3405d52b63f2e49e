//! `eq ne lt le gt ge`, with Go's rules of what may be compared with what.

use std::cmp::Ordering;

use super::value::Value;

/// Compares; `eq` takes several values and is true when the first equals one of the others.
pub(super) fn compare(name: &str, values: &[Value]) -> Result<Value, String> {
    let [first, rest @ ..] = values else {
        return Err("missing argument for comparison".into());
    };
    if name == "eq" {
        if rest.is_empty() {
            return Err("missing argument for comparison".into());
        }
        for other in rest {
            if equal(first, other)? {
                return Ok(Value::Bool(true));
            }
        }
        return Ok(Value::Bool(false));
    }
    let [second] = rest else {
        return Err(format!("wrong number of args: want 2 got {}", values.len()));
    };
    let holds = match name {
        "ne" => !equal(first, second)?,
        "lt" => order(first, second)? == Some(Ordering::Less),
        "le" => matches!(order(first, second)?, Some(Ordering::Less | Ordering::Equal)),
        "gt" => order(first, second)? == Some(Ordering::Greater),
        _ => matches!(order(first, second)?, Some(Ordering::Greater | Ordering::Equal)),
    };
    Ok(Value::Bool(holds))
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a.total_cmp(b) == Ordering::Equal || a == b),
        (Value::Text(a) | Value::Time(a), Value::Text(b) | Value::Time(b)) => Ok(a == b),
        (Value::Nil | Value::NoValue, other) | (other, Value::Nil | Value::NoValue) => {
            Ok(matches!(other, Value::Nil | Value::NoValue))
        }
        (Value::List(_) | Value::NilList | Value::Map(_) | Value::Struct(_) | Value::Lookup(_), _)
        | (_, Value::List(_) | Value::NilList | Value::Map(_) | Value::Struct(_) | Value::Lookup(_)) => {
            Err("non-comparable type in comparison".into())
        }
        _ => Err("incompatible types for comparison".into()),
    }
}

fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Text(a) | Value::Time(a), Value::Text(b) | Value::Time(b)) => Ok(Some(a.cmp(b))),
        (
            Value::Int(_) | Value::Float(_) | Value::Text(_),
            Value::Int(_) | Value::Float(_) | Value::Text(_),
        ) => Err("incompatible types for comparison".into()),
        _ => Err("invalid type for comparison".into()),
    }
}

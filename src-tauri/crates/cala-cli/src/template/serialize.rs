//! Anything serialisable as a [`Value`]: a serde serializer that keeps structures, maps and the order of fields apart.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde::ser::{self, Serialize};

use super::value::Value;

/// The value of `data`; what cannot be serialised is nil.
pub(super) fn to_value<T: Serialize + ?Sized>(data: &T) -> Value {
    data.serialize(ToValue).unwrap_or(Value::Nil)
}

/// Why a value could not be made; never shown.
#[derive(Debug)]
pub(super) struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl ser::Error for Failed {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

type Made = Result<Value, Failed>;

struct ToValue;

/// A list, map or structure under construction.
pub(super) struct Parts {
    name: &'static str,
    variant: Option<&'static str>,
    items: Vec<Value>,
    key: String,
    fields: Vec<(String, Value)>,
}

impl Parts {
    fn new(name: &'static str, variant: Option<&'static str>) -> Self {
        Self { name, variant, items: Vec::new(), key: String::new(), fields: Vec::new() }
    }

    fn wrapped(self, value: Value) -> Value {
        match self.variant {
            Some(variant) => one_entry(variant, value),
            None => value,
        }
    }

    fn list(mut self) -> Value {
        let items = std::mem::take(&mut self.items);
        self.wrapped(Value::list(items))
    }

    fn structure(mut self) -> Value {
        let fields = std::mem::take(&mut self.fields);
        let value = Value::structure(self.name, fields);
        self.wrapped(value)
    }
}

fn one_entry(key: &str, value: Value) -> Value {
    Value::Map(Rc::new(BTreeMap::from([(key.to_owned(), value)])))
}

macro_rules! whole_numbers {
    ($($method:ident: $kind:ty),*) => {
        $(fn $method(self, number: $kind) -> Made {
            Ok(i64::try_from(number).map_or(Value::Int(i64::MAX), Value::Int))
        })*
    };
}

impl ser::Serializer for ToValue {
    type Ok = Value;
    type Error = Failed;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    whole_numbers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);

    fn serialize_bool(self, value: bool) -> Made {
        Ok(Value::Bool(value))
    }

    fn serialize_f32(self, number: f32) -> Made {
        Ok(Value::Float(number.into()))
    }

    fn serialize_f64(self, number: f64) -> Made {
        Ok(Value::Float(number))
    }

    fn serialize_char(self, value: char) -> Made {
        Ok(Value::text(value.to_string()))
    }

    fn serialize_str(self, text: &str) -> Made {
        Ok(Value::text(text))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Made {
        Ok(Value::list(bytes.iter().map(|byte| Value::Int((*byte).into())).collect()))
    }

    fn serialize_none(self) -> Made {
        Ok(Value::Nil)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Made {
        Ok(Value::Nil)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Made {
        Ok(Value::Nil)
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Made {
        Ok(Value::text(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Made {
        Ok(one_entry(variant, value.serialize(Self)?))
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Parts, Failed> {
        Ok(Parts::new("", None))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Parts, Failed> {
        Ok(Parts::new("", None))
    }

    fn serialize_tuple_struct(self, name: &'static str, _length: usize) -> Result<Parts, Failed> {
        Ok(Parts::new(name, None))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts, Failed> {
        Ok(Parts::new(name, Some(variant)))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Parts, Failed> {
        Ok(Parts::new("", None))
    }

    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Parts, Failed> {
        Ok(Parts::new(name, None))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts, Failed> {
        Ok(Parts::new(name, Some(variant)))
    }
}

macro_rules! lists {
    ($($part:ident::$method:ident),*) => {
        $(impl ser::$part for Parts {
            type Ok = Value;
            type Error = Failed;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
                self.items.push(value.serialize(ToValue)?);
                Ok(())
            }

            fn end(self) -> Made {
                Ok(self.list())
            }
        })*
    };
}

lists!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! structures {
    ($($part:ident),*) => {
        $(impl ser::$part for Parts {
            type Ok = Value;
            type Error = Failed;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Failed> {
                self.fields.push((name.to_owned(), value.serialize(ToValue)?));
                Ok(())
            }

            fn end(self) -> Made {
                Ok(self.structure())
            }
        })*
    };
}

structures!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Parts {
    type Ok = Value;
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        self.key = key.serialize(ToValue)?.printed();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        let key = std::mem::take(&mut self.key);
        self.fields.push((key, value.serialize(ToValue)?));
        Ok(())
    }

    fn end(self) -> Made {
        Ok(Value::Map(Rc::new(self.fields.into_iter().collect())))
    }
}

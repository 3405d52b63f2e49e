//! `print`, `println` and `printf` as Go's fmt does them, for the types that templates have.

use super::functions::MAX_WIDTH;
use super::value::{Value, float};

/// Values side by side, a blank between two that are both no text.
pub(super) fn print(values: &[Value]) -> String {
    let mut out = String::new();
    let mut last_was_text = true;
    for (index, value) in values.iter().enumerate() {
        let text = matches!(value, Value::Text(_));
        if index > 0 && !text && !last_was_text {
            out.push(' ');
        }
        value.print_into(&mut out, false);
        last_was_text = text;
    }
    out
}

/// Values with blanks between them and a line end.
pub(super) fn println(values: &[Value]) -> String {
    let mut out = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        value.print_into(&mut out, false);
    }
    out.push('\n');
    out
}

/// Formats by verbs; what does not fit is said in the text as Go does: `%!d(string=x)`.
pub(super) fn printf(format: &str, values: &[Value]) -> String {
    let mut out = String::new();
    let mut values = values.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (directive, after) = Directive::parse(&rest[at + 1..], &mut values);
        rest = after;
        match directive.verb {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match values.next() {
                None => {
                    out.push_str("%!");
                    out.push(verb);
                    out.push_str("(MISSING)");
                }
                Some(value) => out.push_str(&directive.apply(verb, value)),
            },
        }
    }
    out.push_str(rest);
    extra(&mut out, values.as_slice());
    out
}

fn extra(out: &mut String, values: &[Value]) {
    if values.is_empty() {
        return;
    }
    let shown: Vec<String> =
        values.iter().map(|value| format!("{}={}", value.type_name(), plain(value, false))).collect();
    out.push_str("%!(EXTRA ");
    out.push_str(&shown.join(", "));
    out.push(')');
}

fn plain(value: &Value, names: bool) -> String {
    let mut out = String::new();
    value.print_into(&mut out, names);
    out
}

/// Flags, width, precision and verb of one `%…`.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the five flags of a format directive")]
struct Directive {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
    verb: Option<char>,
}

impl Directive {
    /// Reads what follows `%`; `*` takes a width from the values.
    fn parse<'a>(text: &'a str, values: &mut std::slice::Iter<'_, Value>) -> (Self, &'a str) {
        let mut directive = Self::default();
        let mut rest = text;
        while let Some(flag) = rest.chars().next() {
            match flag {
                '-' => directive.minus = true,
                '+' => directive.plus = true,
                '#' => directive.sharp = true,
                ' ' => directive.space = true,
                '0' => directive.zero = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        (directive.width, rest) = number(rest, values);
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = number(after, values);
            directive.precision = Some(precision.unwrap_or(0));
            rest = after;
        }
        let mut chars = rest.chars();
        directive.verb = chars.next();
        (directive, chars.as_str())
    }

    fn apply(&self, verb: char, value: &Value) -> String {
        let number = matches!(value, Value::Int(_) | Value::Float(_));
        let text = match (verb, value) {
            ('T', value) => value.type_name().to_owned(),
            ('v', Value::Float(number)) if self.precision.is_some() => self.float('g', *number),
            ('v', value) => self.cut(plain(value, self.plus), value),
            ('s', Value::Text(_) | Value::Time(_) | Value::List(_) | Value::Map(_) | Value::Struct(_)) => {
                self.cut(plain(value, false), value)
            }
            ('q', Value::Text(text)) => format!("{:?}", self.cut(text.to_string(), value)),
            ('q', Value::List(items)) => {
                let words: Vec<String> =
                    items.iter().map(|item| format!("{:?}", plain(item, false))).collect();
                format!("[{}]", words.join(" "))
            }
            ('t', Value::Bool(value)) => value.to_string(),
            ('d', Value::Int(number)) => self.signed(number.to_string()),
            ('x' | 'X' | 'o' | 'b', Value::Int(number)) => self.radix(verb, *number),
            ('x' | 'X', Value::Text(text)) => {
                let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
                if verb == 'X' { hex.to_uppercase() } else { hex }
            }
            ('c', Value::Int(number)) => {
                u32::try_from(*number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string()
            }
            ('q', Value::Int(number)) => {
                let c = u32::try_from(*number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
                format!("{c:?}")
            }
            ('f' | 'F' | 'e' | 'E' | 'g' | 'G', Value::Float(number)) => self.float(verb, *number),
            (verb, value) => return format!("%!{verb}({}={})", value.type_name(), plain(value, false)),
        };
        self.pad(&text, number)
    }

    fn cut(&self, text: String, value: &Value) -> String {
        match (self.precision, value) {
            (Some(length), Value::Text(_) | Value::Time(_)) => text.chars().take(length).collect(),
            _ => text,
        }
    }

    fn signed(&self, digits: String) -> String {
        match digits.starts_with('-') {
            false if self.plus => format!("+{digits}"),
            false if self.space => format!(" {digits}"),
            _ => digits,
        }
    }

    fn radix(&self, verb: char, number: i64) -> String {
        let magnitude = number.unsigned_abs();
        let digits = match verb {
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            'o' => format!("{magnitude:o}"),
            _ => format!("{magnitude:b}"),
        };
        let prefix = match verb {
            'x' if self.sharp => "0x",
            'X' if self.sharp => "0X",
            'o' if self.sharp => "0",
            'b' if self.sharp => "0b",
            _ => "",
        };
        let sign = if number < 0 { "-" } else { "" };
        self.signed(format!("{sign}{prefix}{digits}"))
    }

    fn float(&self, verb: char, number: f64) -> String {
        let precision = self.precision.unwrap_or(6).min(1000);
        let text = match verb {
            'f' | 'F' => format!("{number:.precision$}"),
            'e' | 'E' => {
                let text = format!("{number:.precision$e}");
                let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
                let (sign, power) = power.strip_prefix('-').map_or(('+', power), |rest| ('-', rest));
                format!("{digits}{verb}{sign}{power:0>2}")
            }
            _ => float(number),
        };
        self.signed(text)
    }

    fn pad(&self, text: &str, number: bool) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if missing == 0 {
            return text.to_owned();
        }
        if self.minus {
            return format!("{text}{}", " ".repeat(missing));
        }
        if self.zero && number {
            let digits = text.trim_start_matches(['+', '-', ' ']);
            let sign = &text[..text.len() - digits.len()];
            return format!("{sign}{}{digits}", "0".repeat(missing));
        }
        format!("{}{text}", " ".repeat(missing))
    }
}

fn number<'a>(text: &'a str, values: &mut std::slice::Iter<'_, Value>) -> (Option<usize>, &'a str) {
    if let Some(rest) = text.strip_prefix('*') {
        let width = match values.next() {
            Some(Value::Int(number)) => usize::try_from(*number).ok().filter(|width| *width <= MAX_WIDTH),
            _ => None,
        };
        return (width, rest);
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let width = text[..digits].parse().ok().filter(|width| *width <= MAX_WIDTH);
    (width, &text[digits..])
}

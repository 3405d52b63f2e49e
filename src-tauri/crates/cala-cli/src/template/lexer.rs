//! Text to tokens. Spaces are tokens inside actions because `.A.B` and `.A .B` differ.

use super::ast::Span;

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new<T>(at: usize, what: impl Into<String>) -> Result<T, Self> {
        Err(Self { at, what: what.into() })
    }
}

/// A token and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Text outside of actions, trimmed by the markers beside it.
    Text(String),
    /// `{{`.
    Open,
    /// `}}`.
    Close,
    /// Blanks inside an action.
    Space,
    /// `.`.
    Dot,
    /// `.Name`, without the dot.
    Field(String),
    /// `$` or `$name`, with the `$`.
    Variable(String),
    /// A word: keyword, function, `true`, `false`, `nil`.
    Word(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or exponent.
    Float(f64),
    /// A quoted text.
    Quoted(String),
    /// `|`, `(`, `)`, `,`.
    Mark(char),
    /// `:=`.
    Declare,
    /// `=`.
    Assign,
}

/// Splits a template into tokens; comments are gone, trim markers are applied.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { source, at: 0, tokens: Vec::new() };
    let mut trim = false;
    loop {
        let rest = lexer.rest();
        let Some(open) = rest.find("{{") else {
            lexer.text(rest.len(), trim, false);
            return Ok(lexer.tokens);
        };
        let trim_before = is_left_trim(&rest[open + 2..]);
        lexer.text(open, trim, trim_before);
        trim = lexer.action(trim_before)?;
    }
}

/// `{{- ` trims the text before it; `{{-3}}` is a number.
fn is_left_trim(after_open: &str) -> bool {
    after_open.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_blank))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn push(&mut self, kind: Kind, length: usize) {
        self.tokens.push(Token { kind, span: self.at..self.at + length });
        self.at += length;
    }

    fn text(&mut self, length: usize, trim_start: bool, trim_end: bool) {
        let mut text = &self.rest()[..length];
        if trim_start {
            text = text.trim_start_matches(is_blank);
        }
        if trim_end {
            text = text.trim_end_matches(is_blank);
        }
        if text.is_empty() {
            self.at += length;
        } else {
            self.push(Kind::Text(text.to_owned()), length);
        }
    }

    /// Reads from `{{` to behind `}}`; tells whether the text after it is to be trimmed.
    fn action(&mut self, trim_before: bool) -> Result<bool, Fault> {
        let start = self.at;
        let marker = if trim_before { 3 } else { 2 };
        let inside = &self.source[start + marker..];
        let blanks = if trim_before { inside.len() - inside.trim_start_matches(is_blank).len() } else { 0 };
        if inside[blanks..].starts_with("/*") {
            self.at = start + marker + blanks;
            return self.comment();
        }
        self.push(Kind::Open, marker);
        let mut depth = 0_usize;
        loop {
            let rest = self.rest();
            if let Some(length) = right_trim(rest) {
                self.close(start, depth, length)?;
                return Ok(true);
            }
            if rest.starts_with("}}") {
                self.close(start, depth, 2)?;
                return Ok(false);
            }
            let Some(next) = rest.chars().next() else {
                return Fault::new(start, "unclosed action");
            };
            match next {
                '(' => depth += 1,
                ')' if depth == 0 => return Fault::new(self.at, "unexpected right paren"),
                ')' => depth -= 1,
                _ => {}
            }
            self.token(next)?;
        }
    }

    fn close(&mut self, start: usize, depth: usize, length: usize) -> Result<(), Fault> {
        if depth > 0 {
            return Fault::new(start, "unclosed left paren");
        }
        self.push(Kind::Close, length);
        Ok(())
    }

    fn comment(&mut self) -> Result<bool, Fault> {
        let start = self.at;
        let Some(end) = self.rest().find("*/") else {
            return Fault::new(start, "unclosed comment");
        };
        self.at += end + 2;
        if let Some(length) = right_trim(self.rest()) {
            self.at += length;
            return Ok(true);
        }
        if self.rest().starts_with("}}") {
            self.at += 2;
            return Ok(false);
        }
        Fault::new(start, "comment ends before closing delimiter")
    }

    fn token(&mut self, next: char) -> Result<(), Fault> {
        let rest = self.rest();
        match next {
            c if is_blank(c) => self.push(Kind::Space, rest.len() - rest.trim_start_matches(is_blank).len()),
            '|' | '(' | ')' | ',' => self.push(Kind::Mark(next), 1),
            ':' if rest.starts_with(":=") => self.push(Kind::Declare, 2),
            ':' => return Fault::new(self.at, "expected :="),
            '=' => self.push(Kind::Assign, 1),
            '"' => return self.quoted(),
            '`' => return self.raw(),
            '\'' => return self.character(),
            '$' => {
                let length = 1 + word_length(&rest[1..]);
                self.push(Kind::Variable(rest[..length].to_owned()), length);
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let length = word_length(&rest[1..]);
                let kind = if length == 0 { Kind::Dot } else { Kind::Field(rest[1..=length].to_owned()) };
                self.push(kind, 1 + length);
            }
            '+' | '-' | '.' | '0'..='9' => return self.number(),
            c if is_word(c) => {
                let length = word_length(rest);
                self.push(Kind::Word(rest[..length].to_owned()), length);
            }
            other => return Fault::new(self.at, format!("unexpected {other:?} in action")),
        }
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), Fault> {
        let (text, length) = unquote(self.rest(), '"')
            .ok_or_else(|| Fault { at: self.at, what: "unterminated or malformed quoted string".into() })?;
        self.push(Kind::Quoted(text), length);
        Ok(())
    }

    fn raw(&mut self) -> Result<(), Fault> {
        let rest = self.rest();
        let Some(end) = rest[1..].find('`') else {
            return Fault::new(self.at, "unterminated raw quoted string");
        };
        self.push(Kind::Quoted(rest[1..=end].to_owned()), end + 2);
        Ok(())
    }

    fn character(&mut self) -> Result<(), Fault> {
        let parsed = unquote(self.rest(), '\'').and_then(|(text, length)| {
            let mut chars = text.chars();
            let only = chars.next().filter(|_| chars.next().is_none())?;
            Some((i64::from(u32::from(only)), length))
        });
        let Some((code, length)) = parsed else {
            return Fault::new(self.at, "malformed character constant");
        };
        self.push(Kind::Int(code), length);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        let rest = self.rest();
        let mut length = 0;
        for (index, c) in rest.char_indices() {
            let exponent_sign = matches!(c, '+' | '-')
                && (index == 0 || rest[..index].ends_with(['e', 'E']) && !rest.contains("0x"));
            if !(c == '.' || c == '_' || c.is_ascii_alphanumeric() || exponent_sign) {
                break;
            }
            length = index + 1;
        }
        let text = &rest[..length];
        let kind = whole_number(text)
            .map(Kind::Int)
            .or_else(|| text.replace('_', "").parse().ok().filter(|f: &f64| f.is_finite()).map(Kind::Float));
        let Some(kind) = kind else {
            return Fault::new(self.at, format!("bad number syntax: {text:?}"));
        };
        self.push(kind, length);
        Ok(())
    }
}

/// Length of ` -}}` with all its blanks, when that is what comes next.
fn right_trim(rest: &str) -> Option<usize> {
    let trimmed = rest.trim_start_matches(is_blank);
    (trimmed.len() < rest.len() && trimmed.starts_with("-}}")).then(|| rest.len() - trimmed.len() + 3)
}

fn word_length(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

fn whole_number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase().replace('_', "");
    let (radix, digits) = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| lower.strip_prefix(prefix).map(|rest| (radix, rest)))
        .unwrap_or((10, lower.as_str()));
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// The text within quotes at the start of `rest`, and how many bytes it took.
fn unquote(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        match c {
            '\n' => return None,
            c if c == quote => return Some((text, index + c.len_utf8())),
            '\\' => {
                let (_, escape) = chars.next()?;
                let digits = match escape {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    _ => 0,
                };
                if digits == 0 {
                    text.push(simple_escape(escape)?);
                } else {
                    let hex: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
                    text.push(
                        u32::from_str_radix(&hex, 16)
                            .ok()
                            .filter(|_| hex.len() == digits)
                            .and_then(char::from_u32)?,
                    );
                }
            }
            c => text.push(c),
        }
    }
    None
}

fn simple_escape(escape: char) -> Option<char> {
    Some(match escape {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' | '\'' | '"' => escape,
        _ => return None,
    })
}

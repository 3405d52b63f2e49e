//! Go templates, as `--format` takes them: text with actions between `{{` and `}}` (Go's text/template).
//!
//! Pure: a template is parsed from text ([`Template::parse`]) and executed over a [`Value`] ([`Template::render`]).
//! Values are made of anything serialisable ([`Value::of`]), which keeps what JSON loses: the order of fields, and
//! whether something was a structure (an unknown field is an error) or a map (an unknown key is `<no value>`).
//!
//! Whole language: fields, variables, pipelines, `if`/`else if`/`else`, `range` with index, `else`, `break` and
//! `continue`, `with`, `define`/`template`/`block`, comments, trim markers; Go's functions and Podman's. Absent on
//! purpose: methods and `call`, because values here are data.
//!
//! Read in the order [`lexer`] → [`parser`] → [`eval`] → [`functions`].

mod ast;
mod eval;
mod functions;
mod lexer;
mod operators;
mod parser;
mod printf;
mod serialize;
mod value;

pub use value::Value;

use std::collections::BTreeMap;

/// A template that was parsed.
#[derive(Debug, Clone)]
pub struct Template {
    name: String,
    source: String,
    body: Vec<ast::Node>,
    defined: BTreeMap<String, Vec<ast::Node>>,
}

/// Why a template cannot be read or executed, in Go's form: `template: ps:1:2: …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}:{column}: {what}")]
pub struct TemplateError {
    name: String,
    line: usize,
    column: usize,
    what: String,
}

impl Template {
    /// Reads a template; `name` is what errors call it.
    ///
    /// # Errors
    /// With line, byte column (from 0, as Go counts) and what is wrong there.
    pub fn parse(name: &str, source: &str) -> Result<Self, TemplateError> {
        let (body, defined) =
            parser::parse(source).map_err(|fault| TemplateError::at(name, source, fault.at, fault.what))?;
        Ok(Self { name: name.to_owned(), source: source.to_owned(), body, defined })
    }

    /// Executes the template with `data` as `.` and `$`.
    ///
    /// # Errors
    /// When a field does not exist, a function refuses its arguments, or the template does not come to an end.
    pub fn render(&self, data: &Value) -> Result<String, TemplateError> {
        eval::execute(&self.source, &self.body, &self.defined, data).map_err(|fault| {
            let what = match fault.context {
                Some(range) => {
                    let text = self.source.get(range).unwrap_or_default();
                    format!("executing {:?} at <{}>: {}", self.name, text, fault.what)
                }
                None => format!("executing {:?}: {}", self.name, fault.what),
            };
            TemplateError::at(&self.name, &self.source, fault.at, what)
        })
    }
}

impl TemplateError {
    fn at(name: &str, source: &str, offset: usize, what: String) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line = 1 + before.matches('\n').count();
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
        Self { name: name.to_owned(), line, column, what }
    }
}

#[cfg(test)]
mod tests;

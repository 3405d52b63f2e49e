//! The tree of a template.

use std::ops::Range;

/// A place in the source, in bytes.
pub(super) type Span = Range<usize>;

/// A piece of a template.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Text that is copied.
    Text(String),
    /// `{{pipeline}}`.
    Action(Pipeline),
    /// `{{if pipeline}}…{{else}}…{{end}}`.
    If(Branch),
    /// `{{with pipeline}}…{{else}}…{{end}}`.
    With(Branch),
    /// `{{range pipeline}}…{{else}}…{{end}}`.
    Range(Branch),
    /// `{{break}}`.
    Break,
    /// `{{continue}}`.
    Continue,
    /// `{{template "name" pipeline}}`.
    Call { name: String, argument: Option<Pipeline>, span: Span },
}

/// A condition with its two bodies.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) condition: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands whose results are handed on, perhaps into variables.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) span: Span,
    /// Variables with their `$`, at most two (two only in `range`).
    pub(super) variables: Vec<String>,
    /// `:=` makes new variables, `=` changes existing ones.
    pub(super) declares: bool,
    pub(super) commands: Vec<Command>,
}

/// An operand and its arguments.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) operands: Vec<Operand>,
}

/// A value or a function, with the fields asked of it.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) span: Span,
    pub(super) term: Term,
    /// The fields after the term, each with the place of its name.
    pub(super) fields: Vec<(String, Span)>,
}

/// What an operand begins with.
#[derive(Debug, Clone)]
pub(super) enum Term {
    /// `.`; a field of it is `Dot` with fields.
    Dot,
    /// `nil`.
    Nil,
    /// `true`, `false`.
    Bool(bool),
    /// `12`, `0x1f`, `'c'`.
    Int(i64),
    /// `1.5`.
    Float(f64),
    /// `"text"`, `` `text` ``.
    Text(String),
    /// `$`, `$name`.
    Variable(String),
    /// The name of a function that exists.
    Function(String),
    /// `(pipeline)`.
    Group(Box<Pipeline>),
}

//! Tokens to tree. What Go refuses while parsing is refused here: unknown functions, undeclared variables, a stray
//! `end`, `break` outside of a `range`.

use std::collections::BTreeMap;

use super::ast::{Branch, Command, Node, Operand, Pipeline, Span, Term};
use super::functions;
use super::lexer::{self, Fault, Kind, Token};

/// Nesting deeper than this is refused, so that no template can exhaust the stack.
const MAX_DEPTH: usize = 100;

type Defined = BTreeMap<String, Vec<Node>>;

/// Parses a template into its body and the templates it defines.
pub(super) fn parse(source: &str) -> Result<(Vec<Node>, Defined), Fault> {
    let mut parser = Parser {
        tokens: lexer::tokens(source)?,
        next: 0,
        end: source.len(),
        variables: vec!["$".to_owned()],
        ranges: 0,
        depth: 0,
        defined: Defined::new(),
    };
    let (body, stop) = parser.list()?;
    match stop {
        Stop::End(at) => Fault::new(at, "unexpected {{end}}"),
        Stop::Else(at) => Fault::new(at, "unexpected {{else}}"),
        Stop::Source => Ok((body, parser.defined)),
    }
}

/// What ended a list of nodes.
enum Stop {
    Source,
    End(usize),
    Else(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range,
}

impl Control {
    fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    end: usize,
    variables: Vec<String>,
    ranges: usize,
    depth: usize,
    defined: Defined,
}

impl Parser {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |token| token.span.start)
    }

    fn behind(&self) -> usize {
        self.next.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |token| token.span.end)
    }

    fn advance(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Kind::Space) {
            self.next += 1;
        }
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Fault::new(self.at(), "nested too deeply") } else { Ok(()) }
    }

    /// Nodes up to the end, `{{end}}` or the place behind the word of `{{else`.
    fn list(&mut self) -> Result<(Vec<Node>, Stop), Fault> {
        self.deeper()?;
        let mut nodes = Vec::new();
        while let Some(token) = self.advance() {
            if let Kind::Text(text) = token.kind {
                nodes.push(Node::Text(text));
                continue;
            }
            self.skip_space();
            let word = match self.peek() {
                Some(Kind::Word(word)) => word.clone(),
                _ => String::new(),
            };
            let start = self.at();
            if matches!(word.as_str(), "end" | "else") {
                self.next += 1;
                self.depth -= 1;
                if word == "else" {
                    return Ok((nodes, Stop::Else(start)));
                }
                self.expect_close("end")?;
                return Ok((nodes, Stop::End(start)));
            }
            if let Some(node) = self.action(&word, start)? {
                nodes.push(node);
            }
        }
        self.depth -= 1;
        Ok((nodes, Stop::Source))
    }

    fn action(&mut self, word: &str, start: usize) -> Result<Option<Node>, Fault> {
        let control = match word {
            "if" => Control::If,
            "with" => Control::With,
            "range" => Control::Range,
            "break" | "continue" => return self.jump(word, start).map(Some),
            "template" => return self.call(start).map(Some),
            "define" => return self.define(start).map(|()| None),
            "block" => return self.block(start).map(Some),
            _ => {
                let pipeline = self.pipeline("command", false)?;
                self.expect_close("command")?;
                return Ok(Some(Node::Action(pipeline)));
            }
        };
        self.next += 1;
        self.branch(control).map(Some)
    }

    /// After the word: condition, bodies, end.
    fn branch(&mut self, control: Control) -> Result<Node, Fault> {
        let known = self.variables.len();
        let condition = self.pipeline(control.word(), control == Control::Range)?;
        self.expect_close(control.word())?;
        self.ranges += usize::from(control == Control::Range);
        let (body, stop) = self.list()?;
        self.ranges -= usize::from(control == Control::Range);
        let otherwise = match stop {
            Stop::End(_) => Vec::new(),
            Stop::Else(at) => self.otherwise(control, at)?,
            Stop::Source => {
                return Fault::new(
                    self.end,
                    format!("unexpected EOF: {{{{{}}}}} has no end", control.word()),
                );
            }
        };
        self.variables.truncate(known);
        let branch = Branch { condition, body, otherwise };
        Ok(match control {
            Control::If => Node::If(branch),
            Control::With => Node::With(branch),
            Control::Range => Node::Range(branch),
        })
    }

    /// After the word `else`: `}}` and a body, or `if`/`with` which is a branch that shares our end.
    fn otherwise(&mut self, control: Control, at: usize) -> Result<Vec<Node>, Fault> {
        self.skip_space();
        if let Some(Kind::Word(word)) = self.peek()
            && word == control.word()
            && control != Control::Range
        {
            self.next += 1;
            self.deeper()?;
            let chained = self.branch(control)?;
            self.depth -= 1;
            return Ok(vec![chained]);
        }
        self.expect_close("else")?;
        match self.list()? {
            (nodes, Stop::End(_)) => Ok(nodes),
            (_, Stop::Else(second)) => Fault::new(second, "unexpected {{else}}: there was one already"),
            (_, Stop::Source) => Fault::new(at, "unexpected EOF: {{else}} has no end"),
        }
    }

    fn jump(&mut self, word: &str, start: usize) -> Result<Node, Fault> {
        self.next += 1;
        self.expect_close(word)?;
        if self.ranges == 0 {
            return Fault::new(start, format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(if word == "break" { Node::Break } else { Node::Continue })
    }

    fn call(&mut self, start: usize) -> Result<Node, Fault> {
        self.next += 1;
        let name = self.template_name("template")?;
        self.skip_space();
        let argument =
            if self.peek() == Some(&Kind::Close) { None } else { Some(self.pipeline("template", false)?) };
        let span = start..self.behind();
        self.expect_close("template")?;
        Ok(Node::Call { name, argument, span })
    }

    fn define(&mut self, start: usize) -> Result<(), Fault> {
        if self.depth > 1 {
            return Fault::new(start, "unexpected {{define}}");
        }
        self.next += 1;
        let name = self.template_name("define")?;
        self.expect_close("define")?;
        self.defined_body(name, start)
    }

    fn block(&mut self, start: usize) -> Result<Node, Fault> {
        self.next += 1;
        let name = self.template_name("block")?;
        let argument = self.pipeline("block", false)?;
        let span = start..self.behind();
        self.expect_close("block")?;
        self.defined_body(name.clone(), start)?;
        Ok(Node::Call { name, argument: Some(argument), span })
    }

    fn defined_body(&mut self, name: String, start: usize) -> Result<(), Fault> {
        let outer = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (body, stop) = self.list()?;
        (self.variables, self.ranges) = (outer, ranges);
        match stop {
            Stop::End(_) => {
                self.defined.insert(name, body);
                Ok(())
            }
            Stop::Else(at) => Fault::new(at, "unexpected {{else}}"),
            Stop::Source => Fault::new(start, "unexpected EOF: the template has no end"),
        }
    }

    fn template_name(&mut self, context: &str) -> Result<String, Fault> {
        self.skip_space();
        let at = self.at();
        match self.advance().map(|token| token.kind) {
            Some(Kind::Quoted(name)) => Ok(name),
            _ => Fault::new(at, format!("missing name in {{{{{context}}}}}")),
        }
    }

    fn expect_close(&mut self, context: &str) -> Result<(), Fault> {
        self.skip_space();
        let at = self.at();
        match self.advance() {
            Some(Token { kind: Kind::Close, .. }) => Ok(()),
            Some(token) => Fault::new(at, format!("unexpected {} in {context}", describe(&token.kind))),
            None => Fault::new(at, format!("unexpected EOF in {context}")),
        }
    }

    /// A pipeline; the closing mark stays.
    fn pipeline(&mut self, context: &str, range: bool) -> Result<Pipeline, Fault> {
        self.deeper()?;
        self.skip_space();
        let start = self.at();
        let (variables, declares) = self.declaration(range)?;
        let mut commands = Vec::new();
        loop {
            self.skip_space();
            let at = self.at();
            match self.peek() {
                None | Some(Kind::Close | Kind::Mark(')')) if commands.is_empty() => {
                    return Fault::new(at, format!("missing value for {context}"));
                }
                Some(Kind::Mark('|')) if commands.is_empty() => {
                    return Fault::new(at, "missing value for command");
                }
                _ => commands.push(self.command(!commands.is_empty())?),
            }
            if self.peek() != Some(&Kind::Mark('|')) {
                break;
            }
            self.next += 1;
        }
        self.depth -= 1;
        if declares {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipeline { span: start..self.behind(), variables, declares, commands })
    }

    /// `$a :=`, `$a =`, and in a range `$a, $b :=`.
    fn declaration(&mut self, range: bool) -> Result<(Vec<String>, bool), Fault> {
        let begin = self.next;
        let mut variables = Vec::new();
        while let Some(Kind::Variable(name)) = self.peek() {
            variables.push(name.clone());
            self.next += 1;
            self.skip_space();
            match self.peek() {
                Some(Kind::Mark(',')) if range && variables.len() == 1 => {
                    self.next += 1;
                    self.skip_space();
                }
                Some(Kind::Mark(',')) => return Fault::new(self.at(), "too many declarations"),
                Some(kind @ (Kind::Declare | Kind::Assign)) => {
                    let declares = *kind == Kind::Declare;
                    let unknown = variables.iter().find(|name| !declares && !self.variables.contains(name));
                    if let Some(name) = unknown {
                        return Fault::new(self.at(), format!("undefined variable {name:?}"));
                    }
                    self.next += 1;
                    return Ok((variables, declares));
                }
                _ => break,
            }
        }
        self.next = begin;
        Ok((Vec::new(), false))
    }

    fn command(&mut self, piped: bool) -> Result<Command, Fault> {
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            let at = self.at();
            match self.peek() {
                Some(Kind::Close | Kind::Mark('|' | ')')) | None => break,
                _ => operands.push(self.operand()?),
            }
            if !matches!(self.peek(), Some(Kind::Space | Kind::Close | Kind::Mark('|' | ')')) | None) {
                let found = self.peek().map_or_else(|| "EOF".to_owned(), describe);
                return Fault::new(at, format!("unexpected {found} in operand"));
            }
        }
        let Some(first) = operands.first() else {
            return Fault::new(self.at(), "missing value for command");
        };
        if operands.len() == 1 && matches!(first.term, Term::Nil) {
            return Fault::new(first.span.start, "nil is not a command");
        }
        let constant =
            !matches!(first.term, Term::Dot | Term::Variable(_) | Term::Function(_) | Term::Group(_));
        if constant && (piped || operands.len() > 1) {
            return Fault::new(first.span.start, "a constant cannot be given arguments");
        }
        Ok(Command { operands })
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        let start = self.at();
        let Some(token) = self.advance() else {
            return Fault::new(start, "unexpected EOF");
        };
        let mut fields = Vec::new();
        let term = match token.kind {
            Kind::Field(name) => {
                fields.push((name, token.span.clone()));
                Term::Dot
            }
            Kind::Mark('(') => {
                let group = self.pipeline("parenthesized pipeline", false)?;
                let at = self.at();
                match self.advance().map(|token| token.kind) {
                    Some(Kind::Mark(')')) => Term::Group(Box::new(group)),
                    other => {
                        let found = other.as_ref().map_or_else(|| "EOF".to_owned(), describe);
                        return Fault::new(at, format!("unexpected {found} in parenthesis"));
                    }
                }
            }
            kind => self.simple_term(kind, &token.span)?,
        };
        let chainable = matches!(term, Term::Dot | Term::Variable(_) | Term::Group(_))
            && self.tokens[self.next - 1].kind != Kind::Dot;
        while let Some(Kind::Field(name)) = self.peek() {
            if !chainable {
                return Fault::new(self.at(), format!("unexpected .{name} after a term that has no fields"));
            }
            fields.push((name.clone(), self.tokens[self.next].span.clone()));
            self.next += 1;
        }
        Ok(Operand { span: start..self.behind(), term, fields })
    }

    fn simple_term(&self, kind: Kind, span: &Span) -> Result<Term, Fault> {
        Ok(match kind {
            Kind::Dot => Term::Dot,
            Kind::Int(number) => Term::Int(number),
            Kind::Float(number) => Term::Float(number),
            Kind::Quoted(text) => Term::Text(text),
            Kind::Variable(name) if self.variables.contains(&name) => Term::Variable(name),
            Kind::Variable(name) => return Fault::new(span.start, format!("undefined variable {name:?}")),
            Kind::Word(word) => match word.as_str() {
                "true" => Term::Bool(true),
                "false" => Term::Bool(false),
                "nil" => Term::Nil,
                name if functions::exists(name) => Term::Function(word),
                name => return Fault::new(span.start, format!("function {name:?} not defined")),
            },
            other => return Fault::new(span.start, format!("unexpected {} in operand", describe(&other))),
        })
    }
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Text(_) => "text".into(),
        Kind::Open => "\"{{\"".into(),
        Kind::Close => "\"}}\"".into(),
        Kind::Space => "space".into(),
        Kind::Dot => "<.>".into(),
        Kind::Field(name) => format!("<.{name}>"),
        Kind::Variable(name) | Kind::Word(name) => format!("<{name}>"),
        Kind::Int(number) => format!("{number}"),
        Kind::Float(number) => format!("{number}"),
        Kind::Quoted(text) => format!("{text:?}"),
        Kind::Mark(mark) => format!("{:?}", mark.to_string()),
        Kind::Declare => "\":=\"".into(),
        Kind::Assign => "\"=\"".into(),
    }
}

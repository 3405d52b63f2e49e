//! Executes the tree of a template over a value.

use std::collections::BTreeMap;

use super::ast::{Branch, Command, Node, Operand, Pipeline, Span, Term};
use super::functions;
use super::value::Value;

/// Steps after which a template is said not to end: `range` over a number can be made arbitrarily long.
const MAX_STEPS: usize = 5_000_000;
/// Bytes of output after which a template is said to grow without end.
const MAX_OUTPUT: usize = 64 << 20;
/// Templates that call each other deeper than this are refused.
const MAX_CALLS: usize = 100;

/// What failed, where, and the text of the failing operand.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) context: Option<Span>,
    pub(super) what: String,
}

type Outcome<T> = Result<T, Fault>;

/// Executes a parsed template.
pub(super) fn execute(
    source: &str,
    body: &[Node],
    defined: &BTreeMap<String, Vec<Node>>,
    data: &Value,
) -> Outcome<String> {
    let mut run = Run {
        source,
        defined,
        output: String::new(),
        variables: vec![("$".to_owned(), data.clone())],
        steps: 0,
        calls: 0,
    };
    run.walk(body, data)?;
    Ok(run.output)
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Run<'a> {
    source: &'a str,
    defined: &'a BTreeMap<String, Vec<Node>>,
    output: String,
    variables: Vec<(String, Value)>,
    steps: usize,
    calls: usize,
}

fn fault<T>(span: &Span, what: impl Into<String>) -> Outcome<T> {
    Err(Fault { at: span.start, context: Some(span.clone()), what: what.into() })
}

impl Run<'_> {
    fn step(&mut self, span: &Span) -> Outcome<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.output.len() > MAX_OUTPUT {
            return fault(span, "the template does not come to an end");
        }
        Ok(())
    }

    fn walk(&mut self, nodes: &[Node], dot: &Value) -> Outcome<Flow> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Outcome<Flow> {
        match node {
            Node::Text(text) => self.output.push_str(text),
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    self.output.push_str(&value.printed());
                }
            }
            Node::If(branch) => return self.choose(branch, dot, false),
            Node::With(branch) => return self.choose(branch, dot, true),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::Call { name, argument, span } => self.call(name, argument.as_ref(), span, dot)?,
        }
        Ok(Flow::On)
    }

    fn choose(&mut self, branch: &Branch, dot: &Value, with: bool) -> Outcome<Flow> {
        let known = self.variables.len();
        let value = self.pipeline(&branch.condition, dot)?;
        let flow = if value.is_true() {
            self.walk(&branch.body, if with { &value } else { dot })
        } else {
            self.walk(&branch.otherwise, dot)
        }?;
        self.variables.truncate(known);
        Ok(flow)
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Outcome<Flow> {
        let known = self.variables.len();
        let over = self.pipeline(&branch.condition, dot)?;
        let span = &branch.condition.span;
        let mut any = false;
        match &over {
            Value::List(items) => {
                for (index, item) in (0_i64..).zip(items.iter()) {
                    any = true;
                    if self.turn(branch, known, &Value::Int(index), item)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, item) in map.iter() {
                    any = true;
                    if self.turn(branch, known, &Value::text(key.as_str()), item)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Int(count) => {
                for index in 0..*count {
                    any = true;
                    if self.turn(branch, known, &Value::Int(index), &Value::Int(index))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Nil | Value::NoValue | Value::NilList => {}
            other => return fault(span, format!("range can't iterate over {}", other.printed())),
        }
        self.variables.truncate(known);
        if any { Ok(Flow::On) } else { self.walk(&branch.otherwise, dot) }
    }

    /// One turn of a range: sets its variables, walks its body.
    fn turn(&mut self, branch: &Branch, known: usize, index: &Value, item: &Value) -> Outcome<Flow> {
        let pipeline = &branch.condition;
        self.step(&pipeline.span)?;
        if pipeline.declares {
            self.variables.truncate(known);
        }
        let values: &[&Value] = if pipeline.variables.len() == 2 { &[index, item] } else { &[item] };
        for (name, value) in pipeline.variables.iter().zip(values) {
            self.set(name, (*value).clone(), pipeline.declares);
        }
        let inner = self.variables.len();
        let flow = self.walk(&branch.body, item)?;
        self.variables.truncate(inner);
        Ok(flow)
    }

    fn set(&mut self, name: &str, value: Value, declare: bool) {
        let existing = self.variables.iter_mut().rev().find(|(known, _)| !declare && known == name);
        match existing {
            Some((_, slot)) => *slot = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }

    fn call(&mut self, name: &str, argument: Option<&Pipeline>, span: &Span, dot: &Value) -> Outcome<()> {
        let defined = self.defined;
        let Some(body) = defined.get(name) else {
            return fault(span, format!("template {name:?} not defined"));
        };
        self.calls += 1;
        self.step(span)?;
        if self.calls > MAX_CALLS {
            return fault(span, "exceeded maximum template depth");
        }
        let data = argument.map_or(Ok(Value::Nil), |pipeline| self.pipeline(pipeline, dot))?;
        let outer = std::mem::replace(&mut self.variables, vec![("$".to_owned(), data.clone())]);
        self.walk(body, &data)?;
        self.variables = outer;
        self.calls -= 1;
        Ok(())
    }

    /// The value of a pipeline; sets its variables, except those of a range which its turns set.
    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Outcome<Value> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(command, dot, value)?);
        }
        let value = value.unwrap_or(Value::NoValue);
        if let [name] = pipeline.variables.as_slice() {
            self.set(name, value.clone(), pipeline.declares);
        }
        Ok(value)
    }

    fn command(&mut self, command: &Command, dot: &Value, piped: Option<Value>) -> Outcome<Value> {
        let Some((first, rest)) = command.operands.split_first() else {
            return Ok(Value::NoValue);
        };
        self.step(&first.span)?;
        if let Term::Function(name) = &first.term {
            return self.function(name, first, rest, dot, piped);
        }
        let value = self.operand(first, dot)?;
        if let Value::Lookup(map) = &value {
            return self.lookup(map, first, rest, dot, piped);
        }
        if !rest.is_empty() || piped.is_some() {
            let what = if first.fields.is_empty() {
                format!("can't give argument to non-function {}", self.text(&first.span))
            } else {
                format!("{} has arguments but cannot be invoked as function", self.text(&first.span))
            };
            return fault(&first.span, what);
        }
        Ok(value)
    }

    fn text(&self, span: &Span) -> &str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    fn lookup(
        &mut self,
        map: &BTreeMap<String, Value>,
        first: &Operand,
        rest: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Outcome<Value> {
        let mut arguments = self.arguments(rest, dot)?;
        arguments.extend(piped);
        match arguments.as_slice() {
            [Value::Text(key)] => Ok(map.get(&**key).cloned().unwrap_or_else(|| Value::text(""))),
            [other] => fault(
                &first.span,
                format!("wrong type for value; expected string; got {}", other.type_name()),
            ),
            many => fault(&first.span, format!("wrong number of args: want 1 got {}", many.len())),
        }
    }

    fn arguments(&mut self, operands: &[Operand], dot: &Value) -> Outcome<Vec<Value>> {
        operands.iter().map(|operand| self.operand(operand, dot)).collect()
    }

    fn function(
        &mut self,
        name: &str,
        first: &Operand,
        rest: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Outcome<Value> {
        // `and` and `or` look at no more arguments than they need.
        if matches!(name, "and" | "or") {
            let mut last = None;
            for operand in rest {
                let value = self.operand(operand, dot)?;
                if value.is_true() == (name == "or") {
                    return Ok(value);
                }
                last = Some(value);
            }
            return match piped.or(last) {
                Some(value) => Ok(value),
                None => fault(&first.span, format!("wrong number of args for {name}: want at least 1 got 0")),
            };
        }
        let mut arguments = self.arguments(rest, dot)?;
        arguments.extend(piped);
        match functions::call(name, &arguments) {
            Ok(Value::Text(text)) if text.len() > MAX_OUTPUT => {
                fault(&first.span, "the text grows without end")
            }
            Ok(value) => Ok(value),
            Err(what) => fault(&first.span, what),
        }
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Outcome<Value> {
        let mut value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil if operand.fields.is_empty() => Value::Nil,
            Term::Nil => return fault(&operand.span, "nil is not a command"),
            Term::Bool(value) => Value::Bool(*value),
            Term::Int(number) => Value::Int(*number),
            Term::Float(number) => Value::Float(*number),
            Term::Text(text) => Value::text(text.as_str()),
            Term::Variable(name) => self
                .variables
                .iter()
                .rev()
                .find(|(known, _)| known == name)
                .map_or(Value::NoValue, |(_, value)| value.clone()),
            Term::Function(name) => self.function(name, operand, &[], dot, None)?,
            Term::Group(pipeline) => {
                let known = self.variables.len();
                let value = self.pipeline(pipeline, dot)?;
                self.variables.truncate(known);
                value
            }
        };
        for (name, span) in &operand.fields {
            value = self.field(&value, name, &(operand.span.start..span.end))?;
        }
        Ok(value)
    }

    fn field(&self, value: &Value, name: &str, span: &Span) -> Outcome<Value> {
        match value {
            Value::Struct(structure) => match value.field(name) {
                Some(field) => Ok(field),
                None => fault(span, format!("can't evaluate field {name} in type {}", structure.name)),
            },
            Value::Map(map) => Ok(map.get(name).cloned().unwrap_or(Value::NoValue)),
            Value::Nil | Value::NoValue => fault(span, format!("nil data; no entry for key {name:?}")),
            other => fault(span, format!("can't evaluate field {name} in type {}", other.type_name())),
        }
    }
}

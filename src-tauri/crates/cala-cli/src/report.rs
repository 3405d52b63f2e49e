//! `--format`: JSON, a Go template per row, or `table` and a template with a heading.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Serialize;

use crate::failure::Failure;
use crate::table;
use crate::template::{Template, Value};

/// What `--format` asks for.
#[derive(Debug)]
pub(crate) enum Format {
    /// `json`, `{{json .}}` stays a template.
    Json,
    /// A template for each row.
    Rows(Template),
    /// A template over the list of all rows: the person wrote its `range`.
    Whole(Template),
    /// A table of a template with a heading.
    Table(Template),
}

/// Headings by the name of the field.
pub(crate) type Headings<'a> = &'a [(&'a str, &'a str)];

impl Format {
    /// Reads the value of `--format`; `name` is what errors call it (the command).
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        if matches!(text.trim(), "json" | "{{json}}" | "{{ json }}") {
            return Ok(Self::Json);
        }
        if let Some(columns) = text.strip_prefix("table ") {
            return Ok(Self::Table(Template::parse(
                name,
                &format!("{}\n", columns_to_tabs(&unescape(columns))),
            )?));
        }
        let text = unescape(text);
        let text = if text.ends_with('\n') { text } else { format!("{text}\n") };
        let template = Template::parse(name, &text)?;
        let ranges = text.trim_start().strip_prefix("{{").map(|rest| rest.trim_start_matches(['-', ' ']));
        if ranges.and_then(|rest| rest.strip_prefix("range")).is_some_and(ranges_over_all) {
            return Ok(Self::Whole(template));
        }
        Ok(Self::Rows(template))
    }

    /// The rows as this format shows them. JSON is the caller's.
    pub(crate) fn render(
        &self,
        headings: Headings<'_>,
        heading: bool,
        rows: &[Value],
    ) -> Result<String, Failure> {
        let mut out = String::new();
        match self {
            Self::Json => {}
            Self::Rows(template) => {
                for row in rows {
                    out.push_str(&template.render(row)?);
                }
            }
            Self::Whole(template) => out = template.render(&Value::list(rows.to_vec()))?,
            Self::Table(template) => {
                if heading {
                    out.push_str(&template.render(&named(headings))?);
                }
                for row in rows {
                    out.push_str(&template.render(row)?);
                }
                out = table::align(&out);
            }
        }
        Ok(out)
    }
}

/// Whether what follows `range` is the whole list: `.` or `$x := .`.
fn ranges_over_all(rest: &str) -> bool {
    let head = rest.split("}}").next().unwrap_or_default().trim_end_matches(['-', ' ']);
    head.rsplit([' ', '\t', '=']).next() == Some(".")
}

fn named(headings: Headings<'_>) -> Value {
    let map: BTreeMap<String, Value> =
        headings.iter().map(|(field, text)| ((*field).to_owned(), Value::text(*text))).collect();
    Value::Map(Rc::new(map))
}

/// Backslash `t` and `n` as a shell leaves them in quotes.
fn unescape(text: &str) -> String {
    outside_actions(text, |text| text.replace("\\t", "\t").replace("\\n", "\n"))
}

/// In a table the blanks between two actions part the columns.
fn columns_to_tabs(text: &str) -> String {
    outside_actions(text, |text| text.replace(' ', "\t"))
}

fn outside_actions(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let end = rest[open..].find("}}").map_or(rest.len(), |close| open + close + 2);
        out.push_str(&change(&rest[..open]));
        out.push_str(&rest[open..end]);
        rest = &rest[end..];
    }
    out.push_str(&change(rest));
    out
}

/// Whether a format is the whole object as JSON, which has other names than the fields of templates.
pub(crate) fn is_whole(format: &str) -> bool {
    let inside = format.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inside.is_some_and(|inside| inside.split_whitespace().eq(["json", "."]))
}

/// JSON for people, indented by so many blanks.
pub(crate) fn json<T: Serialize + ?Sized>(data: &T, indent: usize) -> Result<String, Failure> {
    let blanks = vec![b' '; indent];
    let formatter = serde_json::ser::PrettyFormatter::with_indent(&blanks);
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    data.serialize(&mut serializer).map_err(|error| Failure::new(format!("making JSON: {error}")))?;
    out.push(b'\n');
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// JSON on one line.
pub(crate) fn compact_json<T: Serialize + ?Sized>(data: &T) -> Result<String, Failure> {
    serde_json::to_string(data)
        .map(|text| text + "\n")
        .map_err(|error| Failure::new(format!("making JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Value> {
        ["web", "db"]
            .iter()
            .map(|name| {
                Value::structure(
                    "row",
                    vec![("ID".into(), Value::text("0123456789ab")), ("Names".into(), Value::text(*name))],
                )
            })
            .collect()
    }

    fn shown(format: &str) -> String {
        let headings = [("ID", "CONTAINER ID"), ("Names", "NAMES")];
        match Format::parse("ps", format).and_then(|format| format.render(&headings, true, &rows())) {
            Ok(text) => text,
            Err(failure) => failure.text().to_owned(),
        }
    }

    #[test]
    fn formats_are_those_of_podman() {
        for (format, expected) in [
            ("{{.Names}}", "web\ndb\n"),
            ("{{.ID}}\\t{{.Names}}", "0123456789ab\tweb\n0123456789ab\tdb\n"),
            ("{{.Names}}\\n{{.Names}}", "web\nweb\ndb\ndb\n"),
            ("{{range .}}{{.Names}},{{end}}", "web,db,\n"),
            ("{{range $i, $c := .}}{{$i}}{{$c.Names}} {{end}}", "0web 1db \n"),
            ("table {{.ID}} {{.Names}}", "CONTAINER ID  NAMES\n0123456789ab  web\n0123456789ab  db\n"),
            ("table {{.ID}}|{{.Names}}", "CONTAINER ID|NAMES\n0123456789ab|web\n0123456789ab|db\n"),
            (
                "table {{upper .Names}}\\t{{.ID}}",
                "NAMES       CONTAINER ID\nWEB         0123456789ab\nDB          0123456789ab\n",
            ),
            ("", "\n\n"),
            ("table", "table\ntable\n"),
            (
                "{{.Nope}}",
                "template: ps:1:2: executing \"ps\" at <.Nope>: can't evaluate field Nope in type row",
            ),
            (
                "{{range .Names}}x{{end}}",
                "template: ps:1:8: executing \"ps\" at <.Names>: range can't iterate over web",
            ),
        ] {
            assert_eq!(shown(format), expected, "{format}");
        }
    }
}

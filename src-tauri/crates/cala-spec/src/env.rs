//! `-e`, `--env-file`, `--label` and `--label-file`.

use crate::invalid::InvalidValue;

/// A name with its value.
pub type Pair = (String, String);

/// Parses `-e NAME=VALUE`, `-e NAME` (the value of `environment`, nothing when it has none) and `-e PREFIX*` (all whose
/// name begins so).
///
/// # Errors
/// The name is empty.
pub fn parse_env(text: &str, environment: &[Pair]) -> Result<Vec<Pair>, InvalidValue> {
    if text.is_empty() || text.starts_with('=') || text.contains('\0') {
        return Err(InvalidValue::new("invalid_env", format!("invalid variable: {text:?}"))
            .allowing("a variable is `NAME=VALUE`, or `NAME` to pass on the value of your shell"));
    }
    if let Some((name, value)) = text.split_once('=') {
        return Ok(vec![(name.to_owned(), value.to_owned())]);
    }
    let matches = |name: &str| text.strip_suffix('*').map_or(name == text, |prefix| name.starts_with(prefix));
    Ok(environment.iter().filter(|(name, _)| matches(name)).cloned().collect())
}

/// Parses the contents of an `--env-file` called `file`: a variable per line as `-e`, blank lines and lines that begin
/// with `#` skipped, no quoting.
///
/// # Errors
/// The line is no variable or not UTF-8; the error names file and line.
pub fn parse_env_file(file: &str, contents: &[u8], environment: &[Pair]) -> Result<Vec<Pair>, InvalidValue> {
    let mut pairs = Vec::new();
    for line in lines(file, contents) {
        let (place, line) = line?;
        let name = line.split_once('=').map_or(line, |(name, _)| name);
        if name.contains(char::is_whitespace) {
            return Err(InvalidValue::new(
                "invalid_env_file",
                format!("variable {name:?} contains whitespaces"),
            )
            .within(&place)
            .allowing("a line is `NAME=VALUE` or `NAME`; values need no quotes"));
        }
        let parsed = parse_env(line, environment).map_err(|error| {
            InvalidValue::new("invalid_env_file", error.to_string())
                .within(&place)
                .allowing("a line is `NAME=VALUE` or `NAME`; values need no quotes")
        })?;
        pairs.extend(parsed);
    }
    Ok(pairs)
}

/// Parses `--label KEY[=VALUE]`.
///
/// # Errors
/// The key is empty.
pub fn parse_label(text: &str) -> Result<Pair, InvalidValue> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() {
        return Err(InvalidValue::new(
            "invalid_label",
            format!("unable to process labels: invalid label format: {text:?}"),
        )
        .allowing("a label is `KEY=VALUE` or `KEY`"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Parses the contents of a `--label-file` called `file`: a label per line, blank lines and `#` lines skipped.
///
/// # Errors
/// The line is no label or not UTF-8; the error names file and line.
pub fn parse_label_file(file: &str, contents: &[u8]) -> Result<Vec<Pair>, InvalidValue> {
    lines(file, contents)
        .map(|line| {
            let (place, line) = line?;
            parse_label(line).map_err(|error| error.within(&place))
        })
        .collect()
}

type Line<'a> = Result<(String, &'a str), InvalidValue>;

/// The lines that say something, each with its place for errors.
fn lines<'a>(file: &'a str, contents: &'a [u8]) -> impl Iterator<Item = Line<'a>> {
    let contents = contents.strip_prefix("\u{feff}".as_bytes()).unwrap_or(contents);
    contents.split(|b| *b == b'\n').enumerate().filter_map(move |(index, line)| {
        let place = format!("parsing file {file:?}: line {}", index + 1);
        let Ok(line) = std::str::from_utf8(line) else {
            return Some(Err(InvalidValue::new("invalid_env_file", format!("{place}: invalid UTF-8"))));
        };
        let line = line.trim_start().trim_end_matches('\r');
        (!line.is_empty() && !line.starts_with('#')).then_some(Ok((place, line)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> Pair {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_name_alone_takes_the_value_of_the_shell() {
        let shell = [pair("HOME", "/root"), pair("LC_ALL", "C"), pair("LC_TIME", "es")];
        assert_eq!(parse_env("A=b=c", &shell), Ok(vec![pair("A", "b=c")]));
        assert_eq!(parse_env("HOME", &shell), Ok(vec![pair("HOME", "/root")]));
        assert_eq!(parse_env("NOPE", &shell), Ok(vec![]));
        assert_eq!(parse_env("LC_*", &shell).map(|pairs| pairs.len()), Ok(2));
        assert!(parse_env("=x", &shell).is_err());
    }

    #[test]
    fn an_env_file_names_its_bad_line() {
        let good = b"\xef\xbb\xbf# comment\n\nA=1\r\n  B=\"x y\"\nHOME\n";
        let pairs = parse_env_file("f.env", good, &[pair("HOME", "/")]).expect("a good file");
        assert_eq!(pairs, [pair("A", "1"), pair("B", "\"x y\""), pair("HOME", "/")]);
        for (bad, words) in [
            (&b"A=1\n=bad\n"[..], "parsing file \"f.env\": line 2: invalid variable: \"=bad\""),
            (b"A=1\nB C=2", "line 2: variable \"B C\" contains whitespaces"),
            (b"\xff\n", "line 1: invalid UTF-8"),
        ] {
            let error = parse_env_file("f.env", bad, &[]).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn labels_need_a_key() {
        assert_eq!(parse_label("a=b"), Ok(pair("a", "b")));
        assert_eq!(parse_label("a"), Ok(pair("a", "")));
        assert!(parse_label("=x").is_err());
        let error = parse_label_file("l", b"a=b\n=1").expect_err("no key").to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}

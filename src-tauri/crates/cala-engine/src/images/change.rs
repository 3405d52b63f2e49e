//! `--change`: instructions of a Containerfile that change what an image says about its containers. Pure.

use cala_spec::invalid::InvalidValue;
use serde_json::{Map, Value, json};

/// Applies an instruction, `KEY VALUE` or `KEY=VALUE`, to the `config` of an image's configuration.
///
/// # Errors
/// An instruction that is unknown or has no value, in Podman's words.
pub(super) fn apply(config: &mut Map<String, Value>, change: &str) -> Result<(), InvalidValue> {
    let invalid =
        |why: &str| InvalidValue::new("invalid_change", format!("invalid change {change:?} - {why}"));
    let shape = || invalid("must be formatted as KEY VALUE");
    let at = change.trim().find([' ', '=', '\t']).ok_or_else(shape)?;
    let (key, value) = change.trim().split_at(at);
    let value = value.get(1..).unwrap_or_default().trim();
    if value.is_empty() {
        return Err(shape());
    }
    match key.to_ascii_uppercase().as_str() {
        "CMD" => set(config, "Cmd", words(value)),
        "ENTRYPOINT" => set(config, "Entrypoint", words(value)),
        "USER" => set(config, "User", value.into()),
        "WORKDIR" => set(config, "WorkingDir", value.into()),
        "STOPSIGNAL" => set(config, "StopSignal", value.into()),
        "ENV" => {
            pairs(value).ok_or_else(shape)?.iter().for_each(|(name, value)| set_env(config, name, value))
        }
        "LABEL" => {
            let labels = pairs(value).ok_or_else(shape)?;
            within(config, "Labels", |all| {
                all.extend(labels.into_iter().map(|(name, value)| (name, value.into())));
            });
        }
        "EXPOSE" => {
            let whole = |port: &str| if port.contains('/') { port.to_owned() } else { format!("{port}/tcp") };
            let ports = value.split_whitespace().map(|port| (whole(port), json!({})));
            within(config, "ExposedPorts", |all| all.extend(ports));
        }
        "VOLUME" => {
            let places = list(value).unwrap_or_else(|| value.split_whitespace().map(str::to_owned).collect());
            let places = places.into_iter().map(|place| (place, json!({})));
            within(config, "Volumes", |all| all.extend(places));
        }
        "ONBUILD" => {
            let all = config.entry("OnBuild").or_insert_with(|| json!([]));
            if let Some(all) = all.as_array_mut() {
                all.push(value.into());
            }
        }
        _ => return Err(invalid(&format!("invalid instruction {key}"))),
    }
    Ok(())
}

fn set(config: &mut Map<String, Value>, name: &str, value: Value) {
    config.insert(name.to_owned(), value);
}

/// Changes an object of the configuration, made when it is missing.
pub(super) fn within(
    config: &mut Map<String, Value>,
    name: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) {
    let mut object = match config.remove(name) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    change(&mut object);
    config.insert(name.to_owned(), Value::Object(object));
}

/// The last value of a name wins and keeps the place of the first.
pub(super) fn set_env(config: &mut Map<String, Value>, name: &str, value: &str) {
    let line = format!("{name}={value}");
    let mut lines: Vec<String> = config
        .get("Env")
        .and_then(Value::as_array)
        .map(|lines| lines.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let is_it = |old: &&mut String| old.split_once('=').is_some_and(|(old, _)| old == name);
    match lines.iter_mut().find(is_it) {
        Some(old) => *old = line,
        None => lines.push(line),
    }
    set(config, "Env", json!(lines));
}

/// The exec form is a JSON list; everything else is for a shell.
fn words(value: &str) -> Value {
    json!(list(value).unwrap_or_else(|| ["/bin/sh", "-c", value].map(str::to_owned).to_vec()))
}

fn list(value: &str) -> Option<Vec<String>> {
    serde_json::from_str(value).ok()
}

/// `NAME=VALUE …`, values in quotes if they hold blanks, or `NAME VALUE` to the end of the line.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let first = text.split_whitespace().next()?;
    if !first.contains('=') {
        let (name, value) = text.split_once(char::is_whitespace)?;
        return Some(vec![(name.to_owned(), unquoted(value.trim()))]);
    }
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let end = end_of_word(after);
        let (value, more) = after.split_at(end);
        found.push((unquoted(name.trim()), unquoted(value)));
        rest = more.trim_start();
    }
    Some(found)
}

/// Where a word ends that may hold quoted blanks.
fn end_of_word(text: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            _ if escaped => escaped = false,
            (Some('"') | None, '\\') => escaped = true,
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, letter) if letter.is_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}

fn unquoted(text: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some('"') | None, '\\') => out.extend(letters.next()),
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &[&str]) -> Value {
        let mut config = Map::new();
        for change in changes {
            apply(&mut config, change).unwrap();
        }
        Value::Object(config)
    }

    #[test]
    fn instructions_change_the_configuration() {
        let seen = changed(&[
            r#"CMD ["a","b"]"#,
            "ENTRYPOINT /bin/x y",
            "ENV A=1",
            "env B two words",
            r#"ENV A="3 4" C='5' D=6\ 7"#,
            "EXPOSE 80 53/udp",
            "LABEL x=y",
            "WORKDIR=/work",
            "USER=app",
            r#"VOLUME ["/v"]"#,
            "VOLUME /w /x",
            "STOPSIGNAL 9",
            "ONBUILD RUN x",
        ]);
        assert_eq!(
            seen,
            json!({
                "Cmd": ["a", "b"],
                "Entrypoint": ["/bin/sh", "-c", "/bin/x y"],
                "Env": ["A=3 4", "B=two words", "C=5", "D=6 7"],
                "ExposedPorts": { "80/tcp": {}, "53/udp": {} },
                "Labels": { "x": "y" },
                "WorkingDir": "/work",
                "User": "app",
                "Volumes": { "/v": {}, "/w": {}, "/x": {} },
                "StopSignal": "9",
                "OnBuild": ["RUN x"],
            })
        );
    }

    #[test]
    fn what_is_no_instruction_is_refused() {
        for (change, why) in [
            ("FROM x", "invalid change \"FROM x\" - invalid instruction FROM"),
            ("CMD", "invalid change \"CMD\" - must be formatted as KEY VALUE"),
            ("CMD ", "invalid change \"CMD \" - must be formatted as KEY VALUE"),
            ("ENV A", "invalid change \"ENV A\" - must be formatted as KEY VALUE"),
            ("", "invalid change \"\" - must be formatted as KEY VALUE"),
        ] {
            assert_eq!(apply(&mut Map::new(), change).unwrap_err().to_string(), why);
        }
    }
}

//! The fields of `inspect` against those of podman 5.4.2 (`inspect-keys.txt`: what it says of `run -d --network none IMAGE
//! sleep 100`, with the kind of each value).

use serde_json::Value;

use crate::world;

/// Where Podman has null for what is empty here, which reads the same.
const EMPTY: [&str; 4] =
    ["Config.Entrypoint", "Config.Labels", "Config.Volumes", "HostConfig.LogConfig.Config"];

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| value.get(key))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

#[test]
fn inspect_has_every_field_of_podman_with_the_same_kind_of_value() {
    let Some(world) = world() else { return };
    world.sleeper("c");
    let shown = world.cala.run(["inspect", "c"]).success().json();
    let mut wrong = Vec::new();
    for row in include_str!("inspect-keys.txt").lines() {
        let (path, expected) = row.split_once(' ').unwrap();
        match at(&shown[0], path).map(kind) {
            Some(found) if found == expected => {}
            // What can be null can be there in another container.
            Some(_) if EMPTY.contains(&path) => {}
            found => wrong.push(format!("{path}: {expected}, found {found:?}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

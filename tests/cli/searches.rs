//! `search`: by words, by catalogue, the tags of a repository.

use cala_testkit::scripted::answer;
use cala_testkit::{Output, ScriptedRegistry};

use crate::{World, bare, other_program, refused, world};

const FOUND: &str = r#"{"num_results":2,"results":[
    {"name":"library/alpine","description":"A minimal Docker image based on Alpine Linux with a complete package index",
     "star_count":77,"is_official":true,"is_automated":false},
    {"name":"me/alpine","description":"short","star_count":3,"is_official":false,"is_automated":true}]}"#;

/// A registry that knows the old search.
fn searchable() -> ScriptedRegistry {
    ScriptedRegistry::start(&[], |request| {
        let found = request.path.starts_with("/v1/search?");
        let api = request.path == "/v2/";
        match () {
            () if found => Some(answer("200 OK", &[("Content-Type", "application/json")], FOUND.as_bytes())),
            () if api => Some(answer("200 OK", &[], b"{}")),
            () => None,
        }
    })
}

fn search(args: &[&str]) -> Output {
    bare().run([&["search", "--tls-verify=false"], args].concat())
}

#[test]
fn words_are_looked_up_and_shown_as_podman_does() {
    let registry = searchable();
    let (address, term) = (registry.address(), format!("{}/alpine", registry.address()));
    let shown = search(&[&term]).success();
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert!(lines[0].starts_with("NAME ") && lines[0].ends_with(" DESCRIPTION"), "{shown:?}");
    assert_eq!(
        lines[1],
        format!("{address}/library/alpine  A minimal Docker image based on Alpine Linux...")
    );
    assert!(registry.requests().iter().any(|request| {
        let path = request.path.as_str();
        path == "/v1/search?q=alpine&n=25" || path == "/v1/search?n=25&q=alpine"
    }));
    let whole = search(&["--no-trunc", &term]).success();
    assert!(whole.stdout.contains("with a complete package index\n"), "{whole:?}");
    let stars = search(&["--compatible", &term]).success();
    let head = stars.stdout.lines().next().unwrap_or_default();
    assert!(head.ends_with("STARS       OFFICIAL    AUTOMATED"), "{head}");
    let json = search(&["--format", "json", &term]).success().json();
    assert_eq!(json[0]["Index"], address);
    assert_eq!(
        (&json[0]["Stars"], &json[0]["Official"], &json[0]["Automated"]),
        (&77.into(), &"[OK]".into(), &"".into())
    );
    let format = "{{.Name}} {{.Stars}}";
    let named = |args: &[&str]| search(&[args, &["--format", format, &term]].concat()).success().stdout;
    assert_eq!(named(&["--filter", "stars=5"]), format!("{address}/library/alpine 77\n"));
    assert_eq!(named(&["-f", "is-official=false"]), format!("{address}/me/alpine 3\n"));
    assert_eq!(named(&["-f", "is-automated"]), format!("{address}/me/alpine 3\n"));
    assert_eq!(named(&["--limit", "1"]).lines().count(), 1);
}

fn catalogue() -> Option<(World, String)> {
    let world = world()?;
    for name in ["other/thing", "box"] {
        let target = format!("{}/{name}:1", world.registry.address());
        world.cala.run(["push", "-q", "--tls-verify=false", &world.image, &target]).success();
    }
    let address = world.registry.address().to_owned();
    Some((world, address))
}

#[test]
fn a_registry_without_search_is_looked_through() {
    let Some((world, address)) = catalogue() else { return };
    let names = |term: &str| {
        let shown = search(&["--format", "{{.Name}}", term]).success();
        let mut names: Vec<String> = shown.stdout.lines().map(str::to_owned).collect();
        names.sort();
        names
    };
    let all = [format!("{address}/box"), format!("{address}/other/thing"), format!("{address}/test/box")];
    assert_eq!(names(&format!("{address}/")), all);
    assert_eq!(names(&format!("{address}/box")), [all[0].clone(), all[2].clone()]);
    assert_eq!(search(&[&format!("{address}/nothing")]).success().stdout, "");
    let target = format!("{}:2", world.image.trim_end_matches(":1"));
    world.cala.run(["push", "-q", "--tls-verify=false", &world.image, &target]).success();
    let name = format!("{address}/test/box");
    let tags = search(&["--list-tags", &name]).success();
    let mut lines: Vec<&str> = tags.stdout.lines().collect();
    let heading = lines.remove(0);
    assert!(heading.starts_with("NAME  ") && heading.ends_with("  TAG"), "{heading}");
    // In the order of the registry, which is any.
    lines.sort_unstable();
    assert_eq!(lines, [format!("{name}  1"), format!("{name}  2")]);
    let json = search(&["--list-tags", "--format", "json", &name]).success().json();
    assert_eq!(
        (&json[0]["Name"], json[0]["Tags"].as_array().map(Vec::len)),
        (&name.as_str().into(), Some(2))
    );
    let one = search(&["--list-tags", "--limit", "1", "--format", "{{.Tag}}", &name]).success();
    assert_eq!(one.stdout.lines().count(), 1);
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    for (args, line) in [
        (&["search"][..], "Error: accepts 1 arg(s), received 0"),
        (&["search", "a", "b"], "Error: accepts 1 arg(s), received 2"),
        (
            &["search", "--list-tags", "--filter", "stars=3", "localhost:1/a"],
            "Error: filters are not applicable to list tags result",
        ),
        (&["search", "--filter", "nope=1", "localhost:1/a"], "Error: invalid filter type \"nope=1\""),
    ] {
        refused(&bare().run(args), 125, line);
    }
    if other_program() {
        return;
    }
    for (args, line) in [
        (
            &["search", "--filter", "stars=x", "localhost:1/a"][..],
            "Error: incorrect value type for stars filter: \"x\" is no number",
        ),
        (
            &["search", "--filter", "is-official=maybe", "localhost:1/a"],
            "Error: non-boolean value \"maybe\" for is-official filter",
        ),
        (&["search", "--creds", "x", "localhost:1/a"], "Error: credentials must be USERNAME:PASSWORD"),
    ] {
        refused(&bare().run(args), 125, line);
    }
    bare().run(["search", "--limit", "many", "localhost:1/a"]).exits_with(125);
    let nobody = search(&["127.0.0.1:1/a"]).exits_with(125);
    assert!(nobody.stderr.starts_with("Error: pinging container registry 127.0.0.1:1"), "{nobody:?}");
}

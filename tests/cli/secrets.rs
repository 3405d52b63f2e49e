//! `secret`: words, output and exit codes; with Podman too where it is not said otherwise.

use cala_testkit::Cala;

use crate::{bare, program, refused, world};

fn keep(cala: &Cala, name: &str, text: &str) -> String {
    cala.run_with_input(["secret", "create", name, "-"], text.as_bytes()).success().text().to_owned()
}

#[test]
fn secrets_are_kept_listed_replaced_and_removed() {
    let cala = bare();
    let first = keep(&cala, "s1", "one");
    assert!(first.len() == 25 && first.bytes().all(|b| b.is_ascii_hexdigit()), "{first}");
    refused(
        &cala.run_with_input(["secret", "create", "s1", "-"], b"two"),
        125,
        "Error: s1: secret name in use",
    );
    let again = cala.run_with_input(["secret", "create", "--replace", "s1", "-"], b"two").success();
    assert_ne!(again.text(), first);
    std::fs::write(cala.folder().join("file"), "of a file").expect("written");
    cala.run(["secret", "create", "--label", "a=b", "-l", "c", "-d", "file", "s2", "file"]).success();
    let mut command = cala.command(["secret", "create", "--env", "s3", "VARIABLE"]);
    cala_testkit::Output::of(command.env("VARIABLE", "of a variable")).success();
    let listed =
        cala.run(["secret", "ls", "--format", "{{.Name}} {{.Driver}} {{.CreatedAt}}"]).success().stdout;
    let mut lines: Vec<&str> = listed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("s1 file ") && lines[0].ends_with(" ago"), "{listed}");
    let table = cala.run(["secret", "list"]).success().stdout;
    assert!(table.starts_with("ID                         NAME        DRIVER      CREATED"), "{table}");
    assert_eq!(cala.run(["secret", "ls", "-q", "--filter", "name=s1"]).success().text(), again.text());
    let shown = |name: &str| {
        let args = ["secret", "inspect", "--showsecret", "--format", "{{.SecretData}}", name];
        cala.run(args).success().text().to_owned()
    };
    assert_eq!(
        (shown("s1"), shown("s2"), shown("s3")),
        ("two".into(), "of a file".into(), "of a variable".into())
    );
    cala.run(["secret", "exists", "s1"]).success();
    cala.run(["secret", "exists", "nosuch"]).exits_with(1);
    assert_eq!(cala.run(["secret", "rm", "s1"]).success().text(), again.text());
    cala.run(["secret", "rm", "--ignore", "s1"]).success();
    assert_eq!(cala.run(["secret", "rm", "--all"]).success().stdout.lines().count(), 2);
    assert_eq!(cala.run(["secret", "ls", "-q"]).success().stdout, "");
}

#[test]
fn a_secret_shows_podmans_fields_and_itself_only_when_asked() {
    let cala = bare();
    cala.run_with_input(["secret", "create", "-l", "a=b", "s", "-"], b"hidden words").success();
    let shown = cala.run(["secret", "inspect", "s"]).success().stdout;
    assert!(!shown.contains("hidden"), "{shown}");
    let value: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let keys: Vec<&str> = value[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["CreatedAt", "ID", "Spec", "UpdatedAt"]);
    assert_eq!(value[0]["Spec"]["Name"], "s");
    assert_eq!(value[0]["Spec"]["Driver"]["Name"], "file");
    assert_eq!(value[0]["Spec"]["Labels"], serde_json::json!({"a": "b"}));
    let with = cala.run(["secret", "inspect", "--showsecret", "s"]).success().stdout;
    assert!(with.contains("\"SecretData\": \"hidden words\""), "{with}");
    let pretty = cala.run(["secret", "inspect", "--pretty", "s"]).success().stdout;
    assert!(
        pretty.contains("\nName:              s\nLabels:\n - a=b\nDriver:            file\n"),
        "{pretty}"
    );
    let mixed = cala.run(["secret", "inspect", "--format", "{{.Spec.Name}}", "s", "nosuch"]).exits_with(125);
    assert_eq!(mixed.stdout, "s\n");
    assert!(
        mixed
            .stderr
            .starts_with("Error: inspecting secret: no secret with name or id \"nosuch\": no such secret")
    );
}

#[test]
fn wrong_words_are_named() {
    let cala = bare();
    // Podman looks at filters only when there is something to filter.
    keep(&cala, "kept", "x");
    std::fs::write(cala.folder().join("good"), "x").expect("written");
    std::fs::write(cala.folder().join("empty"), "").expect("written");
    std::fs::write(cala.folder().join("large"), vec![b'x'; 512_000]).expect("written");
    let size = "secret data must be larger than 0 and less than 512000 bytes";
    let name = "secret name \"NAME\" can not include '=', '/', ',', or the '\\0' (NULL) and be between 1 and 253 characters: invalid secret name";
    for (args, line) in [
        (&["secret", "create"][..], "accepts 2 arg(s), received 0".to_owned()),
        (&["secret", "create", "x"], "accepts 2 arg(s), received 1".to_owned()),
        (&["secret", "create", "x", "nosuch"], "open nosuch: no such file or directory".to_owned()),
        (&["secret", "create", "x", "empty"], size.to_owned()),
        (&["secret", "create", "x", "large"], size.to_owned()),
        (&["secret", "create", "a/b", "good"], name.replace("NAME", "a/b")),
        (&["secret", "create", "a,b", "good"], name.replace("NAME", "a,b")),
        (&["secret", "create", "-d", "nope", "x", "good"], "invalid driver".to_owned()),
        (
            &["secret", "create", "--env", "x", "NOT_SET"],
            "cannot create store secret data: environment variable NOT_SET is not set".to_owned(),
        ),
        (&["secret", "ls", "--filter", "foo=x"], "invalid filter \"foo\"".to_owned()),
        (&["secret", "inspect"], "requires at least 1 arg(s), only received 0".to_owned()),
        (&["secret", "exists"], "accepts 1 arg(s), received 0".to_owned()),
        (&["secret", "rm"], format!("`{} secret rm` requires one argument, or the --all flag", program())),
        (&["secret", "rm", "nosuch"], "no secret with name or id \"nosuch\": no such secret".to_owned()),
    ] {
        refused(&cala.run(args.iter().copied()), 125, &format!("Error: {line}"));
    }
    assert_eq!(cala.run(["secret", "ls", "-q"]).success().stdout.lines().count(), 1);
}

#[test]
fn wrong_wishes_for_a_secret_are_named() {
    let Some(world) = world() else { return };
    for (wish, line) in [
        ("nosuch", "no secret with name or id \"nosuch\": no such secret"),
        ("type=mount", "no secret with name or id \"type=mount\": no such secret"),
        ("x,type=foo", "type foo is invalid: parsing secret"),
        ("x,mode=xx", "mode xx invalid: parsing secret"),
        ("x,uid=xx", "UID xx invalid: parsing secret"),
        ("x,foo=bar", "option foo=bar invalid: parsing secret"),
        ("x,type=env,uid=3", "UID, GID, Mode options cannot be set with secret type env: parsing secret"),
    ] {
        let args = ["create", "--secret", wish, &world.image];
        refused(&world.cala.run(args), 125, &format!("Error: {line}"));
    }
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

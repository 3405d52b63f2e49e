//! Commands on containers and images: what they print and what is there afterwards.

use crate::{other_program, world};

#[test]
fn names_are_printed_as_they_were_given() {
    let Some(world) = world() else { return };
    let id = world.sleeper("web");
    for (args, expected) in [
        (&["start", "web"][..], "web"),
        (&["kill", "-s", "CONT", "web"], "web"),
        (&["stop", "-t", "3", "web"], "web"),
        (&["stop", "web"], "web"),
        (&["start", &id[..12]], &id[..12]),
        (&["stop", "--all"], id.as_str()),
        (&["start", "--all"], id.as_str()),
        (&["kill", "--all"], id.as_str()),
        (&["wait", "web"], "137"),
        (&["rm", "web"], "web"),
    ] {
        assert_eq!(world.cala.run(args).success().text(), expected, "{args:?}");
    }
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn several_names_are_acted_on_even_if_one_is_wrong() {
    let Some(world) = world() else { return };
    world.sleeper("one");
    world.sleeper("two");
    let output = world.cala.run(["rm", "-f", "-t", "0", "one", "two"]).success();
    assert!(output.stdout == "one\ntwo\n" || other_program(), "{output:?}");
    let made = world.cala.run(["create", "--name", "three", &world.image, "true"]).success();
    assert_eq!(made.text().len(), 64);
    let mixed = world.cala.run(["rm", "nosuch", "three"]).exits_with(1);
    // Podman then does nothing at all.
    assert_eq!(mixed.stdout, if other_program() { "" } else { "three\n" });
    assert!(mixed.stderr.starts_with("Error: no container with "), "{mixed:?}");
}

#[test]
fn ids_go_into_files_and_come_from_them() {
    let Some(world) = world() else { return };
    let id =
        world.container(&["-d", "--init", "--cidfile", "id"], &["sleep", "1000"]).success().text().to_owned();
    assert_eq!(std::fs::read_to_string(world.cala.folder().join("id")).expect("the file"), id);
    world.cala.run(["stop", "--cidfile", "id"]).success();
    world.cala.run(["rm", "--cidfile", "id"]).success();
    world.cala.run(["container", "exists", &id]).exits_with(1);
}

#[test]
fn images_are_tagged_listed_and_removed() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let id = cala.run(["images", "-q", "--no-trunc"]).success().text().replace("sha256:", "");
    cala.run(["tag", &world.image, "localhost/copy:2"]).success();
    assert_eq!(cala.run(["images", "-q"]).success().stdout.lines().count(), 1);
    assert_eq!(cala.run(["images", "--noheading"]).success().stdout.lines().count(), 2);
    cala.run(["image", "exists", "localhost/copy:2"]).success();
    assert_eq!(cala.run(["rmi", "localhost/copy:2"]).success().stdout, "Untagged: localhost/copy:2\n");
    let last = cala.run(["rmi", &world.image]).success();
    assert_eq!(last.stdout, format!("Untagged: {}\nDeleted: {id}\n", world.image));
    assert_eq!(cala.run(["images", "-q"]).success().stdout, "");
    let pulled = cala.run(["pull", "--tls-verify=false", &world.image]).success();
    assert_eq!(pulled.text(), id);
    assert!(pulled.stderr.starts_with(&format!("Trying to pull {}...\n", world.image)), "{pulled:?}");
    let quiet = cala.run(["pull", "-q", "--tls-verify=false", &world.image]).success();
    assert_eq!((quiet.text(), quiet.stderr.as_str()), (id.as_str(), ""));
    assert!(world.registry.address().starts_with("127.0.0.1:") || other_program());
}

#[test]
fn variables_come_from_files_the_shell_and_the_line() {
    let Some(world) = world() else { return };
    std::fs::write(world.cala.folder().join("good.env"), "# c\n\nA=1\nFROM_SHELL\nB=file\n")
        .expect("writable");
    let mut command = world.cala.command([
        "run",
        "--rm",
        "--network",
        "none",
        "--env-file",
        "good.env",
        "-e",
        "B=line",
        "-e",
        "FROM_SHELL2",
        &world.image,
        "sh",
        "-c",
        "echo $A $B $FROM_SHELL $FROM_SHELL2",
    ]);
    command.env("FROM_SHELL", "x").env("FROM_SHELL2", "y");
    assert_eq!(cala_testkit::Output::of(&mut command).success().text(), "1 line x y");
}

#[test]
fn login_and_logout_keep_credentials_in_a_file() {
    let Some(world) = world() else { return };
    let registry = world.registry.address().to_owned();
    let with = |args: &[&'static str]| -> Vec<String> {
        args.iter().chain(&["--authfile", "auth.json", &registry]).map(|word| (*word).to_owned()).collect()
    };
    let cala = &world.cala;
    cala.run(with(&["login", "--get-login"])).exits_with(125);
    // The registry of the tests asks for no credentials and so takes any.
    let entered = cala.run_with_input(
        with(&["login", "--tls-verify=false", "--username", "ada", "--password-stdin"]),
        b"secret\n",
    );
    assert_eq!(entered.success().stdout, "Login Succeeded!\n");
    assert_eq!(cala.run(with(&["login", "--get-login"])).success().text(), "ada");
    let left = cala.run(with(&["logout"])).success();
    assert_eq!(left.text(), format!("Removed login credentials for {registry}"));
    let again = cala.run(with(&["logout"])).exits_with(125);
    assert!(again.stderr.starts_with(&format!("Error: not logged into {registry}")), "{again:?}");
}

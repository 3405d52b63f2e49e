//! `--help`, completions and man pages: all made of the same definitions.

use crate::{bare, other_program, program};

const COMMANDS: &[&[&str]] = &[
    &["attach"],
    &["create"],
    &["events"],
    &["exec"],
    &["images"],
    &["info"],
    &["init"],
    &["inspect"],
    &["kill"],
    &["login"],
    &["logout"],
    &["logs"],
    &["pause"],
    &["ps"],
    &["pull"],
    &["rename"],
    &["restart"],
    &["rm"],
    &["rmi"],
    &["run"],
    &["start"],
    &["stats"],
    &["stop"],
    &["top"],
    &["unpause"],
    &["update"],
    &["version"],
    &["wait"],
    &["container", "checkpoint"],
    &["container", "clone"],
    &["container", "prune"],
    &["container", "restore"],
    &["container", "inspect"],
    &["container", "exists"],
    &["container", "ls"],
    &["image", "inspect"],
    &["image", "exists"],
    &["image", "rm"],
    &["image", "ls"],
    &["container", "ps"],
    &["container", "rm"],
    &["container", "run"],
];

#[test]
fn every_command_has_help() {
    let cala = bare();
    for command in COMMANDS {
        let output = cala.run([*command, &["--help"]].concat()).success();
        assert!(output.stdout.contains(&format!("Usage:\n  {} {}", program(), command[0])), "{output:?}");
        assert_eq!(output.stderr, "");
    }
}

#[test]
fn the_first_page_lists_the_commands() {
    let output = bare().run(["--help"]).success();
    for word in [
        "Usage:",
        "Available Commands:",
        "  run ",
        "  ps ",
        "  images ",
        "--root",
        "--runroot",
        "--log-level",
    ] {
        assert!(output.stdout.contains(word), "{word}: {output:?}");
    }
}

#[test]
fn run_knows_the_options_of_podman() {
    let text = bare().run(["run", "--help"]).success().stdout;
    for flag in [
        "-d, --detach ",
        "-i, --interactive ",
        "-t, --tty ",
        "--rm ",
        "--name ",
        "-e, --env ",
        "--env-file ",
        "-v, --volume ",
        "--mount ",
        "--tmpfs ",
        "-w, --workdir ",
        "-u, --user ",
        "--entrypoint ",
        "-h, --hostname ",
        "-l, --label ",
        "--read-only ",
        "--cap-add ",
        "--cap-drop ",
        "--security-opt ",
        "--ulimit ",
        "--init ",
        "--stop-signal ",
        "--stop-timeout ",
        "--pull ",
        "--platform ",
        "--network ",
        "--privileged ",
        "--device ",
        "--shm-size ",
        "-m, --memory ",
        "--cpus ",
        "--pids-limit ",
        "--log-opt ",
        "--cidfile ",
        "-q, --quiet ",
        "--sig-proxy",
        "--detach-keys ",
    ] {
        assert!(text.contains(flag), "{flag} is missing in\n{text}");
    }
}

#[test]
fn a_misspelt_command_gets_a_proposal() {
    if other_program() {
        return;
    }
    let output = bare().run(["imags"]).exits_with(125);
    assert_eq!(
        output.stderr,
        "Error: unrecognized command `cala imags`\n\nDid you mean this?\n\timage\n\timages\n\nTry 'cala --help' for more information\n"
    );
}

#[test]
fn version_is_one_line() {
    let output = bare().run(["--version"]).success();
    assert!(output.stdout.starts_with(&format!("{} version ", program())), "{output:?}");
    assert_eq!(output.stdout.lines().count(), 1);
}

#[test]
fn completions_and_man_pages_are_made() {
    if other_program() {
        return;
    }
    let cala = bare();
    for shell in ["bash", "zsh", "fish"] {
        assert!(cala.run(["completion", shell]).success().stdout.contains("container"), "{shell}");
    }
    cala.run(["completion", "tcsh"]).exits_with(125);
    cala.run(["man", "."]).success();
    let page = std::fs::read_to_string(cala.folder().join("cala-run.1")).expect("a man page");
    assert!(page.contains("stop\\-timeout"), "{page}");
}

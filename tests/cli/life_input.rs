//! What commands on the life of containers refuse; letter for letter as Podman where nothing else is said.

use crate::{bare, other_program, program, refused};

#[test]
fn what_does_not_go_together_is_refused() {
    let cala = bare();
    let id_file = "Error: no arguments are needed with --latest or --cidfile";
    for (line, expected) in [
        ("restart", "Error: you must provide at least one name or id"),
        ("restart --all web", "Error: no arguments are needed with --all"),
        ("restart --all --latest", "Error: --all and --latest cannot be used together"),
        ("restart --filter name=x web", "Error: --filter takes no arguments"),
        ("restart --cidfile x web", id_file),
        ("restart --cidfile nofile", "Error: reading CIDFile: open nofile: no such file or directory"),
        ("restart --latest web", "Error: --latest and containers cannot be used together"),
        ("restart --filter foo=web", "Error: foo is an invalid filter"),
        ("restart nosuch", "Error: no container with name or ID \"nosuch\" found: no such container"),
        ("stop --all --cidfile x", "Error: --all, --latest, and --cidfile cannot be used together"),
        ("stop --filter name=x web", "Error: --filter takes no arguments"),
        ("kill --cidfile x web", id_file),
        ("rm --latest web", "Error: --latest and containers cannot be used together"),
        ("start", "Error: start requires at least one argument"),
        (
            "start --all web",
            "Error: either start all containers or the container(s) provided in the arguments",
        ),
        ("start --all --attach", "Error: you cannot start and attach all containers at once"),
        ("start --attach a b", "Error: you cannot start and attach multiple containers at once"),
        ("start --latest web", "Error: --latest and containers cannot be used together"),
        ("start --sig-proxy web", "Error: you cannot use sig-proxy without --attach: invalid argument"),
        ("init", "Error: you must provide at least one name or id"),
        ("init nosuch", "Error: no container with name or ID \"nosuch\" found: no such container"),
        ("rename a", "Error: accepts 2 arg(s), received 1"),
        ("rename a b c", "Error: accepts 2 arg(s), received 3"),
        ("rename nosuch b", "Error: no container with name or ID \"nosuch\" found: no such container"),
        ("wait", "Error: \"cala wait\" requires a name, id, or the \"--latest\" flag"),
        ("wait --latest web", "Error: --latest and containers cannot be used together"),
        ("container prune x", "Error: `cala container prune` takes no arguments"),
        (
            "container prune -f --filter foo",
            "Error: filter input must be in the form of filter=value: foo is invalid",
        ),
        ("container prune -f --filter status=exited", "Error: status is an invalid filter"),
        ("container prune -f --filter until=x", "Error: failed to parse value as time or duration: \"x\""),
    ] {
        let expected = expected.replace("cala ", &format!("{} ", program()));
        refused(&cala.run(line.split(' ')), 125, &expected);
    }
    if !other_program() {
        let line = "Error: invalid argument \"x\" for \"-t, --time\" flag: invalid digit found in string";
        refused(&cala.run(["restart", "-t", "x", "web"]), 125, line);
    }
}

#[test]
fn what_cannot_be_paused_is_told() {
    let cala = bare();
    for (line, expected) in [
        ("pause", "Error: you must provide at least one name or id"),
        ("unpause", "Error: you must provide at least one name or id"),
        ("pause nosuch", "Error: no container with name or ID \"nosuch\" found: no such container"),
        ("unpause nosuch", "Error: no container with name or ID \"nosuch\" found: no such container"),
        ("pause --all web", "Error: no arguments are needed with --all"),
        ("pause --cidfile x web", "Error: no arguments are needed with --latest or --cidfile"),
        ("unpause --filter foo=x", "Error: foo is an invalid filter"),
        ("unpause --all --latest", "Error: --all and --latest cannot be used together"),
    ] {
        refused(&cala.run(line.split(' ')), 125, expected);
    }
}

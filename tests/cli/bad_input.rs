//! Bad input: each row says the arguments, the exit code, the line on standard error, and a word of the hint.

use cala_testkit::Output;

use crate::{bare, other_program, program, refused, world};

/// A row. `hint` is a part of the hint; `common` rows are the same in Podman, letter for letter.
struct Row {
    args: &'static [&'static str],
    code: i32,
    line: &'static str,
    hint: &'static str,
    common: bool,
}

const fn row(args: &'static [&'static str], code: i32, line: &'static str, hint: &'static str) -> Row {
    Row { args, code, line, hint, common: false }
}

const fn common(args: &'static [&'static str], code: i32, line: &'static str, hint: &'static str) -> Row {
    Row { args, code, line, hint, common: true }
}

#[track_caller]
fn check(row: &Row, output: &Output) {
    refused(output, row.code, &row.line.replace("cala ", &format!("{} ", program())));
    if !other_program() {
        assert!(output.stderr.contains(row.hint), "no {:?} in {output:?}", row.hint);
        assert!(
            row.hint.is_empty() || output.stderr.contains("\nhint: ") || output.stderr.contains("See '"),
            "{output:?}"
        );
    }
}

#[track_caller]
fn check_all(rows: &[Row], prepare: impl Fn(&str) -> String) {
    let cala = bare();
    for row in rows.iter().filter(|row| row.common || !other_program()) {
        let args: Vec<String> = row.args.iter().map(|word| prepare(word)).collect();
        check(row, &cala.run(args));
    }
}

#[test]
fn flags_and_commands_that_do_not_exist() {
    let rows = [
        common(
            &["run", "--nosuchflag", "box"],
            125,
            "Error: unknown flag: --nosuchflag",
            "See 'cala run --help'",
        ),
        common(&["ps", "-a", "-z"], 125, "Error: unknown shorthand flag: 'z' in -z", "See 'cala ps --help'"),
        common(&["ps", "-f"], 125, "Error: flag needs an argument: 'f' in -f", "See 'cala ps --help'"),
        common(&["ps", "--filter"], 125, "Error: flag needs an argument: --filter", "See 'cala ps --help'"),
        common(&["ps", "foo"], 125, "Error: `cala ps` takes no arguments", ""),
        common(&["foo"], 125, "Error: unrecognized command `cala foo`", ""),
        common(&["container", "foo"], 125, "Error: unrecognized command `cala container foo`", ""),
        common(&["container"], 125, "Error: missing command 'cala container COMMAND'", ""),
        common(&["run"], 125, "Error: requires at least 1 arg(s), only received 0", ""),
        common(&["pull"], 125, "Error: requires at least 1 arg(s), only received 0", ""),
        common(&["stop"], 125, "Error: you must provide at least one name or id", ""),
        common(&["rm"], 125, "Error: you must provide at least one name or id", ""),
        common(&["rm", "-a", "web"], 125, "Error: no arguments are needed with --all", ""),
        common(&["rmi"], 125, "Error: image name or ID must be specified", ""),
        common(&["logs"], 125, "Error: specify at least one container name or ID to log", ""),
        common(&["inspect"], 125, "Error: no names or ids specified", ""),
        common(&["exec"], 125, "Error: exec requires the name or ID of a container or the --latest flag", ""),
        common(&["image", "exists"], 125, "Error: accepts 1 arg(s), received 0", ""),
    ];
    check_all(&rows, str::to_owned);
}

#[test]
fn commands_that_are_not_there_yet_say_so_in_one_line() {
    if other_program() {
        return;
    }
    let cala = bare();
    for (args, name) in [
        (&["build", "-t", "x", "."][..], "build"),
        (&["pod", "create"], "pod create"),
        (&["compose", "up", "-d"], "compose"),
        (&["kube", "play", "x.yaml"], "kube play"),
        (&["system", "service", "--time", "0"], "system service"),
        (&["container", "runlabel", "x"], "container runlabel"),
        (&["image", "mount", "x"], "image mount"),
    ] {
        let output = cala.run(args).exits_with(125);
        assert_eq!(output.stderr, format!("Error: `cala {name}` is not there yet\n"));
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn values_that_do_not_fit() {
    let rows = [
        row(
            &["run", "--cpus", "abc", "box"],
            125,
            "Error: invalid argument \"abc\" for \"--cpus\" flag: invalid float literal",
            "See 'cala run --help'",
        ),
        row(
            &["ps", "-n", "x"],
            125,
            "Error: invalid argument \"x\" for \"-n, --last\" flag: invalid digit found in string",
            "See 'cala ps --help'",
        ),
        row(
            &["run", "--tty=x", "box"],
            125,
            "Error: invalid argument \"x\" for \"-t, --tty\" flag: it is neither true nor false",
            "See 'cala run --help'",
        ),
        row(
            &["ps", "--sort", "foo"],
            125,
            "Error: invalid argument \"foo\" for \"--sort\" flag: \"foo\" is not a valid value. Choose from: \"command, created, id, image, names, runningfor, size, status\"",
            "See 'cala ps --help'",
        ),
        row(
            &["images", "--sort", "foo"],
            125,
            "Error: \"foo\" is not a valid field for sorting. Choose from: created, id, repository, size, tag",
            "",
        ),
        row(
            &["run", "-m", "abc", "box"],
            125,
            "Error: invalid value for memory: invalid size: 'abc'",
            "512m",
        ),
        row(
            &["run", "--shm-size", "x", "box"],
            125,
            "Error: unable to translate --shm-size: invalid size: 'x'",
            "512m",
        ),
        row(&["run", "--log-opt", "max-size=x", "box"], 125, "Error: invalid size: 'x'", "512m"),
        row(
            &["run", "--log-opt", "max-file=0", "box"],
            125,
            "Error: invalid log option \"max-file=0\": not a number from 1 on",
            "",
        ),
        row(
            &["run", "--ulimit", "foo=1", "box"],
            125,
            "Error: ulimit option \"foo=1\" requires name=SOFT:HARD, failed to be parsed: invalid ulimit type: foo",
            "nofile=1024:4096",
        ),
        row(
            &["run", "--ulimit", "nofile=10:5", "box"],
            125,
            "Error: ulimit option \"nofile=10:5\" requires name=SOFT:HARD, failed to be parsed: ulimit soft limit must be less than or equal to hard limit: 10 > 5",
            "nofile",
        ),
        row(
            &["run", "--cap-add", "FOO", "box"],
            125,
            "Error: \"CAP_FOO\": unknown capability",
            "capabilities(7)",
        ),
        row(
            &["run", "--security-opt", "foo", "box"],
            125,
            "Error: invalid --security-opt: \"foo\"",
            "seccomp=unconfined",
        ),
        row(&["run", "--stop-signal", "FOO", "box"], 125, "Error: invalid signal: FOO", "SIGTERM"),
        row(&["kill", "-s", "FOO", "web"], 125, "Error: invalid signal: FOO", "SIGTERM"),
        row(
            &["run", "--pull", "sometimes", "box"],
            125,
            "Error: unsupported pull policy \"sometimes\"",
            "missing",
        ),
        row(
            &["run", "--platform", "a/b/c/d", "box"],
            125,
            "Error: `a/b/c/d` is not a platform (`os/architecture[/variant]`, such as `linux/arm64`)",
            "",
        ),
        row(
            &["run", "--platform", "linux/arm", "--variant", "v7", "box"],
            125,
            "Error: --platform option can not be specified with --arch, --os or --variant",
            "linux/arm/v7",
        ),
        row(
            &["pull", "--arch", "a/b", "--os", "", "box"],
            125,
            "Error: `a/b` is a part of a platform and has no `/`",
            "--platform takes all of it",
        ),
        row(
            &["run", "--network", "nosuch", "box"],
            125,
            "Error: unable to find network with name or ID nosuch: network not found",
            "`cala network ls`",
        ),
        row(
            &["run", "--network", "pasta:-t,8080:80", "box"],
            125,
            "Error: the option -t of pasta is not supported",
            "publish ports with -p",
        ),
        row(
            &["run", "--network", "pasta:--speed", "box"],
            125,
            "Error: the option --speed of pasta is not supported",
            "options are -a, -n, -g",
        ),
        row(
            &["create", "--network", "slirp4netns:cidr=10.0.2.0/26", "box"],
            125,
            "Error: cidr 10.0.2.0/26 is too small",
            "10.0.2.0/24",
        ),
        row(
            &["create", "--network", "slirp4netns:enable_ipv6=true", "box"],
            125,
            "Error: the option enable_ipv6=true of slirp4netns is not supported",
            "--network pasta",
        ),
        row(
            &["network", "create", "--allow", "everything", "open"],
            125,
            "Error: cannot allow \"everything\" in a network",
            "host-loopback",
        ),
        row(
            &["network", "create", "--allow", "host-loopback", "--internal", "open"],
            125,
            "Error: the host's loopback cannot be opened in an internal network: it has no way to the host",
            "leave out --internal",
        ),
        row(
            &["run", "--name", "bad name", "box"],
            125,
            "Error: `bad name` is not a name: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]* and have at most 255 characters",
            "",
        ),
        row(
            &["run", "-p", "80:99999", "box"],
            125,
            "Error: invalid value \"80:99999\" for publish: port numbers must be between 1 and 65535 (inclusive), got 99999",
            "127.0.0.1:8080:80",
        ),
        row(
            &["run", "--label", "=x", "box"],
            125,
            "Error: unable to process labels: invalid label format: \"=x\"",
            "KEY=VALUE",
        ),
        row(&["run", "-e", "=x", "box"], 125, "Error: invalid variable: \"=x\"", "NAME=VALUE"),
        row(
            &["run", "--detach-keys", "ctrl-5", "box"],
            125,
            "Error: invalid detach keys: \"ctrl-5\"",
            "ctrl-p,ctrl-q",
        ),
        row(
            &["wait", "--condition", "foo", "web"],
            125,
            "Error: unknown container state: foo: invalid argument",
            "stopped",
        ),
        row(
            &["events", "--stream=false", "--since", "foo"],
            125,
            "Error: parsing --since \"foo\": unable to interpret time value: \"foo\"",
            "10m",
        ),
        row(
            &["events", "--stream=false", "--filter", "foo=bar"],
            125,
            "Error: foo is an invalid filter",
            "event",
        ),
        common(&["ps", "--filter", "foo=bar"], 125, "Error: foo is an invalid filter", "label"),
        row(
            &["inspect", "--type", "foo", "x"],
            125,
            "Error: invalid type \"foo\": must be \"image\", \"container\", \"network\" or \"all\"",
            "",
        ),
        row(
            &["--log-level", "foo", "ps"],
            125,
            "Error: Log Level \"foo\" is not supported, choose from: trace, debug, info, warn, warning, error, fatal, panic",
            "",
        ),
        common(
            &["login", "--password-stdin", "registry.invalid"],
            125,
            "Error: Must provide --username with --password-stdin",
            "",
        ),
    ];
    check_all(&rows, str::to_owned);
}

#[test]
fn mounts_that_do_not_fit() {
    let rows = [
        row(
            &["run", "-v", ":::", "box"],
            125,
            "Error: :::: incorrect volume format, should be [host-dir:]ctr-dir[:option]",
            "[SOURCE:]TARGET",
        ),
        row(
            &["run", "-v", "/a:b", "box"],
            125,
            "Error: invalid container path \"b\", must be an absolute path",
            "",
        ),
        row(&["run", "-v", "/tmp:/b:bogus", "box"], 125, "Error: invalid option type \"bogus\"", "ro, rw"),
        row(
            &["run", "-v", "rel/x:/x", "box"],
            125,
            "Error: creating named volume \"rel/x\": names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
            "./rel/x",
        ),
        row(
            &["run", "--mount", "type=foo,target=/x", "box"],
            125,
            "Error: invalid filesystem type \"foo\"",
            "type=bind",
        ),
        row(
            &["run", "--mount", "type=bind,src=/tmp", "box"],
            125,
            "Error: must set volume destination",
            "target=",
        ),
        row(
            &["run", "--mount", "type=bind,src=/tmp,target=/x,zz=1", "box"],
            125,
            "Error: zz=1: invalid mount option",
            "target=",
        ),
        row(
            &["run", "--tmpfs", "foo", "box"],
            125,
            "Error: invalid container path \"foo\", must be an absolute path",
            "",
        ),
        row(
            &["run", "--tmpfs", "/foo:bogus", "box"],
            125,
            "Error: unknown mount option \"bogus\": invalid mount option",
            "size=",
        ),
    ];
    check_all(&rows, str::to_owned);
}

#[test]
fn templates_that_do_not_fit() {
    let rows = [
        row(&["ps", "-a", "--format", "{{.ID"], 125, "Error: template: ps:1:0: unclosed action", "fields"),
        row(
            &["ps", "--format", "{{foo}}"],
            125,
            "Error: template: ps:1:2: function \"foo\" not defined",
            "fields",
        ),
        row(&["ps", "--format", "{{if}}"], 125, "Error: template: ps:1:4: missing value for if", ""),
        row(&["ps", "--format", "{{end}}"], 125, "Error: template: ps:1:2: unexpected {{end}}", ""),
        row(
            &["images", "--format", "{{\"x}}"],
            125,
            "Error: template: images:1:2: unterminated or malformed quoted string",
            "",
        ),
        row(
            &["version", "--format", "{{.Foo}}"],
            125,
            "Error: template: version:1:2: executing \"version\" at <.Foo>: can't evaluate field Foo in type Version",
            "fields",
        ),
    ];
    check_all(&rows, str::to_owned);
}

#[test]
fn files_of_variables_that_do_not_fit() {
    let cala = bare();
    for (name, text) in [("bad.env", "A=1\n=x\n"), ("blanks.env", "A B=x\n"), ("bad.labels", "=x\n")] {
        std::fs::write(cala.folder().join(name), text).expect("the folder is writable");
    }
    let run = |args: &[&str]| cala.run([&["run"], args, &["box"]].concat());
    // Podman looks for the image first.
    if other_program() {
        return;
    }
    refused(
        &run(&["--env-file", "/nosuch"]),
        125,
        "Error: parsing file \"/nosuch\": open /nosuch: no such file or directory",
    );
    let bad = run(&["--env-file", "bad.env"]);
    refused(&bad, 125, "Error: parsing file \"bad.env\": line 2: invalid variable: \"=x\"");
    assert!(
        bad.stderr.ends_with("\nhint: a line is `NAME=VALUE` or `NAME`; values need no quotes\n"),
        "{bad:?}"
    );
    refused(
        &run(&["--env-file", "blanks.env"]),
        125,
        "Error: parsing file \"blanks.env\": line 1: variable \"A B\" contains whitespaces",
    );
    refused(
        &run(&["--label-file", "bad.labels"]),
        125,
        "Error: parsing file \"bad.labels\": line 1: unable to process labels: invalid label format: \"=x\"",
    );
}

#[test]
fn containers_that_do_not_exist() {
    let unknown = "Error: no container with name or ID \"nosuch\" found: no such container";
    let rows = [
        common(&["kill", "nosuch"], 125, unknown, "cala ps -a"),
        common(&["stop", "nosuch"], 125, unknown, "cala ps -a"),
        common(&["start", "nosuch"], 125, unknown, "cala ps -a"),
        common(&["wait", "nosuch"], 125, unknown, "cala ps -a"),
        common(&["logs", "nosuch"], 125, unknown, "cala ps -a"),
        common(&["attach", "nosuch"], 125, unknown, "cala ps -a"),
        common(&["exec", "nosuch", "true"], 125, unknown, "cala ps -a"),
        row(&["rm", "nosuch"], 1, unknown, "cala ps -a"),
        common(&["inspect", "nosuch"], 125, "Error: no such object: \"nosuch\"", "cala images"),
        common(&["container", "inspect", "nosuch"], 125, "Error: no such container nosuch", "cala ps -a"),
        common(&["image", "inspect", "nosuch"], 125, "Error: nosuch: image not known", "cala images"),
        common(&["rmi", "nosuch"], 1, "Error: nosuch: image not known", "cala images"),
    ];
    check_all(&rows, str::to_owned);
    let cala = bare();
    for quiet in [
        &["rm", "-f", "nosuch"][..],
        &["rm", "-i", "nosuch"],
        &["stop", "-i", "nosuch"],
        &["rmi", "-f", "nosuch"],
        &["rmi", "-i", "nosuch"],
    ] {
        let output = cala.run(quiet).success();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
    }
    for absent in [["container", "exists", "nosuch"], ["image", "exists", "nosuch"]] {
        let output = cala.run(absent).exits_with(1);
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
    }
}

#[test]
fn images_that_cannot_be_had() {
    let cala = bare();
    refused(
        &cala.run(["run", "--pull", "never", "localhost/nothere", "true"]),
        125,
        &if other_program() {
            "Error: localhost/nothere: image not known".to_owned()
        } else {
            "Error: localhost/nothere:latest: image not known".to_owned()
        },
    );
    if other_program() {
        return;
    }
    let bad = cala.run(["run", "Bad:Ref:x", "true"]);
    refused(&bad, 125, "Error: parsing reference \"Bad:Ref:x\": repository name must be lowercase");
    assert!(bad.stderr.contains("hint: write `bad:ref:x`"), "{bad:?}");
    let bad = cala.run(["pull", "box@sha256:abc"]);
    assert!(
        bad.code == 125 && bad.stderr.starts_with("Error: parsing reference \"box@sha256:abc\": "),
        "{bad:?}"
    );
    let refused_connection = cala.run(["pull", "--quiet", "127.0.0.1:1/x"]);
    refused(&refused_connection, 125, "Error: pinging container registry 127.0.0.1:1: Connection refused");
    assert!(refused_connection.stderr.contains("\nhint: "), "{refused_connection:?}");
}

#[test]
fn a_registry_without_the_image_or_with_another_digest() {
    let Some(world) = world() else { return };
    let (base, _) = world.image.rsplit_once('/').expect("a full name");
    let missing = world.cala.run(["pull", "-q", "--tls-verify=false", &format!("{base}/nosuch:1")]);
    assert_eq!(missing.code, 125, "{missing:?}");
    assert!(missing.stderr.contains("nosuch"), "{missing:?}");
    let name = world.image.strip_suffix(":1").expect("the tag");
    let digest = format!("{name}@sha256:{}", "0".repeat(64));
    let wrong = world.cala.run(["pull", "-q", "--tls-verify=false", &digest]);
    assert_eq!(wrong.code, 125, "{wrong:?}");
    if !other_program() {
        assert!(
            missing.stderr.contains("\nhint: ") && wrong.stderr.contains("\nhint: "),
            "{missing:?}\n{wrong:?}"
        );
    }
}

#[test]
fn a_name_that_is_taken_and_an_id_that_is_ambiguous() {
    let Some(world) = world() else { return };
    let create = |args: &[&str]| {
        world.cala.run([&["create", "--network", "none"], args, &[&world.image, "true"]].concat())
    };
    let id = create(&["--name", "web"]).success().text().to_owned();
    let taken = create(&["--name", "web"]).exits_with(125);
    let sentence =
        format!("Error: creating container storage: the container name \"web\" is already in use by {id}.");
    assert!(taken.stderr.starts_with(&sentence), "{taken:?}");
    assert_eq!(taken.stdout, "");
    if !other_program() {
        assert!(
            taken.stderr.contains("hint: remove it with `cala rm web`, or choose another --name"),
            "{taken:?}"
        );
        let replaced = create(&["--name", "web", "--replace"]).success().text().to_owned();
        assert_ne!(replaced, id);
    }
    // Seventeen ids: two of them share their first digit.
    let mut ids: Vec<String> = (0..17).map(|_| create(&[]).success().text().to_owned()).collect();
    ids.sort();
    let shared = ids.windows(2).find(|pair| pair[0][..1] == pair[1][..1]).expect("the pigeonhole principle");
    let prefix = &shared[0][..1];
    let ambiguous = world.cala.run(["rm", prefix]);
    assert_eq!(ambiguous.code, 125, "{ambiguous:?}");
    let sentence = format!("Error: more than one result for container name or ID {prefix}: ");
    assert!(ambiguous.stderr.starts_with(&sentence) || other_program(), "{ambiguous:?}");
    let unique = world.cala.run(["rm", &ids[0][..20]]).success();
    assert_eq!(unique.text(), &ids[0][..20]);
}

#[test]
fn commands_that_are_missing_or_cannot_be_executed() {
    let Some(world) = world() else { return };
    let missing = world.container(&["--rm"], &["nosuch"]).exits_with(127);
    let sentence = "executable file `nosuch` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found";
    assert!(missing.stderr.lines().next().is_some_and(|line| line.ends_with(sentence)), "{missing:?}");
    assert!(other_program() || missing.stderr.contains("\nhint: "), "{missing:?}");
    let refused = world.container(&["--rm"], &["/bin/not-executable"]).exits_with(126);
    assert!(refused.stderr.contains("OCI permission denied"), "{refused:?}");
    let folder = world.container(&["--rm"], &["/etc"]).exits_with(126);
    assert!(folder.stderr.contains("OCI permission denied"), "{folder:?}");
    // Nothing is left of a container that could not start with --rm.
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");

    world.sleeper("web");
    world.cala.run(["exec", "web", "nosuch"]).exits_with(127);
    world.cala.run(["exec", "web", "/bin/not-executable"]).exits_with(126);
    world.cala.run(["exec", "web", "sh", "-c", "exit 7"]).exits_with(7);
    refused_exec(&world.cala.run(["exec", "web"]));
    world.cala.run(["stop", "web"]).success();
    let stopped = world.cala.run(["exec", "web", "true"]).exits_with(255);
    assert!(stopped.stderr.contains("can only create exec sessions on running containers"), "{stopped:?}");
}

#[track_caller]
fn refused_exec(output: &Output) {
    refused(
        output,
        125,
        "Error: must provide a non-empty command to start an exec session: invalid argument",
    );
}

#[test]
fn states_that_do_not_allow_it() {
    let Some(world) = world() else { return };
    let id = world.sleeper("web");
    refused(
        &world.cala.run(["rm", "web"]),
        2,
        &format!(
            "Error: cannot remove container {id} as it is running - running or paused containers cannot be removed without force: container state improper"
        ),
    );
    let used = world.cala.run(["rmi", &world.image]).exits_with(2);
    assert!(
        used.stderr.starts_with(&format!("Error: image used by {id}: image is in use by a container")),
        "{used:?}"
    );
    world.cala.run(["kill", "web"]).success();
    world.cala.run(["wait", "web"]).success();
    let killed = world.cala.run(["kill", "web"]).exits_with(125);
    refused(
        &killed,
        125,
        &format!(
            "Error: can only kill running containers. {id} is in state exited: container state improper"
        ),
    );
    let attached = world.cala.run(["attach", "web"]).exits_with(125);
    assert!(attached.stderr.contains("you can only attach to running containers"), "{attached:?}");
    assert_eq!(world.cala.run(["rm", "-f", "web"]).success().text(), "web");
}

#[test]
fn a_machine_without_newuidmap_is_told_what_to_install() {
    if other_program() {
        return;
    }
    let cala = bare();
    let output = Output::of(cala.command(["run", "--rm", "cala/hello"]).env("PATH", "/nonexistent"));
    // As root the map needs no helper.
    if output.code == 0 {
        cala_testkit::require::skip("newuidmap is not needed as this user");
        return;
    }
    assert_eq!(output.code, 125, "{output:?}");
    assert!(output.stderr.contains("newuidmap") && output.stderr.contains("uidmap"), "{output:?}");
    assert!(output.stderr.contains("\nhint: "), "{output:?}");
}

//! Looking into running containers from outside: top, stats, port.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use cala_testkit::require;

use crate::{World, networked, nothing_delegated, serve, world};

impl World {
    /// The rows of `top`, a list of words per process; the heading is checked.
    #[track_caller]
    fn top(&self, name: &str, columns: &[&str], heading: &[&str]) -> Vec<Vec<String>> {
        let output = self.cala.run([&["top", name], columns].concat()).success();
        let words = |line: &str| {
            line.split("  ").map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let mut lines = output.stdout.lines().map(words);
        let first: Vec<String> = lines.next().expect("a heading");
        assert_eq!(first, heading);
        lines.collect()
    }
}

/// A shell with a child, and a command of exec.
fn family(world: &World) {
    let args = [
        "run",
        "-d",
        "--network",
        "none",
        "--name",
        "box",
        &world.image,
        "sh",
        "-c",
        "sleep 1000 & sleep 1001; true",
    ];
    world.cala.run(args).success();
    world.cala.run(["exec", "-d", "-u", "alice", "box", "sleep", "77"]).success();
    world.cala.eventually(["top", "box", "args"], |output| {
        ["sleep 1000\n", "sleep 1001\n", "sleep 77\n"].iter().all(|line| output.stdout.contains(line))
    });
}

#[test]
fn top_shows_the_processes_as_the_container_sees_them_and_as_the_host_does() {
    let Some(world) = world() else { return };
    family(&world);
    let rows = world.top("box", &["pid", "ppid", "user", "comm"], &["PID", "PPID", "USER", "COMMAND"]);
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert_eq!(rows[0], ["1", "0", "root", "sh"]);
    assert!(rows.iter().filter(|row| row[1] == "1" && row[3] == "sleep").count() == 2, "{rows:?}");
    assert!(
        rows.iter().any(|row| row[1..] == ["0", "alice", "sleep"]),
        "exec has its parent outside: {rows:?}"
    );
    // The host's side: a process that is there, of the user that it belongs to.
    let host = world.top("box", &["hpid,huid,args"], &["HPID", "HUID", "COMMAND"]);
    let own = rustix::process::getuid().as_raw().to_string();
    for row in &host {
        let text = std::fs::read(format!("/proc/{}/cmdline", row[0])).expect("it is there");
        let shown = String::from_utf8_lossy(&text).trim_end_matches('\0').replace('\0', " ");
        assert_eq!(row[2], shown);
    }
    let first = host.iter().find(|row| row[2].starts_with("sh -c")).expect("the shell");
    assert_eq!(first[1], own, "root inside is the user");
    assert_eq!(first[0], world.inspect("box", "{{.State.Pid}}"));
    let other = host.iter().find(|row| row[2] == "sleep 77").expect("the exec");
    assert_ne!(other[1], own, "alice inside is a subordinate id");
}

#[test]
fn top_has_every_descriptor_of_podman() {
    let Some(world) = world() else { return };
    family(&world);
    let all = world.cala.run(["top", "--list-descriptors"]).success();
    let names: Vec<&str> = all.stdout.lines().collect();
    assert_eq!(names.len(), 32);
    for name in &names {
        let output = world.cala.run(["top", "box", name]).success();
        assert_eq!(output.stdout.lines().count(), 5, "{name}: {output:?}");
    }
    let column = |name: &str| {
        let output = world.cala.run(["top", "box", name]).success();
        output.stdout.lines().nth(1).expect("the first process").trim().to_owned()
    };
    let default =
        "CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,NET_BIND_SERVICE,SETFCAP,SETGID,SETPCAP,SETUID,SYS_CHROOT";
    for (name, expected) in [
        ("capeff", default),
        ("capbnd", default),
        ("capinh", "none"),
        ("capamb", "none"),
        ("seccomp", "filter"),
        ("state", "S"),
        ("tty", "?"),
        ("uid", "0"),
        ("rgroup", "root"),
        ("pgid", "1"),
        ("time", "0s"),
    ] {
        assert_eq!(column(name), expected, "{name}");
    }
    assert!(column("nice").parse::<i32>().is_ok());
    assert!(column("rss").parse::<u64>().expect("a number") > 0);
    assert!(column("etime").ends_with('s') && column("stime").starts_with("20"));
    // The options of ps(1) that people type.
    world.top("box", &["-eo", "pid,comm"], &["PID", "COMMAND"]);
    world.top("box", &["-ef"], &["USER", "PID", "PPID", "%CPU", "STIME", "TTY", "TIME", "COMMAND"]);
    for (args, line) in [
        (&["top"][..], "Error: you must provide the name or id of a running container"),
        (&["top", "nosuch"], "Error: no container with name or ID \"nosuch\" found: no such container"),
        (&["top", "box", "foo"], "Error: 'foo': unknown descriptor"),
        (
            &["top", "box", "-L"],
            "Error: the option \"-L\" of ps(1) is not understood: no ps is run in the container",
        ),
    ] {
        let output = world.cala.run(args).exits_with(125);
        assert_eq!(output.stderr.lines().next(), Some(line), "{output:?}");
    }
    world.cala.run(["rm", "-f", "-t", "0", "box"]).success();
    world.cala.run(["create", "--name", "box", "--network", "none", &world.image, "true"]).success();
    let stopped = world.cala.run(["top", "box"]).exits_with(125);
    assert!(stopped.stderr.starts_with("Error: top can only be used on running containers\n"), "{stopped:?}");
}

#[test]
fn nothing_of_a_hostile_container_is_run_or_waited_for() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    // Programs that look around on the host's behalf are poisoned, and so are the files that names come from.
    let poison = "for p in /bin/ps /bin/nsenter /usr/bin/nsenter /usr/bin/ps /bin/top; do
            mkdir -p ${p%/*}; rm -f $p; printf '#!/bin/sh\\ntouch /canary\\n' >$p; chmod 755 $p; done
        mkdir -p /lib/x86_64-linux-gnu; echo poison >/lib/x86_64-linux-gnu/libnss_files.so.2
        rm -f /etc/passwd /etc/group; mkfifo /etc/passwd; ln -s /dev/zero /etc/group
        : \x1b[2J\x1b]0;title\x07; echo ready; sleep 1000";
    cala.run(["run", "-d", "--network", "none", "--name", "box", &world.image, "sh", "-c", poison]).success();
    cala.eventually(["logs", "box"], |output| output.stdout == "ready\n");
    let shown = cala.run(["top", "box"]).success();
    assert!(!shown.stdout.contains(['\x1b', '\x07']), "{shown:?}");
    assert!(
        shown.stdout.contains("0  ") && shown.stdout.contains("sleep 1000"),
        "numbers without names: {shown:?}"
    );
    cala.run(["top", "box", "-ef"]).success();
    cala.run(["top", "box", "groups", "hgroups"]).success();
    let used = cala.run(["stats", "--no-stream", "box"]).success();
    assert_eq!(used.stdout.lines().count(), 2);
    let upper = cala.data_root().join("containers").join(world.inspect("box", "{{.Id}}")).join("upper");
    assert!(upper.join("bin/ps").exists(), "this is where the container writes");
    assert!(!upper.join("canary").exists(), "a program of the container was run");
}

#[test]
fn stats_tell_what_a_container_uses() {
    let Some(world) = networked() else { return };
    let cala = &world.cala;
    serve(cala, "web", &["-p", "127.0.0.1::80"], "80");
    let busy = "while true; do :; done";
    cala.run(["run", "-d", "--network", "none", "--name", "busy", &world.image, "sh", "-c", busy]).success();
    cala.run(["create", "--network", "none", "--name", "made", &world.image, "true"]).success();
    let port = cala.run(["port", "web"]).success().stdout;
    let address = port.trim().rsplit("-> ").next().expect("an address").parse().expect("an address");
    assert!(cala_testkit::host::get(address).contains("200 OK"));
    let fields =
        "{{.Name}} {{.PIDs}} {{.MemLimit}} {{.CPUNano}} {{range .Network}}{{.RxBytes}} {{.TxBytes}}{{end}}";
    let sample = |names: &[&str]| {
        let args = [&["stats", "--no-stream", "--format", fields][..], names].concat();
        let output = cala.run(args).success().stdout;
        let lines = output.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        lines.collect::<Vec<_>>()
    };
    let rows = sample(&[]);
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["web", "busy"], "those that run");
    let web = &rows[0];
    assert!(web[1].parse::<u64>().expect("a number") >= 1);
    assert!(web[2].parse::<u64>().expect("a number") > 1 << 20);
    assert!(
        web[4].parse::<u64>().expect("a number") > 0 && web[5].parse::<u64>().expect("a number") > 0,
        "{web:?}"
    );
    assert_eq!(rows[1].len(), 4, "no network: {rows:?}");
    // It burns time.
    let before: u64 = rows[1][3].parse().expect("a number");
    let args = ["stats", "--no-stream", "--format", "{{.CPUNano}}", "busy"];
    cala.eventually(args, |output| output.text().parse::<u64>().is_ok_and(|now| now > before + 50_000_000));
    let all = sample(&["--all"]);
    assert_eq!(all.len(), 3);
    assert_eq!(sample(&["made"]), [["made", "0", "0", "0"]]);
    let json = cala.run(["stats", "--no-stream", "--format", "json", "busy"]).success().json();
    let keys: Vec<&str> = json[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 10);
    assert_eq!(json[0]["name"], "busy");
    assert_eq!(json[0]["id"].as_str().expect("an id").len(), 12);
    let whole = cala.run(["stats", "--no-stream", "--no-trunc", "--format", "{{.ID}}", "busy"]).success();
    assert_eq!(whole.text(), world.inspect("busy", "{{.Id}}"));
}

#[test]
fn stats_go_on_with_containers_that_come_and_go() {
    let Some(world) = world() else { return };
    world.sleeper("first");
    let mut command = world.cala.command([
        "stats",
        "--interval",
        "1",
        "--no-reset",
        "--format",
        "{{range .}}{{.Name}} {{end}}",
    ]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("it goes on").expect("readable").trim().to_owned();
    assert_eq!(next(), "first");
    world.sleeper("second");
    while next() != "first second" {}
    world.cala.run(["rm", "-f", "-t", "0", "first"]).success();
    while next() != "second" {}
    world.cala.run(["rename", "second", "other"]).success();
    while next() != "other" {}
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[test]
fn without_a_control_group_processes_are_summed_up() {
    let Some(world) = world() else { return };
    require!(nothing_delegated(), "the control groups are not the test's own");
    let script = "sh -c 'while true; do :; done' & sleep 1000 & sleep 1000; true";
    world
        .cala
        .run(["run", "-d", "--network", "none", "--name", "box", &world.image, "sh", "-c", script])
        .success();
    assert_eq!(world.inspect("box", "{{.State.CgroupPath}}"), "");
    let args =
        ["stats", "--no-stream", "--format", "{{.PIDs}} {{.CPUNano}} {{.MemPerc}} {{.MemUsage}}", "box"];
    world.cala.eventually(args, |output| {
        let words: Vec<&str> = output.stdout.split_whitespace().collect();
        words.first() == Some(&"4")
            && words[1].parse::<u64>().is_ok_and(|time| time > 20_000_000)
            && words[3] != "0B"
    });
}

#[test]
fn ports_are_listed_of_one_of_the_last_and_of_all() {
    let Some(world) = networked() else { return };
    let cala = &world.cala;
    serve(cala, "web", &["-p", "127.0.0.1::80", "-p", "127.0.0.1::81/udp"], "80");
    let both = cala.run(["port", "web"]).success().stdout;
    let places: Vec<(&str, &str)> = both.lines().filter_map(|line| line.split_once(" -> ")).collect();
    let [("80/tcp", first), ("81/udp", second)] = places.as_slice() else { panic!("{both}") };
    let short = world.inspect("web", "{{.Id}}").chars().take(12).collect::<String>();
    for (args, expected) in [
        (&["port", "/web"][..], both.clone()),
        (&["port", "--latest"], both.clone()),
        (&["port", "-l", "80"], format!("{first}\n")),
        (&["port", "web", "81/udp"], format!("{second}\n")),
        (&["port", "--all"], both.lines().map(|line| format!("{short}\t{line}\n")).collect()),
    ] {
        assert_eq!(cala.run(args).success().stdout, expected, "{args:?}");
    }
    for (args, line) in [
        (&["port"][..], "Error: you must supply a running container name or id"),
        (&["port", "-a", "web"], "Error: no arguments are needed with --all"),
        (&["port", "-a", "-l"], "Error: --all and --latest cannot be used together"),
        (&["port", "web", "80", "x"], "Error: `port` accepts at most 2 arguments"),
        (&["port", "web", "80/tcp/x"], "Error: port formats are port/protocol. '80/tcp/x' is invalid"),
        (&["port", "web", "99"], "Error: failed to find published port \"99/tcp\""),
        (&["port", "nosuch"], "Error: no container with name or ID \"nosuch\" found: no such container"),
    ] {
        let output = cala.run(args).exits_with(125);
        assert_eq!(output.stderr.lines().next(), Some(line), "{output:?}");
    }
}

#[test]
fn stats_refuse_what_does_not_fit() {
    let cala = cala_testkit::Cala::new(env!("CARGO_BIN_EXE_cala"));
    for (line, expected) in [
        ("stats --all web", "Error: --all, --latest and containers cannot be used together"),
        ("stats --latest web", "Error: --all, --latest and containers cannot be used together"),
        ("stats --interval 0", "Error: invalid interval, must be a positive number greater zero"),
        (
            "stats --no-stream nosuch",
            "Error: no container with name or ID \"nosuch\" found: no such container",
        ),
        (
            "stats --interval x",
            "Error: invalid argument \"x\" for \"-i, --interval\" flag: invalid digit found in string",
        ),
    ] {
        let output = cala.run(line.split(' ')).exits_with(125);
        assert_eq!(output.stderr.lines().next(), Some(expected), "{output:?}");
    }
    let nothing = cala.run(["stats", "--no-stream"]).success();
    assert_eq!(nothing.stdout.lines().count(), 1, "{nothing:?}");
}

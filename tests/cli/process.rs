//! What a container's process is given: groups, parameters, umask, zone, environment, namespaces. Words as Podman 5.4.2's.

use cala_testkit::Output;

use crate::{World, other_program, refused, world};

/// What a shell line prints in a container with these options.
#[track_caller]
fn shown(world: &World, options: &[&str], script: &str) -> String {
    let mut all = vec!["--rm"];
    all.extend_from_slice(options);
    world.container(&all, &["sh", "-c", script]).success().text().to_owned()
}

#[test]
fn groups_of_the_container_are_added_by_name_or_number() {
    let Some(world) = world() else { return };
    assert_eq!(
        shown(&world, &["--group-add", "audio,1234"], "id -G | tr ' ' '\\n' | sort -n | xargs"),
        "0 29 1234"
    );
    // A user has them besides its own, and an exec too.
    let groups = shown(&world, &["-u", "1000", "--group-add", "1234"], "id -G");
    assert!(groups.split(' ').any(|group| group == "1234") && groups.starts_with("1000"), "{groups}");
    world.container(&["-d", "--init", "--name", "s", "--group-add", "audio"], &["sleep", "1000"]).success();
    assert!(world.cala.run(["exec", "s", "id", "-G"]).success().text().contains("29"));
    let output = world.container(&["--rm", "--group-add", "nosuch"], &["true"]).exits_with(126);
    assert!(output.stderr.to_lowercase().contains("unable to find group nosuch"), "{output:?}");
}

#[test]
fn the_umask_is_that_of_the_process_and_of_execs() {
    let Some(world) = world() else { return };
    assert_eq!(shown(&world, &[], "umask"), "0022");
    assert_eq!(shown(&world, &["--umask", "1077"], "umask"), "0077");
    world.container(&["-d", "--init", "--name", "s", "--umask", "0077"], &["sleep", "1000"]).success();
    for options in [&["exec", "s"][..], &["exec", "-u", "1000", "s"]] {
        let mut args = options.to_vec();
        args.extend_from_slice(&["sh", "-c", "umask"]);
        assert_eq!(world.cala.run(args).success().text(), "0077", "{options:?}");
    }
    assert_eq!(world.cala.run(["inspect", "s", "--format", "{{.Config.Umask}}"]).success().text(), "0077");
}

#[test]
fn parameters_of_its_namespaces_are_set_and_others_are_not() {
    let Some(world) = world() else { return };
    let options = ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.shmmax=4096"];
    let script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax | xargs";
    assert_eq!(shown(&world, &options, script), "1 4096");
    let host = world.cala.run([
        "run",
        "--rm",
        "--network",
        "host",
        "--sysctl",
        "net.ipv4.ip_forward=1",
        &world.image,
        "true",
    ]);
    assert!(host.code >= 125 && host.stderr.contains("net.ipv4.ip_forward"), "{host:?}");
    // A default of ours gives way.
    let low = ["--sysctl", "net.ipv4.ip_unprivileged_port_start=99"];
    assert_eq!(shown(&world, &low, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start"), "99");
}

#[test]
fn the_time_zone_is_the_hosts_or_a_named_one() {
    let Some(world) = world() else { return };
    if !std::path::Path::new("/usr/share/zoneinfo/Asia/Tokyo").exists() {
        return cala_testkit::require::skip("tzdata is not installed");
    }
    assert_eq!(shown(&world, &["--tz", "Asia/Tokyo"], "date +%Z%z"), "JST+0900");
    assert_eq!(shown(&world, &["--tz", "local"], "date +%z").len(), 5);
    for zone in ["Europe/Nowhere", "../../../etc/passwd"] {
        let output = world.container(&["--tz", zone], &["true"]).exits_with(125);
        assert!(output.stderr.contains("finding timezone: "), "{output:?}");
    }
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn variables_are_merged_and_left_out() {
    let Some(world) = world() else { return };
    // A shell would set a PATH of its own.
    let env = |options: &[&str]| {
        let mut all = vec!["--rm"];
        all.extend_from_slice(options);
        world.container(&all, &["/bin/env"]).success().text().to_owned()
    };
    let merged = env(&["--env-merge", "PATH=${PATH}:/more", "--env-merge", "NEW=$PATH"]);
    assert!(merged.lines().any(|line| line == "PATH=/bin:/usr/bin:/more"), "{merged}");
    assert!(merged.lines().any(|line| line == "NEW=/bin:/usr/bin:/more"), "{merged}");
    let less = env(&["--unsetenv", "PATH", "-e", "A=1"]);
    assert!(!less.contains("PATH=") && less.contains("container=") && less.contains("A=1"), "{less}");
    let output = env(&["--unsetenv-all", "-e", "A=1"]);
    assert!(!output.contains("container=") && output.contains("A=1"), "{output}");
    refused(
        &world.container(&["--env-merge", "A"], &["true"]),
        125,
        "Error: missing `=` for --env-merge substitution A",
    );
}

#[test]
fn namespaces_can_be_the_hosts() {
    let Some(world) = world() else { return };
    let here =
        |kind: &str| std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().display().to_string();
    // Podman counts /dev/mqueue as given, which not every machine has.
    let kinds: &[(&str, &str)] = if other_program() {
        &[("--uts", "uts"), ("--cgroupns", "cgroup")]
    } else {
        &[("--uts", "uts"), ("--cgroupns", "cgroup"), ("--ipc", "ipc")]
    };
    for (option, kind) in kinds {
        let inside = |mode: &str| shown(&world, &[option, mode], &format!("readlink /proc/self/ns/{kind}"));
        assert_eq!(inside("host"), here(kind), "{option}");
        assert_ne!(inside("private"), here(kind), "{option}");
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(shown(&world, &["--uts", "host"], "hostname"), name.trim());
    assert_eq!(shown(&world, &["--ipc", "none"], "test -e /dev/shm/. || echo none"), "none");
    let output = world.container(&["--uts", "host", "--hostname", "x"], &["true"]).exits_with(125);
    assert!(
        output.stderr.contains("cannot set hostname when running in the host UTS namespace"),
        "{output:?}"
    );
}

#[test]
fn a_read_only_root_without_exceptions_takes_nothing() {
    let Some(world) = world() else { return };
    let writes = "for f in /tmp/x /dev/shm/x /run/x; do (echo x >$f) 2>/dev/null && echo $f; done; echo end";
    assert_eq!(shown(&world, &["--read-only"], writes), "/tmp/x\n/dev/shm/x\n/run/x\nend");
    assert_eq!(shown(&world, &["--read-only", "--read-only-tmpfs=false"], writes), "end");
}

#[test]
fn what_was_asked_for_is_inspected() {
    let Some(world) = world() else { return };
    let options = [
        "--annotation",
        "a.b/c=d",
        "--expose",
        "90-91/udp",
        "--oom-score-adj",
        "500",
        "--group-add",
        "audio",
    ];
    let mut args = vec!["create", "--network", "none", "--name", "c"];
    args.extend_from_slice(&options);
    args.extend_from_slice(&[&world.image, "true"]);
    world.cala.run(args).success();
    let shown =
        |template: &str| world.cala.run(["inspect", "c", "--format", template]).success().text().to_owned();
    assert_eq!(shown("{{index .Config.Annotations \"a.b/c\"}}"), "d");
    let ports = shown("{{json .Config.ExposedPorts}}");
    assert!(ports.contains("90/udp") && ports.contains("91/udp"), "{ports}");
    assert_eq!(
        shown("{{.HostConfig.OomScoreAdj}} {{.HostConfig.GroupAdd}} {{.HostConfig.IpcMode}}"),
        "500 [audio] shareable"
    );
    let score = ["--rm", "--oom-score-adj", "500"];
    assert_eq!(world.container(&score, &["cat", "/proc/self/oom_score_adj"]).success().text(), "500");
    // Lower than one's own takes privileges: it stays.
    let own = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let score = ["--rm", "--oom-score-adj", "-1000"];
    assert_eq!(world.container(&score, &["cat", "/proc/self/oom_score_adj"]).success().text(), own.trim());
}

#[test]
fn a_numbered_user_gets_a_line_unless_it_is_not_wanted() {
    let Some(world) = world() else { return };
    let script = "grep -c :4321: /etc/passwd || :";
    assert_eq!(shown(&world, &["-u", "4321"], script), "1");
    assert_eq!(shown(&world, &["-u", "4321", "--passwd=false"], script), "0");
}

#[test]
fn the_pid_is_written_while_it_runs() {
    let Some(world) = world() else { return };
    let file = world.cala.folder().join("pid");
    let path = file.display().to_string();
    world.container(&["-d", "--init", "--name", "c", "--pidfile", &path], &["sleep", "1000"]).success();
    let pid = world.cala.run(["inspect", "c", "--format", "{{.State.Pid}}"]).success().text().to_owned();
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), pid);
    world.cala.run(["rm", "-f", "-t", "0", "c"]).success();
    if !other_program() {
        assert!(!file.exists());
        world.container(&["--pidfile", "/nosuch/x"], &["true"]).exits_with(125);
    }
}

#[test]
fn a_container_runs_for_as_long_as_it_may() {
    let Some(world) = world() else { return };
    let begun = std::time::Instant::now();
    world.container(&["--rm", "--timeout", "1"], &["sleep", "1000"]).exits_with(137);
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1));
    world.container(&["--rm", "--timeout", "100"], &["true"]).success();
    world.container(&["--timeout", "soon"], &["true"]).exits_with(125);
}

#[test]
fn an_image_goes_with_its_container_unless_another_needs_it() {
    let Some(world) = world() else { return };
    world.container(&["--name", "kept"], &["true"]).success();
    world.container(&["--rmi"], &["true"]).success();
    world.cala.run(["image", "exists", &world.image]).success();
    world.cala.run(["rm", "kept"]).success();
    world.container(&["--rmi"], &["sh", "-c", "exit 3"]).exits_with(3);
    world.cala.run(["image", "exists", &world.image]).exits_with(1);
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn a_proxy_of_the_environment_is_passed_on() {
    let Some(world) = world() else { return };
    let env = |options: &[&str]| {
        let mut args = vec!["run", "--rm", "--network", "none"];
        args.extend_from_slice(options);
        args.extend_from_slice(&[&world.image, "/bin/env"]);
        let mut command = world.cala.command(args);
        Output::of(command.env("http_proxy", "http://proxy:1")).success().text().to_owned()
    };
    assert!(env(&[]).contains("http_proxy=http://proxy:1"));
    assert!(!env(&["--http-proxy=false"]).contains("proxy"));
    assert!(env(&["-e", "http_proxy=other"]).contains("http_proxy=other"));
}

#[test]
fn wrong_values_are_told_before_anything_is_made() {
    let Some(world) = world() else { return };
    let table: &[(&[&str], &str)] = &[
        (&["--umask", "9"], "invalid umask string 9: invalid argument"),
        (&["--umask", "00777"], "invalid umask string 00777: invalid argument"),
        (&["--sysctl", "kernel.core_pattern=1"], "sysctl 'kernel.core_pattern' is not allowed"),
        (&["--sysctl", "foo"], "foo is invalid, sysctl values must be in the form of KEY=VALUE"),
        (&["--annotation", "foo"], "annotations must be formatted KEY=VALUE"),
        (&["--expose", "x"], "invalid range format for --expose: x"),
        (&["--expose", "70000"], "invalid range format for --expose: 70000"),
        (&["--expose", "80/foo"], "validating protocols for exposed port 80: unrecognized protocol \"foo\""),
        (&["--ipc", "foo"], "unrecognized namespace mode foo passed"),
        (&["--uts", "foo"], "unrecognized namespace mode foo passed"),
        (&["--cgroupns", "foo"], "unrecognized namespace mode foo passed"),
    ];
    let own: &[(&[&str], &str)] = &[
        (&["--oom-score-adj", "1001"], "1001 is not from -1000 to 1000"),
        (&["--expose", "9-8"], "it runs backwards"),
        (&["--ipc", "container:web"], "is not there yet"),
        (&["--group-add", "keep-groups"], "keep-groups is not there"),
        (&["--gpus", "all"], "--gpus"),
        (&["--pod", "x"], "pods are not there yet"),
        (&["--decryption-key", "x"], "encrypted images are not supported"),
    ];
    let own = if other_program() { &[] } else { own };
    for (options, words) in table.iter().chain(own) {
        let output = world.container(options, &["true"]).exits_with(125);
        let first = output.stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with("Error: ") && first.contains(words), "{options:?}: {output:?}");
    }
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

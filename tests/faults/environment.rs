//! A machine that lacks something: each with its exit code, one line, and the command that helps.

use std::os::unix::fs::PermissionsExt as _;

use cala_testkit::{Output, ScriptedRegistry};

use crate::support::{bare, hinted, in_changed_mounts, last_error, refused, small_image, words, world};

#[test]
fn without_a_range_of_ids_containers_work_with_a_single_one() {
    let cala = bare();
    let prefix =
        in_changed_mounts("mount --bind /dev/null /etc/subuid && mount --bind /dev/null /etc/subgid");
    let run = |args: &[&str]| Output::of(&mut cala.command_under(&words(&prefix), args));
    let hello = run(&["run", "--rm", "cala/hello", "crash", "7"]);
    assert_eq!(hello.code, 7, "{hello:?}");
    // What it costs, and what to do about it.
    let info = run(&["info"]).success();
    assert!(info.stdout.contains("only one user id"), "{info:?}");
    assert!(info.stdout.contains("usermod --add-subuids"), "{info:?}");
    // Files of other owners become the user's own.
    let Some(busybox) = cala_testkit::Image::busybox() else {
        return cala_testkit::require::skip("busybox-static is not installed");
    };
    let registry = ScriptedRegistry::honest(&[("test/busybox", "1", &busybox)]);
    run(&["pull", "-q", &registry.reference("test/busybox", "1")]).success();
    let image = registry.reference("test/busybox", "1");
    let id = run(&[
        "run",
        "--rm",
        "--network",
        "none",
        &image,
        "sh",
        "-c",
        "id -u; ls -ldn /tmp | tr -s ' ' | cut -d' ' -f3",
    ]);
    assert_eq!(id.code, 0, "{id:?}");
    assert!(id.stdout.starts_with("0\n"), "{id:?}");
    run(&["rmi", "-f", &image]).success();
}

#[test]
fn a_missing_newuidmap_is_told_before_anything_is_downloaded() {
    let cala = bare();
    let prefix = in_changed_mounts("mount --bind /dev/null /usr/bin/newuidmap");
    let registry = ScriptedRegistry::honest(&[("a", "1", &small_image(1))]);
    for args in [&["pull", "-q", &registry.reference("a", "1")][..], &["run", "--rm", "cala/hello"]] {
        let output = Output::of(&mut cala.command_under(&words(&prefix), args));
        refused(&output, 125, "Error: `newuidmap` is not installed");
        hinted(&output, "sudo apt install uidmap");
    }
    assert!(registry.requests().is_empty());
}

#[test]
fn user_namespaces_that_are_forbidden_are_told_with_the_setting() {
    let cala = bare();
    // The root of a namespace can forbid them there: the command itself is that root.
    let script = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let prefix = ["unshare", "--user", "--map-root-user", "--", "sh", "-c", script, "sh"];
    let registry = ScriptedRegistry::honest(&[("a", "1", &small_image(1))]);
    for args in [&["pull", "-q", &registry.reference("a", "1")][..], &["run", "--rm", "cala/hello"]] {
        let output = Output::of(&mut cala.command_under(&prefix, args));
        refused(&output, 125, "Error: user namespaces are not allowed: user.max_user_namespaces is 0");
        hinted(&output, "sudo sysctl -w user.max_user_namespaces=15000");
    }
    assert!(registry.requests().is_empty());
}

#[test]
fn user_namespaces_that_the_kernel_refuses_are_told_when_it_does() {
    let cala = bare();
    // One more is allowed and used up by the way to the ordinary user; where Cala looks, nothing is said of a limit.
    let script = "mount --bind /dev/null /etc/subuid && echo 1 >/proc/sys/user/max_user_namespaces";
    let output = Output::of(
        &mut cala.command_under(&words(&in_changed_mounts(script)), ["run", "--rm", "cala/hello"]),
    );
    assert_eq!(output.code, 125, "{output:?}");
    assert!(last_error(&output).contains("cannot create a user namespace"), "{output:?}");
    assert!(output.stderr.contains("\nhint: "), "{output:?}");
    assert_eq!(cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn a_run_time_folder_that_cannot_be_used_is_replaced_or_told() {
    let cala = bare();
    let data = cala.data_root();
    let run = |folder: Option<&std::path::Path>, args: &[&str]| {
        let mut command = cala.bare_command(&[]);
        match folder {
            Some(folder) => command.env("XDG_RUNTIME_DIR", folder),
            None => command.env_remove("XDG_RUNTIME_DIR"),
        };
        Output::of(command.arg("--root").arg(&data).args(args))
    };
    // Unset, empty and relative: a private one below /tmp.
    for folder in [None, Some(std::path::Path::new("")), Some(std::path::Path::new("rel/run"))] {
        run(folder, &["run", "--rm", "cala/hello", "crash", "3"]).exits_with(3);
        run(folder, &["ps", "-q"]).success();
    }
    let locked = cala.folder().join("locked");
    std::fs::create_dir(&locked).expect("the folder is writable");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o500)).expect("it is ours");
    let absent = cala.folder().join("absent");
    let cases = [
        (locked.as_path(), "it cannot be made there: permission denied"),
        (std::path::Path::new("/usr"), "it cannot be made there: permission denied"),
        (std::path::Path::new("/etc/passwd"), "what it would be in is not a directory"),
    ];
    for (folder, reason) in cases {
        let output = run(Some(folder), &["ps", "-q"]);
        refused(
            &output,
            125,
            &format!("Error: `{}/cala` cannot be Cala's run root: {reason}", folder.display()),
        );
        hinted(&output, "XDG_RUNTIME_DIR");
    }
    run(Some(&absent), &["ps", "-q"]).success();
}

#[test]
fn a_run_root_of_somebody_else_is_refused() {
    let cala = bare();
    let mut command = cala.bare_command(&[]);
    command.arg("--root").arg(cala.data_root()).args(["--runroot", "/usr/lib", "ps"]);
    refused(
        &Output::of(&mut command),
        125,
        "Error: `/usr/lib` cannot be Cala's run root: it belongs to user 0",
    );
    // A link that anybody could have laid: the place behind it is not trusted.
    let file = cala.folder().join("file");
    std::fs::write(&file, "").expect("the folder is writable");
    let mut command = cala.bare_command(&[]);
    command.arg("--root").arg(cala.data_root()).arg("--runroot").arg(&file).arg("ps");
    let line = format!("Error: `{}` cannot be Cala's run root: it is not a directory", file.display());
    refused(&Output::of(&mut command), 125, &line);
}

#[test]
fn a_data_root_that_is_something_else_is_refused_and_left_alone() {
    let cala = bare();
    let home = cala.folder().join("home");
    let foreign = cala.folder().join("foreign");
    std::fs::create_dir(&foreign).expect("the folder is writable");
    std::fs::write(foreign.join("letter.txt"), "dear").expect("the folder is writable");
    let later = cala.folder().join("later");
    std::fs::create_dir(&later).expect("the folder is writable");
    std::fs::write(later.join("format.json"), r#"{"writes":9,"min_reader":9}"#)
        .expect("the folder is writable");
    let place = |path: &std::path::Path| path.display().to_string();
    let cases = [
        (place(&home), "cannot be Cala's data root: your home directory is in it".to_owned(), "--root"),
        ("/".to_owned(), "cannot be Cala's data root: it is the root of the system".to_owned(), "--root"),
        (
            place(&foreign),
            "cannot be Cala's data root: it holds `letter.txt`, which is not Cala's".to_owned(),
            "--root",
        ),
        ("/usr".to_owned(), "cannot be Cala's data root: it belongs to user 0".to_owned(), "--root"),
        (place(&later), "was written in format 9, this version reads format 1".to_owned(), "version of Cala"),
    ];
    for (path, reason, hint) in &cases {
        let mut command = cala.bare_command(&[]);
        let output = Output::of(command.args(["--root", path, "ps"]));
        refused(&output, 125, &format!("Error: `{path}` {reason}"));
        hinted(&output, hint);
    }
    assert_eq!(crate::support::entries(&foreign), ["letter.txt"]);
    assert!(crate::support::entries(&home).iter().all(|name| name.starts_with('.')));
}

#[test]
fn on_a_disk_that_became_read_only_reading_works_and_writing_says_why() {
    let Some(world) = world() else { return };
    world.cala.run(["create", "--name", "there", "--network", "none", &world.image]).success();
    let data = world.cala.data_root();
    let data = data.display();
    let prefix =
        in_changed_mounts(&format!("mount --bind '{data}' '{data}' && mount -o remount,bind,ro '{data}'"));
    let run = |args: &[&str]| Output::of(&mut world.cala.command_under(&words(&prefix), args));
    assert_eq!(run(&["ps", "-a", "--format", "{{.Names}}"]).success().text(), "there");
    assert_eq!(run(&["images", "-q"]).success().stdout.lines().count(), 1);
    run(&["inspect", "there"]).success();
    for args in
        [&["create", "--network", "none", &world.image][..], &["rm", "there"], &["rmi", "-f", &world.image]]
    {
        let output = run(args);
        assert!(output.code == 125 || output.code == 1, "{output:?}");
        assert!(last_error(&output).contains("Read-only file system"), "{output:?}");
        assert!(last_error(&output).contains(&data.to_string()), "{output:?}");
    }
}

#[test]
fn a_registry_that_is_not_there_is_told() {
    let cala = bare();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let output = cala.run(["pull", "-q", &format!("{address}/a:1")]);
    assert_eq!(output.code, 125, "{output:?}");
    assert!(last_error(&output).contains(&format!("pinging container registry {address}")), "{output:?}");
    assert!(last_error(&output).contains("refused"), "{output:?}");
    hinted(&output, "network connection");
    let wrong = format!("{address}/a@sha256:{}", "0".repeat(63));
    assert_eq!(cala.run(["pull", "-q", &wrong]).code, 125);
}

/// Runs where these programs are not installed.
fn without(programs: &[&str]) -> Vec<String> {
    let hide: Vec<String> = programs
        .iter()
        .flat_map(|program| {
            ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map(|folder| format!("{folder}/{program}"))
        })
        .filter(|path| std::path::Path::new(path).exists())
        .map(|path| format!("mount --bind /dev/null {path}"))
        .collect();
    // The ids of newuidmap cannot be had in this user namespace.
    let ids = ["/etc/subuid", "/etc/subgid"].map(|path| format!("mount --bind /dev/null {path}"));
    in_changed_mounts(&[hide.as_slice(), &ids].concat().join(" && "))
}

#[test]
fn without_pasta_slirp4netns_is_the_way_out() {
    use std::io::{Read as _, Write as _};
    if !cala_testkit::require::program("slirp4netns") {
        return cala_testkit::require::skip("slirp4netns is not installed");
    }
    let Some(busybox) = cala_testkit::Image::busybox() else {
        return cala_testkit::require::skip("busybox-static is not installed");
    };
    let cala = bare();
    let prefix = without(&["pasta"]);
    let run = |args: &[&str]| Output::of(&mut cala.command_under(&words(&prefix), args));
    let registry = ScriptedRegistry::honest(&[("test/busybox", "1", &busybox)]);
    let image = registry.reference("test/busybox", "1");
    // The host as it is seen from outside: it is reached through the uplink.
    let host = cala_testkit::host::outward();
    let udp = std::net::UdpSocket::bind((host, 0)).unwrap();
    let tcp = std::net::TcpListener::bind((host, 0)).unwrap();
    let script = format!(
        "busybox nslookup host.docker.internal; busybox tftp -g -r over -l /dev/null {host} {}; echo by-tcp | busybox nc {host} {}",
        udp.local_addr().unwrap().port(),
        tcp.local_addr().unwrap().port()
    );
    // An error of TFTP (RFC 1350) that says so.
    std::thread::spawn(move || {
        let (_, from) = udp.recv_from(&mut [0; 512]).unwrap();
        udp.send_to(b"\0\x05\0\0said by UDP\0", from).unwrap();
    });
    let server = std::thread::spawn(move || {
        let (mut stream, _) = tcp.accept().unwrap();
        let mut text = [0; 7];
        stream.read_exact(&mut text).unwrap();
        stream.write_all(b"answer\n").unwrap();
        text
    });
    let started = run(&["run", "-d", "-q", "--name", "c", &image, "sleep", "1000"]);
    assert_eq!(started.code, 0, "{started:?}");
    assert_eq!(started.stderr, "", "nothing is missing");
    let inside = cala.run(["exec", "c", "sh", "-c", &script]);
    assert!(inside.stdout.contains(&host.to_string()), "names: {inside:?}");
    assert!(inside.stdout.contains("answer"), "TCP: {inside:?}");
    assert_eq!(&server.join().unwrap(), b"by-tcp\n");
    assert!(inside.stderr.contains("said by UDP"), "UDP: {inside:?}");
    let shown = cala.run(["network", "inspect", "podman", "--format", "{{.Uplink}}"]);
    assert_eq!(shown.text(), "slirp4netns", "{shown:?}");
    let shown = run(&["info", "--format", "{{.Host.RootlessNetworkCmd}}"]);
    assert_eq!(shown.text(), "slirp4netns", "{shown:?}");
    cala.run(["rm", "-f", "-t", "0", "c"]).success();
    run(&["rmi", "-f", &image]).success();
}

#[test]
fn without_any_way_out_a_container_starts_and_is_told_what_to_install() {
    let cala = bare();
    let prefix = without(&["pasta", "slirp4netns"]);
    let run = |args: &[&str]| Output::of(&mut cala.command_under(&words(&prefix), args));
    let started = run(&["run", "-d", "--name", "c", "cala/hello", "serve", "80"]);
    assert_eq!(started.code, 0, "{started:?}");
    assert!(started.stderr.contains("neither pasta nor slirp4netns is installed"), "{started:?}");
    assert!(started.stderr.contains("install the package passt"), "{started:?}");
    let shown = cala.run(["network", "inspect", "podman", "--format", "{{.Uplink}}"]);
    assert!(shown.text().starts_with("none: neither pasta"), "{shown:?}");
    let info = run(&["info"]).success();
    assert!(info.stdout.contains("install the package passt"), "{info:?}");
    cala.run(["rm", "-f", "-t", "0", "c"]).success();
    // One that was asked for by name is named.
    let cala = bare();
    let named = ["run", "--rm", "--network", "slirp4netns", "cala/hello", "crash", "0"];
    let named = Output::of(&mut cala.command_under(&words(&prefix), named));
    assert_eq!(named.code, 0, "{named:?}");
    assert!(named.stderr.contains("install the package slirp4netns"), "{named:?}");
}

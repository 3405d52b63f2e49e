//! `commit` and `import`: images made of containers and of archives.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::{World, other_program, refused, world};

/// What `run` of an image shows of files that were changed, made and removed.
const LOOK: &str = "cd /; cat etc/group | tail -n1; busybox stat -c '%n %u:%g %a %F' new new/f new/link var/gone \
                    2>&1; readlink new/link; ls var tmp/again; test -e bin/not-executable || echo removed";

const CHANGE: &str = "cd /; echo more >>etc/group; mkdir -m 750 new; echo x >new/f; chown 1000:29 new/f; \
                      chmod 4711 new/f; ln -s f new/link; rm bin/not-executable; rm -r tmp; mkdir -m 1777 tmp; \
                      mkdir tmp/again; touch tmp/again/kept";

#[track_caller]
fn shown(world: &World, image: &str) -> String {
    world.cala.run(["run", "--rm", "--network", "none", image, "sh", "-c", LOOK]).success().stdout
}

#[track_caller]
fn config(world: &World, image: &str) -> Value {
    let format = ["image", "inspect", "--format", "{{json .Config}}", image];
    serde_json::from_str(world.cala.run(format).success().text()).unwrap()
}

#[test]
fn an_image_of_a_container_has_the_same_files() {
    let Some(world) = world() else { return };
    world.container(&["--name", "c"], &["sh", "-c", CHANGE]).success();
    let expected = "more\nnew 0:0 750 directory\nnew/f 1000:29 4711 regular file\nnew/link 0:0 777 symbolic link\n\
                    busybox: can't stat 'var/gone': No such file or directory\nf\ntmp/again:\nkept\n\nvar:\nremoved\n";
    for (name, options) in [("plain", &[][..]), ("squashed", &["--squash"]), ("docker", &["-f", "docker"])] {
        let id = world.cala.run([&["commit", "-q"], options, &["c", name]].concat()).success();
        assert_eq!(id.text().len(), 64, "{id:?}");
        let seen = shown(&world, name).replace("stat: can't", "busybox: can't");
        assert_eq!(seen, expected, "{name}");
        let layers =
            world.cala.run(["image", "inspect", "--format", "{{len .RootFS.Layers}}", name]).success();
        assert_eq!(layers.text(), if name == "squashed" { "1" } else { "2" });
    }
    let kind = ["image", "inspect", "--format", "{{.ManifestType}}", "docker"];
    assert_eq!(world.cala.run(kind).success().text(), "application/vnd.docker.distribution.manifest.v2+json");
    // An image of a container of that image, while it runs and with its processes standing still.
    world.cala.run(["run", "-d", "--network", "none", "--name", "d", "plain", "sleep", "1000"]).success();
    world.cala.run(["exec", "d", "sh", "-c", "rm -r /new; mkdir /new; echo other >/new/g"]).success();
    world.cala.run(["commit", "-q", "--pause", "d", "again:1"]).success();
    assert_eq!(world.cala.run(["exec", "d", "echo", "thawed"]).success().text(), "thawed");
    let seen =
        world.cala.run(["run", "--rm", "--network", "none", "localhost/again:1", "ls", "/new", "/tmp/again"]);
    assert_eq!(seen.success().stdout, "/new:\ng\n\n/tmp/again:\nkept\n");
}

#[test]
fn an_image_says_what_the_container_was_told() {
    let Some(world) = world() else { return };
    let options = [
        "-d",
        "--init",
        "--name",
        "c",
        "--user",
        "alice",
        "--workdir",
        "/tmp",
        "-e",
        "X=1",
        "-l",
        "a=b",
        "-v",
        "/anonymous",
        "-v",
        "named:/named",
    ];
    world.container(&options, &["sleep", "1000"]).success();
    world.cala.run(["commit", "-q", "c", "one"]).success();
    let seen = config(&world, "one");
    assert_eq!((&seen["User"], &seen["WorkingDir"]), (&json!("alice"), &json!("/tmp")));
    assert_eq!(seen["Cmd"], json!(["sleep", "1000"]));
    assert_eq!(seen["Volumes"], json!({ "/anonymous": {} }));
    assert_eq!(seen["Labels"]["a"], "b");
    let env = seen["Env"].as_array().unwrap();
    assert!(
        env.contains(&json!("X=1")) && env.iter().any(|line| line.as_str().unwrap().starts_with("PATH="))
    );
    // Another container of the image has another host name.
    assert!(!env.iter().any(|line| line.as_str().unwrap().starts_with("HOSTNAME=")), "{env:?}");
    let words = [
        "commit",
        "-q",
        "--include-volumes",
        "-f",
        "docker",
        "-a",
        "Ana <ana@x>",
        "-m",
        "a word",
        "-c",
        "CMD [\"id\", \"-u\"]",
        "--change",
        "ENV X=2",
        "--iidfile",
        "iid",
        "c",
        "two:1",
    ];
    let id = world.cala.run(words).success();
    assert_eq!(std::fs::read_to_string(world.cala.folder().join("iid")).unwrap(), id.text());
    let seen = config(&world, "two:1");
    assert_eq!(seen["Volumes"], json!({ "/anonymous": {}, "/named": {} }));
    assert!(seen["Env"].as_array().unwrap().contains(&json!("X=2")));
    let about = ["image", "inspect", "--format", "{{.Author}}, {{.Comment}}", "two:1"];
    assert_eq!(world.cala.run(about).success().text(), "Ana <ana@x>, a word");
    let seen = world.cala.run(["run", "--rm", "--network", "none", "localhost/two:1"]).success();
    assert_eq!(seen.text(), "1000");
    // Without a name it is found by its id.
    let id = world.cala.run(["commit", "-q", "-c", "LABEL only=this", "c"]).success().text().to_owned();
    assert_eq!(config(&world, &id)["Labels"]["only"], "this");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_made() {
    let Some(world) = world() else { return };
    world.container(&["--name", "c"], &["true"]).success();
    for (args, line) in [
        (&["commit"][..], "accepts between 1 and 2 arg(s), received 0"),
        (&["commit", "a", "b", "c"], "accepts between 1 and 2 arg(s), received 3"),
        (&["commit", "nope"], "no container with name or ID \"nope\" found: no such container"),
        (&["commit", "-f", "nonsense", "c"], "unrecognized image format \"nonsense\""),
        (&["import"], "accepts between 1 and 2 arg(s), received 0"),
        (&["import", "no.tar"], "error opening \"no.tar\": open no.tar: no such file or directory"),
        (&["import", "-c", "FROM x", "/dev/null"], "invalid change \"FROM x\" - invalid instruction FROM"),
        (&["import", "-c", "CMD", "/dev/null"], "invalid change \"CMD\" - must be formatted as KEY VALUE"),
    ] {
        refused(&world.cala.run(args), 125, &format!("Error: {line}"));
    }
    world.cala.run(["commit", "c", "Bad"]).exits_with(125);
    world.cala.run(["commit", "-c", "NOPE x", "c", "three"]).exits_with(125);
    let damaged = world.cala.run_with_input(["import", "-", "four"], b"no archive");
    assert_eq!(damaged.code, 125, "{damaged:?}");
    assert_eq!(world.cala.run(["images", "-q"]).success().stdout.lines().count(), 1);
}

/// The container's tree as a file `c.tar`.
fn exported(world: &World) -> Vec<u8> {
    world.container(&["--name", "c"], &["sh", "-c", CHANGE]).success();
    world.cala.run(["export", "-o", "c.tar", "c"]).success();
    std::fs::read(world.cala.folder().join("c.tar")).unwrap()
}

#[test]
fn an_archive_becomes_an_image() {
    let Some(world) = world() else { return };
    let tar = exported(&world);
    let words = [
        "import",
        "-q",
        "-m",
        "hello",
        "-c",
        "CMD [\"sh\"]",
        "-c",
        "ENV PATH=/bin",
        "--change",
        "EXPOSE 80",
        "--os",
        "linux",
        "--arch",
        "arm64",
        "--variant",
        "v8",
        "c.tar",
        "box:1",
    ];
    let id = world.cala.run(words).success();
    assert!(id.text().starts_with("sha256:"), "{id:?}");
    let format = "{{.Architecture}} {{.Os}} {{.Comment}} {{json .Config.ExposedPorts}} {{json .Config.Cmd}}";
    let seen = world.cala.run(["image", "inspect", "--format", format, "localhost/box:1"]).success();
    assert_eq!(seen.text(), "arm64 linux hello {\"80/tcp\":{}} [\"sh\"]");
    let gzip = |tar: &[u8]| {
        let mut child = std::process::Command::new("gzip")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, tar) = (child.stdin.take().unwrap(), tar.to_vec());
        let writer = std::thread::spawn(move || stdin.write_all(&tar));
        let out = child.wait_with_output().unwrap().stdout;
        writer.join().unwrap().unwrap();
        out
    };
    for (name, archive) in [("plain", tar.clone()), ("gzip", gzip(&tar))] {
        world.cala.run_with_input(["import", "-c", "ENV PATH=/bin", "-", name], &archive).success();
        assert!(shown(&world, name).contains("new/f 1000:29 4711 regular file"), "{name}");
    }
}

#[test]
fn an_archive_comes_from_an_address() {
    let Some(world) = world() else { return };
    let tar = exported(&world);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for answer in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !request.ends_with(b"\r\n\r\n") {
                let count = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..count]);
            }
            let head = match answer {
                0 => "HTTP/1.1 302 Found\r\nLocation: /there.tar\r\nContent-Length: 0".to_owned(),
                1 => format!("HTTP/1.1 200 OK\r\nContent-Length: {}", tar.len()),
                _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0".to_owned(),
            };
            stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
            if answer == 1 {
                stream.write_all(&tar).unwrap();
            }
        }
    });
    let url = format!("http://{address}/c.tar");
    world.cala.run(["import", "-q", "-c", "ENV PATH=/bin", &url, "web"]).success();
    assert!(shown(&world, "localhost/web").contains("new/f 1000:29 4711 regular file"));
    let missing = world.cala.run(["import", &url, "never"]);
    // Podman makes an image of the server's refusal.
    assert!(missing.code == 125 || other_program(), "{missing:?}");
    server.join().unwrap();
    if !other_program() {
        let refused = world.cala.run(["import", "http://user:word@127.0.0.1/x", "never"]).exits_with(125);
        assert!(!refused.stderr.contains("Stalled"), "{refused:?}");
    }
    let made = world.cala.run(["image", "exists", "localhost/never"]).code == 0;
    assert_eq!(made, other_program());
}

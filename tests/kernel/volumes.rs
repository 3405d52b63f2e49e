//! Volumes and memory over what an image has: `VOLUME`, the first fill, owners, modes.

use cala_testkit::image::{Compression, Image};
use cala_testkit::tar::Entry;
use cala_testkit::{LayerBuilder, Output};
use serde_json::{Value, json};

use crate::{World, world};

/// Busybox with a further layer under a name of its own.
pub(crate) fn push(world: &World, name: &str, layer: LayerBuilder, config: &Value) -> String {
    let base = Image::busybox().expect("the world has it");
    let more = Image::new(vec![layer.tar()], Compression::Gzip, config);
    let ids: Vec<String> = [&base, &more]
        .iter()
        .flat_map(|image| {
            let config: Value = serde_json::from_slice(&image.config.bytes).expect("JSON");
            config["rootfs"]["diff_ids"].as_array().expect("a list").clone()
        })
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let mut layers = base.layers;
    layers.extend(more.layers);
    world.registry.push(&format!("volumes/{name}"), "1", &Image::from_parts(layers, &ids, config))
}

fn owned<'a>(path: &'a str, kind: u8, mode: u32, content: &'a [u8]) -> Entry<'a> {
    Entry { path, kind, mode, content, owner: (1000, 29), ..Entry::default() }
}

/// An image with `/data` of alice, mode 750, with a file in it, and a `VOLUME` where `places` say.
fn image(world: &World, name: &str, places: &[&str]) -> String {
    let layer = LayerBuilder::default()
        .entry(&owned("data", b'5', 0o750, b""))
        .entry(&owned("data/seed", b'0', 0o640, b"seed\n"))
        .entry(&owned("data/sub", b'5', 0o700, b""))
        .symlink("data/sub/link", "/nowhere");
    let places: serde_json::Map<String, Value> =
        places.iter().map(|place| ((*place).to_owned(), json!({}))).collect();
    push(world, name, layer, &json!({ "Env": ["PATH=/bin"], "Cmd": ["sh"], "Volumes": places }))
}

fn run(world: &World, options: &[&str], image: &str, script: &str) -> Output {
    let mut args = vec!["run", "--rm", "--network", "none"];
    args.extend_from_slice(options);
    args.extend_from_slice(&[image, "sh", "-c", script]);
    world.cala.run(args)
}

fn volumes(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.cala.data_root().join("volumes")).expect("the store");
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

const LOOK: &str = "stat -c '%n %u:%g %a %F' /data /data/* /data/sub/*; cat /data/seed";
const SEEN: &str = "/data 1000:29 750 directory\n/data/seed 1000:29 640 regular file\n\
                    /data/sub 1000:29 700 directory\n/data/sub/link 0:0 777 symbolic link\nseed\n";

#[test]
fn an_images_volumes_are_anonymous_and_go_with_the_container() {
    let Some(world) = world() else { return };
    let image = image(&world, "anon", &["/data", "/new"]);
    let seen =
        run(&world, &[], &image, &format!("{LOOK}; grep -c ' /data \\| /new ' /proc/mounts")).success();
    assert_eq!(seen.stdout, format!("{SEEN}2\n"));
    assert_eq!(volumes(&world), [""; 0], "they go with --rm");
    // Also below a read-only root, and not where the person mounts something.
    let script = "echo x >/data/x && cat /data/x; grep ' /new ' /proc/mounts | cut -d' ' -f3; cat /data/seed";
    let seen = run(&world, &["--read-only", "--tmpfs", "/new"], &image, script).success();
    assert_eq!(seen.stdout, "x\ntmpfs\nseed\n");
    world.cala.run(["create", "--name", "c", "--network", "none", "-v", "kept:/new", &image]).success();
    let all = volumes(&world);
    let (named, anonymous): (Vec<&String>, Vec<&String>) = all.iter().partition(|name| *name == "kept");
    assert_eq!((named.len(), anonymous.len()), (1, 1), "{all:?}");
    let mounts: Value = serde_json::from_str(&world.inspect("c", "{{json .Mounts}}")).expect("JSON");
    let at_data = mounts.as_array().expect("a list").iter().find(|mount| mount["Destination"] == "/data");
    let at_data = at_data.expect("it is shown");
    assert_eq!((&at_data["Type"], &at_data["Name"]), (&json!("volume"), &json!(anonymous[0])));
    assert_eq!(world.inspect("c", "{{json .Config.Volumes}}"), r#"{"/data":{}}"#);
    // Without -v they stay, as Podman has it.
    world.cala.run(["rm", "c"]).success();
    assert_eq!(volumes(&world).len(), 2);
    world.cala.run(["create", "--name", "d", "--network", "none", &image]).success();
    assert_eq!(volumes(&world).len(), 4);
    world.cala.run(["rm", "-v", "d"]).success();
    assert_eq!(volumes(&world).len(), 2);
}

#[test]
fn a_fresh_volume_gets_what_the_image_has_and_a_used_one_keeps_what_it_has() {
    let Some(world) = world() else { return };
    let image = image(&world, "fill", &[]);
    let look = |options: &[&str], script: &str| run(&world, options, &image, script).success().stdout;
    assert_eq!(look(&["-v", "full:/data"], LOOK), SEEN);
    look(&["-v", "full:/data"], "rm -r /data/*; chmod 711 /data");
    assert_eq!(look(&["-v", "full:/data"], "ls /data; stat -c %a /data"), "711\n");
    // Only owner and mode; the next one that is not told so fills it.
    assert_eq!(look(&["-v", "no:/data:nocopy"], "ls /data; stat -c '%u %a' /data"), "1000 750\n");
    assert_eq!(look(&["-v", "no:/data"], LOOK), SEEN);
    assert_eq!(look(&["--mount", "type=volume,src=m,dst=/data,volume-nocopy=true"], "ls /data"), "");
    // Where the image has nothing it is the user's.
    assert_eq!(look(&["-u", "alice", "-v", "mine:/new"], "touch /new/x; stat -c %u:%g /new"), "1000:1000\n");
    assert_eq!(look(&["-u", "alice", "-v", "home:/data"], "touch /data/x && echo fine"), "fine\n");
    let seen = look(&["-u", "1234:5", "-v", "u:/data:U"], "stat -c %u:%g /data /data/seed /data/sub/link");
    assert_eq!(seen, "1234:5\n1234:5\n1234:5\n");
    // Nested: each gets its own part.
    assert_eq!(look(&["-v", "outer:/data", "-v", "inner:/data/sub"], LOOK), SEEN);
    for bad in ["x:/data:copy,nocopy", "x:/data:O,upperdir=/u"] {
        world.cala.run(["create", "-v", bad, &image]).exits_with(125);
    }
}

#[test]
fn many_that_start_with_one_fresh_volume_see_it_whole() {
    let Some(world) = world() else { return };
    let image = image(&world, "race", &[]);
    for round in 0..4 {
        let volume = format!("v{round}:/data");
        let children: Vec<_> = (0..8)
            .map(|_| {
                let args = ["run", "--rm", "--network", "none", "-v", &volume, &image, "sh", "-c", LOOK];
                let mut command = world.cala.command(args);
                command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
                command.spawn().expect("it starts")
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(String::from_utf8_lossy(&output.stdout), SEEN, "{output:?}");
        }
    }
}

#[test]
fn a_source_that_is_to_be_the_users_becomes_his() {
    let Some(world) = world() else { return };
    let folder = world.cala.folder().join("given/deep");
    std::fs::create_dir_all(&folder).expect("writable");
    std::fs::write(folder.join("file"), "").expect("writable");
    std::os::unix::fs::symlink(world.cala.folder(), folder.join("out")).expect("writable");
    let bind = format!("{}:/g:U", folder.parent().expect("a parent").display());
    let script = "stat -c %u:%g /g /g/deep /g/deep/file /g/deep/out; touch /g/deep/more";
    let seen = run(&world, &["-u", "1000:29", "-v", &bind], &world.image, script).success();
    assert_eq!(seen.stdout, "1000:29\n1000:29\n1000:29\n1000:29\n");
    let own = std::fs::metadata(world.cala.folder()).expect("it is there");
    let me = std::fs::metadata("/proc/self").expect("procfs");
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(own.uid(), me.uid(), "no link was followed");
    for dangerous in ["/usr", "/etc"] {
        let refused =
            world.cala.run(["create", "-v", &format!("{dangerous}:/x:U"), &world.image]).exits_with(125);
        assert!(refused.stderr.contains("is not allowed"), "{refused:?}");
    }
}

#[test]
fn a_tmpfs_has_the_mode_that_is_asked_for_else_that_of_what_it_covers() {
    let Some(world) = world() else { return };
    let image = image(&world, "tmpfs", &[]);
    // As Podman 5.4.2 with crun: the root's, with the covered directory's mode; 1777 where there is none.
    for (options, place, seen) in [
        (["--tmpfs", "/t:size=1m,mode=700"], "/t", "0:0 700 0"),
        (["--mount", "type=tmpfs,target=/t,tmpfs-mode=1777"], "/t", "0:0 1777 0"),
        (["--tmpfs", "/t"], "/t", "0:0 1777 0"),
        (["--tmpfs", "/data"], "/data", "0:0 750 2"),
        (["--tmpfs", "/data:mode=700"], "/data", "0:0 700 2"),
        (["--tmpfs", "/data:notmpcopyup"], "/data", "0:0 750 0"),
        (["--tmpfs", "/data:ro,uid=1000"], "/data", "1000:0 750 2"),
        (["--tmpfs", "/data:U"], "/data", "33:44 750 2"),
    ] {
        let user = if options[1].ends_with("U") { "33:44" } else { "0" };
        let script = format!("echo $(stat -c '%u:%g %a' {place}) $(ls {place} 2>/dev/null | wc -l)");
        let mut all = options.to_vec();
        all.extend(["-u", user]);
        let output = run(&world, &all, &image, &script).success();
        assert_eq!(output.text(), seen, "{options:?}");
    }
}

#[test]
fn hostile_volume_places_see_only_files_of_the_image() {
    let Some(world) = world() else { return };
    let canary = world.cala.folder().join("canary");
    std::fs::create_dir(&canary).expect("writable");
    std::fs::write(canary.join("secret"), "canary\n").expect("writable");
    let target = canary.display().to_string();
    let layer = || LayerBuilder::default().symlink("v", &target).symlink("up", "../../../../../../..");
    let places =
        ["/v".to_owned(), format!("/../../../..{target}"), format!("/up{target}"), "/up/etc".to_owned()];
    for (n, place) in places.iter().enumerate() {
        let config = json!({ "Env": ["PATH=/bin"], "Volumes": { place: {} } });
        let image = push(&world, &format!("hostile{n}"), layer(), &config);
        let script = format!(
            "cat /v/secret {target}/secret; echo x >/v/new; echo x >{target}/new; echo x >{target}/secret; true"
        );
        let output = run(&world, &[], &image, &script);
        assert!([0, 125].contains(&output.code) && !output.stdout.contains("canary"), "{place}: {output:?}");
        let left: Vec<_> = std::fs::read_dir(&canary).expect("it is there").flatten().collect();
        assert_eq!(left.len(), 1, "{place}: {left:?}");
        assert_eq!(std::fs::read_to_string(canary.join("secret")).expect("the canary"), "canary\n");
    }
    for place in ["/proc", "/proc/self", "/", "/..", "/dev/pts"] {
        let config = json!({ "Env": ["PATH=/bin"], "Volumes": { place: {} } });
        let image = push(&world, &format!("kernel{}", place.len()), layer(), &config);
        run(&world, &[], &image, "true").exits_with(125);
    }
    assert_eq!(volumes(&world), [""; 0]);
}

#[test]
fn a_user_that_is_only_a_number_gets_a_name_but_through_no_link() {
    let Some(world) = world() else { return };
    let script = "tail -n 1 /etc/passwd; tail -n 1 /etc/group; echo $HOME";
    for (options, seen) in [
        (&["-u", "4242"][..], "4242:*:4242:0:container user:/:/bin/sh\n4242:x:4242:4242\n/\n"),
        (
            &["-u", "4242:4243", "-w", "/var", "--read-only"],
            "4242:*:4242:4243:container user:/var:/bin/sh\n4243:x:4243:4242\n/var\n",
        ),
        (&["-u", "1000"], "alice:x:1000:1000:Alice:/tmp:/bin/sh\nalice:x:1000:\n/tmp\n"),
    ] {
        assert_eq!(run(&world, options, &world.image, script).success().stdout, seen, "{options:?}");
    }
    // Once, however often it is started.
    let args = [
        "run",
        "--name",
        "n",
        "--network",
        "none",
        "-u",
        "4242",
        &world.image,
        "grep",
        "-c",
        "4242",
        "/etc/passwd",
    ];
    assert_eq!(world.cala.run(args).success().text(), "1");
    assert_eq!(world.cala.run(["start", "-a", "n"]).success().text(), "1");
    let outside = world.cala.folder().join("passwd");
    std::fs::write(&outside, "root:x:0:0::/:/bin/sh\n").expect("writable");
    let layer = LayerBuilder::default()
        .symlink("etc/passwd", "../kept")
        .file("kept", 0o644, b"root:x:0:0::/:/bin/sh\n")
        .symlink("etc/group", &outside.display().to_string());
    let image = push(&world, "passwd", layer, &json!({ "Env": ["PATH=/bin"] }));
    assert_eq!(run(&world, &["-u", "4242"], &image, "grep -c 4242 /kept; id -u").success().text(), "0\n4242");
    assert!(!std::fs::read_to_string(&outside).expect("readable").contains("4242"));
    let bind = format!("{}:/etc/passwd", outside.display());
    run(&world, &["-u", "4242", "-v", &bind], &world.image, "true").success();
    assert!(!std::fs::read_to_string(&outside).expect("readable").contains("4242"));
}

//! Mounts of every type in real containers, looked at from inside; and that nothing in them leads out.

use std::path::PathBuf;

use cala_testkit::LayerBuilder;
use serde_json::json;

use crate::volumes::push;
use crate::{World, world};

/// An image whose upper layer has `/data/file`, `/data/sub/deep` and links out of `/data`.
fn layered(world: &World) -> String {
    let layer = LayerBuilder::default()
        .folder("data", 0o711)
        .file("data/file", 0o640, b"of the image")
        .folder("data/sub", 0o755)
        .file("data/sub/deep", 0o644, b"deep")
        .symlink("data/inside", "sub")
        .symlink("data/outside", "/etc")
        .symlink("data/up", "../../../../..");
    let image = push(world, "layered", layer, &json!({ "Env": ["PATH=/bin"], "Cmd": ["sh"] }));
    world.cala.run(["pull", "-q", &image]).success();
    image
}

fn folder(world: &World) -> PathBuf {
    let folder = world.cala.folder().join("host");
    std::fs::create_dir(&folder).expect("made");
    std::fs::write(folder.join("own"), "of the host").expect("written");
    folder
}

#[test]
fn an_image_is_mounted_read_only_and_written_over() {
    let Some(world) = world() else { return };
    let image = layered(&world);
    let mount = format!("type=image,source={image},target=/i");
    let look = "cat /i/data/file; stat -c %a /i/data; touch /i/x 2>/dev/null || echo refused; grep -c ' /i ' /proc/mounts";
    assert_eq!(world.sh(&["--mount", &mount], look), "of the image711\nrefused\n1");
    let writable = format!("{mount},rw=true");
    let write = "echo more >>/i/data/file; echo new >/i/new; cat /i/data/file";
    // What is written is gone with the container, and was never in the image.
    for _ in 0..2 {
        assert_eq!(world.sh(&["--mount", &writable], write), "of the imagemore");
    }
    assert_eq!(
        world.sh(&["--mount", &mount], "cat /i/data/file; test -e /i/new || echo gone"),
        "of the imagegone"
    );
    let part = format!("{mount},subpath=/data/inside");
    assert_eq!(world.sh(&["--mount", &part], "ls /i"), "deep");
    for (subpath, words) in [
        ("data/outside", "is outside of the volume"),
        ("data/up", "is outside of the volume"),
        ("no", "open subpath `no`"),
    ] {
        let output = world.run_rm(&["--mount", &format!("{mount},subpath={subpath}")], &["true"]);
        assert!(output.code != 0 && output.stderr.contains(words), "{output:?}");
    }
    let missing = world.run_rm(&["--mount", "type=image,source=nosuch.invalid/x,target=/i"], &["true"]);
    assert_eq!(missing.code, 125);
    assert!(missing.stderr.contains("image not known"), "{missing:?}");
}

#[test]
fn an_image_that_is_mounted_stays() {
    let Some(world) = world() else { return };
    let image = layered(&world);
    let mount = format!("type=image,source={image},target=/i");
    let create = [
        "create",
        "--name",
        "c",
        "--network",
        "none",
        "--mount",
        &mount,
        &world.image,
        "cat",
        "/i/data/file",
    ];
    let id = world.cala.run(create).success().text().to_owned();
    let refused = world.cala.run(["rmi", &image]).exits_with(2);
    assert!(refused.stderr.contains(&format!("image used by {id}")), "{refused:?}");
    assert_eq!(world.cala.run(["start", "--attach", "c"]).success().stdout, "of the image");
    let inspected =
        world.inspect("c", "{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{.RW}}{{end}}");
    assert_eq!(inspected, format!("image {image} /i false"));
    world.cala.run(["rm", "c"]).success();
}

#[test]
fn what_is_written_over_a_folder_or_a_volume_is_thrown_away() {
    let Some(world) = world() else { return };
    let host = folder(&world);
    let bind = format!("{}:/o:O", host.display());
    assert_eq!(world.sh(&["-v", &bind], "echo x >/o/new; rm /o/own; ls /o"), "new");
    assert_eq!(std::fs::read_to_string(host.join("own")).expect("still there"), "of the host");
    assert!(!host.join("new").exists());
    world.sh(&["-v", "v:/v"], "echo kept >/v/f");
    assert_eq!(world.sh(&["-v", "v:/v:O"], "echo changed >/v/f; cat /v/f"), "changed");
    assert_eq!(world.sh(&["-v", "v:/v"], "cat /v/f"), "kept");
    // A container that is started again begins anew.
    let args = [
        "create",
        "--name",
        "again",
        "--network",
        "none",
        "-v",
        &bind,
        &world.image,
        "sh",
        "-c",
        "ls /o; touch /o/new",
    ];
    world.cala.run(args).success();
    for _ in 0..2 {
        assert_eq!(world.cala.run(["start", "--attach", "again"]).success().stdout, "own\n");
    }
    world.cala.run(["rm", "again"]).success();
    let refused = world.run_rm(&["-v", &format!("{}:/o:O,U", host.display())], &["true"]);
    assert_eq!(refused.code, 125);
    assert!(refused.stderr.contains("mount options O and U cannot be used together"), "{refused:?}");
}

#[test]
fn a_part_of_a_volume_never_leads_out_of_it() {
    let Some(world) = world() else { return };
    let make = "cd /v; mkdir -p a/b; echo deep >a/b/f; echo top >t; ln -s a/b rel; ln -s /etc abs; ln -s ../../../.. up; ln -s a/../../x out";
    world.sh(&["-v", "v:/v"], make);
    let part = |path: &str| format!("type=volume,source=v,target=/p,subpath={path}");
    assert_eq!(world.sh(&["--mount", &part("a/b")], "cat /p/f"), "deep");
    assert_eq!(world.sh(&["--mount", &part("rel")], "cat /p/f"), "deep");
    assert_eq!(world.sh(&["--mount", &part("t")], "cat /p"), "top");
    for path in ["abs", "up", "out", "abs/passwd"] {
        let output = world.run_rm(&["--mount", &part(path)], &["ls", "/p"]);
        assert!(output.code != 0 && output.stdout.is_empty(), "{path}: {output:?}");
        assert!(output.stderr.contains("is outside of the volume"), "{path}: {output:?}");
    }
    let missing = world.run_rm(&["--mount", &part("nosuch")], &["true"]);
    assert!(missing.code != 0 && missing.stderr.contains("nosuch"), "{missing:?}");
    // The image's files at the place are not for all of the volume.
    world.cala.run(["volume", "create", "fresh"]).success();
    world.run_rm(&["--mount", "type=volume,source=fresh,target=/etc,subpath=x"], &["true"]);
    assert_eq!(
        world.cala.run(["volume", "inspect", "--format", "{{.NeedsCopyUp}}", "fresh"]).success().text(),
        "true"
    );
}

#[test]
fn patterns_and_terminals_are_mounted() {
    let Some(world) = world() else { return };
    let host = folder(&world);
    for name in ["a1", "a2", "b1"] {
        std::fs::write(host.join(name), name).expect("written");
    }
    let glob = format!("type=glob,src={}/a*,target=/g,ro", host.display());
    assert_eq!(
        world.sh(&["--mount", &glob], "ls /g; cat /g/a2; echo x 2>/dev/null >/g/a1 || echo refused"),
        "a1\na2\na2refused"
    );
    let place = format!("type=glob,src={}/b[0-9]", host.display());
    assert_eq!(world.sh(&["--mount", &place], &format!("cat {}/b1", host.display())), "b1");
    let none =
        world.run_rm(&["--mount", &format!("type=glob,src={}/zz*,target=/g", host.display())], &["true"]);
    assert_eq!(none.code, 125);
    assert!(none.stderr.contains("no file paths matching glob"), "{none:?}");
    let terminals =
        world.sh(&["--mount", "type=devpts,target=/p,mode=0620,max=10"], "grep ' /p ' /proc/mounts; ls /p");
    assert!(terminals.starts_with("devpts /p devpts ") && terminals.contains("max=10"), "{terminals}");
    assert!(terminals.contains("mode=620") && terminals.ends_with("ptmx"), "{terminals}");
}

#[test]
fn volumes_and_folders_are_taken_over_from_other_containers() {
    let Some(world) = world() else { return };
    let host = folder(&world);
    let bind = format!("{}:/g:ro", host.display());
    world
        .cala
        .run([
            "run",
            "--name",
            "src",
            "--network",
            "none",
            "-v",
            "inn:/data",
            "-v",
            "/anon",
            "-v",
            &bind,
            "--tmpfs",
            "/tt",
            &world.image,
            "sh",
            "-c",
            "echo a >/anon/f; echo d >/data/f",
        ])
        .success();
    let look = "cat /anon/f /data/f /g/own; touch /data/x 2>/dev/null || echo refused; touch /g/x 2>/dev/null || echo refused; test -e /tt || echo none";
    let taken = world.run_rm(&["--volumes-from", "src"], &["sh", "-c", look]).success();
    assert_eq!(taken.stdout, "a\nd\nof the hostrefused\nnone\n");
    assert!(taken.stderr.contains("unable to match volume /tt from container"), "{taken:?}");
    assert_eq!(world.sh(&["--volumes-from", "src:ro"], look), "a\nd\nof the hostrefused\nrefused\nnone");
    // What the wish itself mounts comes first.
    assert_eq!(world.sh(&["--volumes-from", "src", "-v", "other:/data"], "ls /data; cat /anon/f"), "a");
    // The anonymous volume stays as long as somebody has it.
    let keep = [
        "create",
        "--name",
        "keep",
        "--network",
        "none",
        "--volumes-from",
        "src",
        &world.image,
        "cat",
        "/anon/f",
    ];
    world.cala.run(keep).success();
    world.cala.run(["rm", "-v", "src"]).success();
    assert_eq!(world.cala.run(["start", "--attach", "keep"]).success().stdout, "a\n");
    world.cala.run(["rm", "-v", "keep"]).success();
    assert_eq!(world.cala.run(["volume", "ls", "-q"]).success().stdout, "inn\nother\n");
}

#[test]
fn wrong_mounts_are_refused_before_anything_is_made() {
    let Some(world) = world() else { return };
    for (options, line) in [
        (
            &["--volumes-from", "nosuch"][..],
            "looking up container \"nosuch\" for volumes-from: no container with name or ID \"nosuch\" found: no such container",
        ),
        (
            &["--volumes-from", "x:foo"],
            "invalid option \"foo\" specified - volumes from another container can only use z,ro,rw options",
        ),
        (&["--volumes-from", "x:ro,rw"], "cannot set ro or rw options more than once"),
        (
            &["-v", "v:/v:idmap"],
            "mount option \"idmap\" is not possible: only an administrator may map ids of a mount",
        ),
        (
            &["--mount", "type=volume,source=v,target=/v,subpath=../x"],
            "subpath \"../x\" is outside of the volume",
        ),
        (
            &["--mount", "type=volume,source=v,target=/v,subpath=x,U"],
            "mount options subpath and U cannot be used together",
        ),
        (
            &["--mount", "type=ramfs,target=/v"],
            "mounts of type \"ramfs\" are not supported: nothing limits their memory",
        ),
    ] {
        let output = world.run_rm(options, &["true"]);
        assert_eq!(
            (output.code, output.stderr.lines().next()),
            (125, Some(format!("Error: {line}").as_str())),
            "{output:?}"
        );
    }
    assert_eq!(world.cala.run(["volume", "ls", "-q"]).success().stdout, "");
}

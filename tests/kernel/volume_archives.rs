//! Volumes with options, and volumes as archives, with real containers.

use cala_testkit::tar::{Entry, TarBuilder};

use crate::world;

#[test]
fn a_volume_of_memory_a_folder_and_an_owner_are_what_they_say() {
    let Some(world) = world() else { return };
    let folder = world.cala.folder().join("site");
    std::fs::create_dir(&folder).expect("made");
    std::fs::write(folder.join("page"), "hello").expect("written");
    let device = format!("device={}", folder.display());
    let create = |args: &[&str]| world.cala.run(["volume", "create"].iter().chain(args).copied()).success();
    create(&["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=2M,nodev,noexec", "mem"]);
    create(&["-o", "type=bind", "-o", &device, "-o", "o=bind,ro", "site"]);
    create(&["-o", "o=uid=1000,gid=100", "owned"]);
    create(&["-o", "nocopy", "bare"]);
    let mounted = world.sh(&["-v", "mem:/m"], "grep ' /m ' /proc/mounts; echo x >/m/x; ls /m");
    assert!(
        mounted.contains("tmpfs") && mounted.contains("size=2048k") && mounted.contains("noexec"),
        "{mounted}"
    );
    // Each container has its own memory.
    assert_eq!(world.sh(&["-v", "mem:/m"], "ls /m"), "");
    let seen = world.sh(&["-v", "site:/s"], "cat /s/page; echo x 2>/dev/null >/s/new || echo refused");
    assert_eq!(seen, "hellorefused");
    assert_eq!(
        world.sh(&["-v", "owned:/etc"], "stat -c %u:%g /etc; test -e /etc/passwd && echo copied"),
        "1000:100\ncopied"
    );
    assert_eq!(world.sh(&["-v", "bare:/etc"], "test -e /etc/passwd || echo empty"), "empty");
    // What stands for a folder of the host is checked as if the folder had been asked for.
    let run = world.cala.folder().join("nosuch").display().to_string();
    create(&["-o", "type=bind", "-o", &format!("device={run}"), "gone"]);
    let refused = world.run_rm(&["-v", "gone:/g"], &["true"]);
    assert_eq!(refused.code, 125);
    assert!(refused.stderr.contains(&format!("statfs {run}: no such file or directory")), "{refused:?}");
}

#[test]
fn a_volume_goes_out_and_comes_back_as_it_was() {
    let Some(world) = world() else { return };
    let make = "cd /v; mkdir -p d/e; echo hi >d/e/f; chown 1000:1001 d/e/f; chmod 640 d/e/f; ln d/e/f hard; ln -s ../../etc link; \
                mkfifo p; chmod 1777 .; echo x >'.wh.name'; touch -d 2001-02-03 d";
    world.sh(&["-v", "from:/v"], make);
    let look = "cd /v; ls -lnR . | grep -v ^total; stat -c %a:%Y . d; stat -c %h hard; readlink link";
    let before = world.sh(&["-v", "from:/v"], look);
    world.cala.run(["volume", "export", "from", "-o", "v.tar"]).success();
    world.cala.run(["volume", "create", "to"]).success();
    world.cala.run(["volume", "import", "to", "v.tar"]).success();
    assert_eq!(world.sh(&["-v", "to:/v"], look), before);
    // By pipes too, and compressed.
    let archive = world.cala.run(["volume", "export", "from"]);
    assert_eq!(archive.code, 0);
    let bytes = std::fs::read(world.cala.folder().join("v.tar")).expect("the archive");
    world.cala.run(["volume", "create", "piped"]).success();
    world.cala.run_with_input(["volume", "import", "piped", "-"], &bytes).success();
    assert_eq!(world.sh(&["-v", "piped:/v"], look), before);
    nothing_staged(&world.cala);
}

/// Where an archive was unpacked goes before the command ends; monitors at their end have trees of other names.
fn nothing_staged(cala: &cala_testkit::Cala) {
    let entries = std::fs::read_dir(cala.data_root().join("tmp")).expect("listed").flatten();
    let left: Vec<_> = entries.filter(|e| e.file_name().to_string_lossy().starts_with("removed-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_import_replaces_and_keeps_and_a_bad_archive_changes_nothing() {
    let Some(world) = world() else { return };
    world.sh(
        &["-v", "v:/v"],
        "cd /v; mkdir keep both; chmod 700 both; echo old >both/f; echo old >file; ln -s /etc away",
    );
    let import =
        |archive: TarBuilder| world.cala.run_with_input(["volume", "import", "v", "-"], &archive.finish());
    let file = |path: &'static str| Entry { path, content: b"new", ..Entry::default() };
    let archive =
        TarBuilder::default().entry(&file("both/f")).entry(&file("file/deep")).entry(&file("away/passwd"));
    import(archive).success();
    let seen = world.sh(
        &["-v", "v:/v"],
        "cd /v; ls; cat both/f file/deep away/passwd; stat -c %a both; test -L away || echo folder",
    );
    assert_eq!(seen, "away\nboth\nfile\nkeep\nnewnewnew700\nfolder");
    for (name, archive) in [
        ("a parent", TarBuilder::default().entry(&file("x")).entry(&file("../../../../escaped"))),
        (
            "a link",
            TarBuilder::default()
                .entry(&Entry { path: "l", kind: b'2', link: "/etc", ..Entry::default() })
                .entry(&file("l/escaped")),
        ),
        (
            "a hard link",
            TarBuilder::default().entry(&file("y")).entry(&Entry {
                path: "h",
                kind: b'1',
                link: "../volume.json",
                ..Entry::default()
            }),
        ),
    ] {
        let output = import(archive);
        assert_eq!(output.code, 125, "{name}: {output:?}");
        assert!(output.stderr.starts_with("Error: cannot import the archive: "), "{name}: {output:?}");
    }
    let junk = world.cala.run_with_input(["volume", "import", "v", "-"], &[b'x'; 2000]);
    assert_eq!(junk.code, 125, "{junk:?}");
    assert_eq!(world.sh(&["-v", "v:/v"], "ls /v"), "away\nboth\nfile\nkeep");
    nothing_staged(&world.cala);
}

#[test]
fn a_container_that_swaps_files_for_links_gives_nothing_of_the_host_away() {
    let Some(world) = world() else { return };
    let secret = world.cala.folder().join("secret");
    std::fs::write(&secret, "of the host").expect("written");
    let script = format!(
        "cd /v; while :; do echo own >f; mkdir d; echo own >d/f; rm f; ln -s {0} f; rm -r d; ln -s {1} d; rm f d; mkfifo f; rm f; done",
        secret.display(),
        world.cala.folder().display()
    );
    let args = [
        "run",
        "-d",
        "--network",
        "none",
        "--name",
        "racer",
        "-v",
        "v:/v",
        &world.image,
        "sh",
        "-c",
        &script,
    ];
    world.cala.run(args).success();
    for _ in 0..30 {
        let archive = world.cala.run(["volume", "export", "v"]).success();
        assert!(!archive.stdout.contains("of the host"), "{archive:?}");
        let file = Entry { path: "d/secret", content: b"overwritten", ..Entry::default() };
        let input = TarBuilder::default().entry(&file).finish();
        // It may fail when what it makes is exchanged; it never reaches the host.
        let _ = world.cala.run_with_input(["volume", "import", "v", "-"], &input);
        assert_eq!(std::fs::read_to_string(&secret).expect("there"), "of the host");
    }
    world.cala.run(["rm", "-f", "-t", "0", "racer"]).success();
}

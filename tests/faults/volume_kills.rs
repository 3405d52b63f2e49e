//! SIGKILL while volumes are made, filled from an archive, and removed.

use std::time::{Duration, Instant};

use cala_testkit::rounds;
use cala_testkit::tar::{Entry, TarBuilder};

use crate::support::{World, bare, entries, nothing_half_made, pause, spawn, world};

fn killed_after(cala: &cala_testkit::Cala, args: &[&str], delay: Duration) {
    let mut child = spawn(&mut cala.command(args));
    pause(delay);
    let _ = child.kill();
    child.wait().expect("it ends");
}

#[test]
fn a_killed_create_or_rm_leaves_a_volume_or_none() {
    let cala = bare();
    let create = ["volume", "create", "--label", "a=b", "v"];
    let start = Instant::now();
    cala.run(create).success();
    let whole = start.elapsed();
    cala.run(["volume", "rm", "v"]).success();
    let count = rounds(30);
    for round in 0..count {
        killed_after(&cala, &create, whole * round / (count - 2));
        let there = cala.run(["volume", "exists", "v"]).code == 0;
        let labels = cala.run(["volume", "ls", "--format", "{{.Labels}}"]).success().stdout;
        assert_eq!(labels, if there { "map[a:b]\n" } else { "" }, "round {round}");
        assert_eq!(cala.run(create).code == 0, !there, "round {round}");
        killed_after(&cala, &["volume", "rm", "v"], whole * round / (count - 2));
        cala.run(["volume", "rm", "-f", "v"]).success();
    }
    // The next commands that make and remove finish what the killed ones began.
    cala.run(create).success();
    cala.run(["volume", "rm", "v"]).success();
    assert_eq!(entries(&cala.data_root().join("volumes")), [""; 0]);
    nothing_half_made(&cala);
}

/// Files of a volume with their contents, by a container.
fn listing(world: &World) -> String {
    let args = [
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        "v:/v",
        &world.image,
        "sh",
        "-c",
        "cat /v/*; ls /v | wc -l",
    ];
    world.cala.run(args).success().stdout
}

#[test]
fn a_killed_import_leaves_what_was_there_and_nothing_beside() {
    let Some(world) = world() else { return };
    let names: Vec<String> = (0..300).map(|n| format!("f{n}")).collect();
    let archive = names
        .iter()
        .fold(TarBuilder::default(), |tar, path| {
            tar.entry(&Entry { path, owner: (5, 5), ..Entry::default() })
        })
        .finish();
    let file = world.cala.folder().join("v.tar").display().to_string();
    std::fs::write(&file, archive).expect("written");
    for round in 0..rounds(12) {
        world.cala.run(["volume", "create", "v"]).success();
        world
            .cala
            .run([
                "run",
                "--rm",
                "--network",
                "none",
                "-v",
                "v:/v",
                &world.image,
                "sh",
                "-c",
                "echo mine >/v/own",
            ])
            .success();
        killed_after(
            &world.cala,
            &["volume", "import", "v", &file],
            Duration::from_millis(u64::from(round) * 3),
        );
        assert!(listing(&world).starts_with("mine\n"), "round {round}");
        world.cala.run(["volume", "import", "v", &file]).success();
        assert_eq!(listing(&world), "mine\n301\n", "round {round}");
        world.cala.run(["volume", "rm", "v"]).success();
    }
    nothing_half_made(&world.cala);
}

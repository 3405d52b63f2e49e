//! Many at once: none fails for the others, nothing is done twice, nothing is left.

use cala_testkit::image::Compression;
use cala_testkit::{Image, LayerBuilder, ScriptedRegistry, rounds};

use crate::support::{bare, entries, noise, nothing_half_made, spawn, world};

#[test]
fn fifty_pulls_of_one_image_download_each_blob_once() {
    let cala = bare();
    let bytes = noise(400_000);
    let tars = (0..4).map(|n| {
        LayerBuilder::default().file(&format!("f{n}"), 0o644, &bytes[n * 100_000..][..100_000]).tar()
    });
    let image = Image::new(tars.collect(), Compression::Gzip, &serde_json::json!({ "Cmd": ["x"] }));
    let registry = ScriptedRegistry::honest(&[("a", "1", &image)]);
    let reference = registry.reference("a", "1");
    let pulls: Vec<_> = (0..50).map(|_| spawn(&mut cala.command(["pull", "-q", &reference]))).collect();
    for pull in pulls {
        let output = pull.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), &image.config.digest()[7..]);
    }
    for layer in &image.layers {
        assert_eq!(registry.requests_for(layer).len(), 1);
    }
    assert_eq!(entries(&cala.data_root().join("layers")).len(), 4);
    nothing_half_made(&cala);
}

#[test]
fn of_many_that_want_one_name_one_gets_it() {
    let Some(world) = world() else { return };
    let creates: Vec<_> = (0..200)
        .map(|_| {
            spawn(&mut world.cala.command(["create", "--name", "one", "--network", "none", &world.image]))
        })
        .collect();
    let outputs: Vec<_> =
        creates.into_iter().map(|child| child.wait_with_output().expect("it ends")).collect();
    let (won, lost): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
    assert_eq!(won.len(), 1);
    let id = String::from_utf8_lossy(&won[0].stdout).trim().to_owned();
    for lost in lost {
        assert_eq!(lost.status.code(), Some(125), "{lost:?}");
        let text = String::from_utf8_lossy(&lost.stderr);
        assert!(text.contains(&format!("already in use by {id}")), "{text}");
    }
    world.cala.run(["rm", "one"]).success();
    nothing_half_made(&world.cala);
}

#[test]
fn two_hundred_runs_at_once_all_succeed_and_leave_nothing() {
    let Some(world) = world() else { return };
    let args = ["run", "--rm", "--network", "none", &world.image, "echo", "ok"];
    let mut waiting = Vec::new();
    for _ in 0..200 {
        waiting.push(spawn(&mut world.cala.command(args)));
    }
    for child in waiting {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stdout, b"ok\n", "{output:?}");
    }
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
    assert_eq!(entries(&world.cala.data_root().join("containers")), [""; 0]);
    assert_eq!(entries(&world.cala.run_root().join("containers")), [""; 0]);
    nothing_half_made(&world.cala);
}

#[test]
fn pulls_and_removals_of_one_image_may_meet() {
    let Some(world) = world() else { return };
    for _ in 0..rounds(6) {
        let acts: [&[&str]; 4] = [
            &["pull", "-q", &world.image],
            &["rmi", "-f", &world.image],
            &["pull", "-q", &world.image],
            &["images"],
        ];
        let children: Vec<_> = acts.iter().map(|args| spawn(&mut world.cala.command(*args))).collect();
        for (args, child) in acts.iter().zip(children) {
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{args:?}: {output:?}");
        }
        world.cala.run(["pull", "-q", &world.image]).success();
        assert_eq!(world.sh("echo whole").success().text(), "whole");
    }
    nothing_half_made(&world.cala);
}

//! A process that may not have more descriptors or children.

use cala_testkit::Output;

use crate::support::{entries, last_error, nothing_half_made, small_image, world};

#[test]
fn with_few_descriptors_it_works_or_says_so() {
    let Some(world) = world() else { return };
    world.sleeper("beside");
    for limit in [64, 32, 24, 16, 12, 10, 8, 7, 6, 5, 4] {
        let prefix = format!("--nofile={limit}:{limit}");
        let run = |args: &[&str]| Output::of(&mut world.cala.command_under(&["prlimit", &prefix], args));
        for args in [
            &["ps", "-a", "-q"][..],
            &["run", "--rm", "--network", "none", &world.image, "true"],
            &["exec", "beside", "true"],
            &["logs", "beside"],
        ] {
            let output = run(args);
            let worked = output.code == 0;
            // Below a handful not even the loader finds its libraries (127).
            let told = matches!(output.code, 125 | 1 | 127) && !output.stderr.is_empty();
            assert!(worked || told, "{limit}: {output:?}");
            assert!(worked || limit < 32, "so many are enough: {output:?}");
            assert!(!output.stderr.contains("panicked"), "{limit}: {output:?}");
        }
    }
    let listed = world.cala.run(["ps", "-a", "--format", "{{.Names}}"]).success();
    assert_eq!(listed.text(), "beside");
    world.cala.run(["rm", "-f", "beside"]).success();
    nothing_half_made(&world.cala);
}

#[test]
fn a_pull_with_few_descriptors_works() {
    let Some(world) = world() else { return };
    let registry = cala_testkit::ScriptedRegistry::honest(&[("a", "1", &small_image(9))]);
    let args = ["pull", "-q", &registry.reference("a", "1")];
    Output::of(&mut world.cala.command_under(&["prlimit", "--nofile=64:64"], args)).success();
    nothing_half_made(&world.cala);
}

#[test]
fn a_user_with_too_many_processes_is_told_and_nothing_is_left() {
    let Some(world) = world() else { return };
    world.sleeper("beside");
    world.cala.run(["create", "--name", "c", "--network", "none", &world.image, "true"]).success();
    // The user has more than one already: no clone succeeds any more.
    let run = |args: &[&str]| Output::of(&mut world.cala.command_under(&["prlimit", "--nproc=1:1"], args));
    for args in [
        &["run", "--rm", "--network", "none", &world.image, "true"][..],
        &["start", "c"],
        &["pull", "-q", &world.image],
    ] {
        let output = run(args);
        assert_eq!(output.code, 125, "{output:?}");
        assert!(last_error(&output).contains("temporarily unavailable"), "{output:?}");
        assert!(!output.stderr.contains("panicked"), "{output:?}");
    }
    run(&["ps", "-a"]).success();
    run(&["logs", "beside"]).success();
    // The monitor of a running container has its own limit.
    let inside = run(&["exec", "beside", "echo", "still"]);
    assert!(inside.text() == "still" || inside.code == 125, "{inside:?}");
    assert!(!inside.stderr.contains("panicked"), "{inside:?}");
    let listed = world.cala.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]).success();
    assert_eq!(listed.stdout, "beside running\nc created\n", "{listed:?}");
    world.cala.run(["start", "-a", "c"]).success();
    world.cala.run(["rm", "-f", "beside", "c"]).success();
    assert_eq!(entries(&world.cala.run_root().join("containers")), [""; 0]);
    nothing_half_made(&world.cala);
}

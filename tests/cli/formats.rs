//! Lists, templates and JSON, on the same objects in Cala and in Podman.

use crate::{other_program, world};

#[test]
fn templates_of_ps_and_inspect() {
    let Some(world) = world() else { return };
    world
        .container(
            &["-d", "--init", "--name", "web", "--label", "a=b", "-v", "/usr:/mnt:ro"],
            &["sleep", "1000"],
        )
        .success();
    world.container(&["--name", "done"], &["sh", "-c", "echo out; echo err >&2; exit 3"]).exits_with(3);
    // Podman cleans up behind a container that ended.
    world.cala.eventually(["ps", "-aq", "--filter", "status=exited"], |output| !output.stdout.is_empty());
    let image = world.image.as_str();
    for (args, expected) in [
        (&["ps", "--format", "{{.Names}}"][..], "web\n".to_owned()),
        (&["ps", "-a", "--format", "{{.Names}} {{.State}}"], "web running\ndone exited\n".into()),
        (&["ps", "-a", "--format", "{{.Names}}\\t{{.ExitCode}}"], "web\t0\ndone\t3\n".into()),
        (&["ps", "-a", "--format", "{{range .}}{{.Names}},{{end}}"], "web,done,\n".into()),
        (
            &["ps", "-a", "--format", "table {{.Names}}\\t{{.State}}"],
            "NAMES       STATE\nweb         running\ndone        exited\n".into(),
        ),
        (&["ps", "-a", "--noheading", "--format", "table {{.Names}}"], "web\ndone\n".into()),
        (
            &["ps", "--format", "{{.Image}}|{{.Mounts}}|{{.Ports}}|{{.Exited}}"],
            format!("{image}|[/mnt]||false\n"),
        ),
        (
            &["ps", "--format", "{{.Label \"a\"}} {{.Names | upper}} {{len .Names}} {{json .Names}}"],
            "b WEB 3 \"web\"\n".into(),
        ),
        (&["ps", "--format", "{{if eq .State \"running\"}}up{{else}}down{{end}}"], "up\n".into()),
        (&["ps", "--format", "{{printf \"%-5s|%03d\" .Names 7}}"], "web  |007\n".into()),
        (&["ps", "-a", "--filter", "status=exited", "--format", "{{.Names}}"], "done\n".into()),
        (&["ps", "-a", "--filter", "exited=3", "--format", "{{.Names}}"], "done\n".into()),
        (&["ps", "--filter", "label=a=b", "--format", "{{.Names}}"], "web\n".into()),
        (&["ps", "-a", "--sort", "names", "--format", "{{.Names}}"], "done\nweb\n".into()),
        (&["ps", "-l", "--format", "{{.Names}}"], "done\n".into()),
        (&["ps", "-n", "1", "--format", "{{.Names}}"], "done\n".into()),
        (
            &["inspect", "--format", "{{.Name}} {{.State.Status}} {{.State.ExitCode}}", "web", "done"],
            "web running 0\ndone exited 3\n".into(),
        ),
        (
            &[
                "inspect",
                "--format",
                "{{.Config.Labels.nope}}|{{index .Config.Labels \"nope\"}}|{{.Config.Labels.a}}",
                "web",
            ],
            "<no value>||b\n".into(),
        ),
        (
            &["inspect", "--format", "{{json .Config.Cmd}} {{.Config.Cmd}}", "web"],
            "[\"sleep\",\"1000\"] [sleep 1000]\n".into(),
        ),
        (
            &["inspect", "--format", "{{range .Mounts}}{{.Source}}:{{.Destination}} {{.RW}}{{end}}", "web"],
            "/usr:/mnt false\n".into(),
        ),
        (
            &["inspect", "--format", "{{with .HostConfig}}{{.NetworkMode}} {{.Privileged}}{{end}}", "web"],
            "none false\n".into(),
        ),
        (
            &[
                "inspect",
                "--format",
                "{{.State.Running}} {{not .State.Running}} {{and .State.Running .Name}}",
                "web",
            ],
            "true false web\n".into(),
        ),
        (&["container", "inspect", "--format", "{{.ImageName}}", "web"], format!("{image}\n")),
        (
            &["image", "inspect", "--format", "{{.RepoTags}} {{.Os}} {{.Config.Cmd}}", image],
            format!("[{image}] linux [sh]\n"),
        ),
        (&["images", "--format", "{{.Repository}}:{{.Tag}}"], format!("{image}\n")),
        (&["logs", "done"], "out\n".into()),
        (&["logs", "--names", "done"], "out\n".into()),
        (&["logs", "--names", "done", "web"], "done out\n".into()),
        (&["wait", "done"], "3\n".into()),
    ] {
        let output = world.cala.run(args).success();
        assert_eq!(output.stdout, expected, "{args:?}");
    }
    assert_eq!(world.cala.run(["logs", "done"]).success().stderr, "err\n");
    assert_eq!(world.cala.run(["logs", "--tail", "0", "done"]).success().stdout, "");
}

#[test]
fn tables_have_podmans_columns() {
    let Some(world) = world() else { return };
    let id = world.sleeper("web");
    let ps = world.cala.run(["ps"]).success().stdout;
    let lines: Vec<&str> = ps.lines().collect();
    assert!(lines[0].starts_with("CONTAINER ID  IMAGE "), "{ps}");
    let words = |line: &str| {
        line.split("  ")
            .map(|cell| cell.trim().to_owned())
            .filter(|cell| !cell.is_empty())
            .collect::<Vec<_>>()
    };
    assert_eq!(words(lines[0]), ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]);
    let row = words(lines[1]);
    assert_eq!(
        (row[0].as_str(), row[1].as_str(), row[2].as_str()),
        (&id[..12], world.image.as_str(), "sleep 1000")
    );
    assert!(row[3].ends_with(" ago") && row[4].starts_with("Up ") && row[5] == "web", "{row:?}");
    assert_eq!(world.cala.run(["ps", "-q"]).success().text(), &id[..12]);
    assert_eq!(world.cala.run(["ps", "-q", "--no-trunc"]).success().text(), id);

    let images = world.cala.run(["images"]).success().stdout;
    assert_eq!(
        words(images.lines().next().unwrap_or_default()),
        ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]
    );
    let digests = world.cala.run(["images", "--digests"]).success().stdout;
    assert_eq!(
        words(digests.lines().next().unwrap_or_default()),
        ["REPOSITORY", "TAG", "DIGEST", "IMAGE ID", "CREATED", "SIZE"]
    );
    let whole = world.cala.run(["images", "-q", "--no-trunc"]).success();
    assert!(whole.text().starts_with("sha256:") && whole.text().len() == 71, "{whole:?}");
}

#[test]
fn json_can_be_computed_with() {
    let Some(world) = world() else { return };
    let id = world.sleeper("web");
    let ps = world.cala.run(["ps", "--format", "json"]).success().json();
    assert_eq!(ps[0]["Id"], id.as_str());
    assert_eq!(ps[0]["Names"][0], "web");
    assert_eq!(ps[0]["State"], "running");
    let inspect = world.cala.run(["inspect", "web"]).success().json();
    assert_eq!(inspect[0]["Id"], id.as_str());
    assert_eq!(inspect[0]["State"]["Running"], true);
    let images = world.cala.run(["images", "--format", "json"]).success().json();
    assert_eq!(images[0]["Names"][0], world.image.as_str());
    let version = world.cala.run(["version", "--format", "json"]).success().json();
    assert_eq!(version["Client"]["Os"], "linux");
    let info = world.cala.run(["info", "--format", "json"]).success().json();
    assert_eq!(info["host"]["os"], "linux");
    assert_eq!(info["store"]["containerStore"]["running"], 1);
    let both = world.cala.run(["inspect", "web", "nosuch"]).exits_with(125);
    assert_eq!(both.json()[0]["Name"], "web");
    assert_eq!(world.cala.run(["inspect", "nosuch"]).exits_with(125).stdout, "[]\n");
}

#[test]
fn events_tell_the_life_of_a_container() {
    let Some(world) = world() else { return };
    world.container(&["--rm", "--name", "short"], &["sh", "-c", "exit 4"]).exits_with(4);
    let args = ["events", "--stream=false", "--filter", "container=short", "--format", "{{.Status}}"];
    let told = world.cala.eventually(args, |output| output.stdout.contains("remove"));
    for action in ["create", "start", "died", "remove"] {
        assert!(told.stdout.lines().any(|line| line == action), "{action}: {told:?}");
    }
    let died = [
        "events",
        "--stream=false",
        "--filter",
        "event=died",
        "--format",
        "{{.Name}} {{.ContainerExitCode}} {{.Type}}",
    ];
    assert_eq!(world.cala.run(died).success().stdout, "short 4 container\n");
    let json = world
        .cala
        .run(["events", "--stream=false", "--filter", "event=died", "--format", "json"])
        .success()
        .json();
    assert_eq!(
        (&json["Name"], &json["Status"], &json["ContainerExitCode"]),
        (&"short".into(), &"died".into(), &4.into())
    );
    let line = world
        .cala
        .run(["events", "--stream=false", "--filter", "event=died", "--no-trunc=false"])
        .success()
        .stdout;
    assert!(line.contains(" container died ") && line.contains("name=short"), "{line}");
    if !other_program() {
        assert_eq!(
            world.cala.run(["events", "--stream=false", "--until", "2001-01-01"]).success().stdout,
            ""
        );
    }
}

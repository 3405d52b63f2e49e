//! Attached commands: streams, exit codes, signals, terminals.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use cala_testkit::{Output, require};

use crate::{other_program, world};

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

#[test]
fn streams_stay_apart_and_exit_codes_are_the_containers() {
    let Some(world) = world() else { return };
    let output = world.container(&["--rm"], &["sh", "-c", "echo out; echo err >&2; exit 42"]).exits_with(42);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
    world.container(&["--rm"], &["sh", "-c", "sh -c 'kill -9 $$'; exit $?"]).exits_with(137);
    let created = world
        .cala
        .run(["create", "--network", "none", "--name", "again", &world.image, "sh", "-c", "echo out; exit 3"])
        .success();
    assert_eq!(created.text().len(), 64);
    let started = world.cala.run(["start", "-a", "again"]).exits_with(3);
    assert_eq!(started.stdout, "out\n");
    world.cala.run(["start", "-a", "again", "x"]).exits_with(125);
}

#[test]
fn standard_input_goes_in_and_its_end_too() {
    let Some(world) = world() else { return };
    let big = "0123456789abcde\n".repeat(64 << 10);
    let args = ["run", "--rm", "-i", "--network", "none", &world.image, "sha256sum"];
    let sum = world.cala.run_with_input(args, big.as_bytes()).success();
    let expected = cala_testkit::image::digest(big.as_bytes()).replace("sha256:", "");
    assert_eq!(sum.text(), format!("{expected}  -"));
    // Without -i the container sees the end of its input at once.
    let none = ["run", "--rm", "--network", "none", &world.image, "cat"];
    assert_eq!(world.cala.run_with_input(none, b"never").success().stdout, "");
    world.sleeper("web");
    let exec = world.cala.run_with_input(["exec", "-i", "web", "cat"], b"through\n").success();
    assert_eq!(exec.stdout, "through\n");
}

/// An attached container that says `ready` and then waits for signals.
fn waiting(world: &crate::World, name: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let script =
        "trap 'echo usr1' USR1; trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    waiting_with(world, name, script)
}

fn waiting_with(
    world: &crate::World,
    name: &str,
    script: &str,
) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = world
        .cala
        .command(["run", "--network", "none", "--name", name, &world.image, "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("it says something");
    assert_eq!(line, "ready\n");
    (child, lines)
}

#[test]
fn signals_are_forwarded() {
    let Some(world) = world() else { return };
    let (mut child, mut lines) = waiting(&world, "trapper");
    signal(&child, "USR1");
    let mut line = String::new();
    lines.read_line(&mut line).expect("it answers");
    assert_eq!(line, "usr1\n");
    signal(&child, "TERM");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("it ends");
    assert_eq!(rest, "term\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(9));
}

#[test]
fn a_lost_terminal_does_not_kill_the_container() {
    let Some(world) = world() else { return };
    if other_program() {
        return;
    }
    let (mut child, _lines) = waiting(&world, "killed");
    signal(&child, "KILL");
    child.wait().expect("it ends");
    require!(require::program("script"), "script (bsdutils) is not installed");
    // script(1) is killed: the terminal that it made is hung up.
    for (name, options) in [("hangup", "-it"), ("plain", "")] {
        let line = format!(
            "CALA run {options} --name {name} --network none IMAGE sh -c 'trap \"echo hup\" HUP; echo ready; while :; do sleep 0.1; done'"
        );
        on_a_terminal_that_is_lost(&world, &line);
    }
    for name in ["killed", "hangup", "plain"] {
        let state = world.cala.run(["inspect", "--format", "{{.State.Status}}", name]).success();
        assert_eq!(state.text(), "running", "{name}");
        assert_eq!(world.cala.run(["exec", name, "echo", "alive"]).success().text(), "alive");
        assert!(!world.cala.run(["logs", name]).success().stdout.contains("hup"), "{name}");
        world.cala.run(["rm", "-f", "-t", "0", name]).success();
    }
}

/// Runs a shell line on a terminal of its own, which is gone once it shows `ready`.
fn on_a_terminal_that_is_lost(world: &crate::World, line: &str) {
    let mut child = terminal_command(world, line).spawn().expect("script runs");
    let mut screen = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut shown = String::new();
    while !shown.contains("ready") {
        shown.clear();
        assert!(screen.read_line(&mut shown).expect("the terminal shows") > 0, "it ended before");
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    // The client ends by itself: nothing holds its output any more.
    let mut rest = Vec::new();
    screen.read_to_end(&mut rest).expect("all of them have ended");
}

#[test]
fn each_signal_that_is_not_this_programs_own_reaches_the_container() {
    let Some(world) = world() else { return };
    let names = "HUP USR2 ALRM CONT TSTP WINCH XCPU VTALRM PROF IO PWR TTIN";
    let traps: String = names.split(' ').map(|name| format!("trap 'echo {name}' {name}; ")).collect();
    let script = format!("{traps} trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    let (mut child, mut lines) = waiting_with(&world, "all", &script);
    for name in names.split(' ') {
        signal(&child, name);
        let mut line = String::new();
        lines.read_line(&mut line).expect("it answers");
        assert_eq!(line.trim(), name);
    }
    for own in ["CHLD", "PIPE", "URG"] {
        signal(&child, own);
    }
    signal(&child, "TERM");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("it ends");
    assert_eq!(rest, "term\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(9));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let Some(world) = world() else { return };
    for _ in 0..20 {
        world.cala.run(["create", &world.image, "true"]).success();
    }
    let mut child = world
        .cala
        .command(["ps", "-a", "--no-trunc", "--format", "{{range $i := 1000}}{{println \"a line\"}}{{end}}"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    child.wait().expect("it ends");
    assert_eq!(said, "");
}

/// Runs a shell line on a terminal of its own (script(1)), acting once it shows `ready`; what the terminal showed.
fn on_a_terminal(world: &crate::World, line: &str, act: impl FnOnce(&mut ChildStdin)) -> Output {
    let mut child = terminal_command(world, line).spawn().expect("script runs");
    finish_on_a_terminal(&mut child, act)
}

/// script(1) with a shell line.
fn terminal_command(world: &crate::World, line: &str) -> Command {
    let shown = world.cala.command([""; 0]);
    let program = shown.get_program().to_string_lossy().into_owned();
    let roots: Vec<String> = shown.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let line = line.replace("CALA", &format!("{program} {}", roots.join(" "))).replace("IMAGE", &world.image);
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(world.cala.folder());
    command
        .env_clear()
        .envs(shown.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("TERM", "xterm");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn finish_on_a_terminal(child: &mut Child, act: impl FnOnce(&mut ChildStdin)) -> Output {
    let mut keys = child.stdin.take().expect("a pipe");
    let mut screen = child.stdout.take().expect("a pipe");
    let mut stdout = Vec::new();
    let mut buffer = [0; 4096];
    let mut act = Some(act);
    loop {
        let count = screen.read(&mut buffer).expect("the terminal shows");
        if count == 0 {
            break;
        }
        stdout.extend_from_slice(&buffer[..count]);
        if String::from_utf8_lossy(&stdout).contains("ready")
            && let Some(act) = act.take()
        {
            act(&mut keys);
        }
    }
    let status = child.wait().expect("script ends");
    let mut output = Output::of(&mut Command::new("true"));
    output.code = status.code().unwrap_or(-1);
    output.stdout = String::from_utf8_lossy(&stdout).replace('\r', "");
    output
}

#[test]
fn a_terminal_is_the_containers_and_comes_back_as_it_was() {
    let Some(world) = world() else { return };
    require!(require::program("script"), "script (bsdutils) is not installed");
    let line = "stty rows 31 cols 97; stty -g; CALA run --rm -it --network none IMAGE \
                sh -c 'stty size; tty; echo ready; read x; echo got $x; exit 5'; echo code $?; stty -g";
    let output =
        on_a_terminal(&world, line, |keys| keys.write_all(b"word\n").expect("it takes keys")).success();
    let lines: Vec<&str> = output.stdout.lines().collect();
    // Podman's container has no size until the first resize.
    assert!(lines.contains(&"31 97") || other_program(), "{output:?}");
    assert!(lines.contains(&"got word") && lines.contains(&"code 5"), "{output:?}");
    assert!(lines.iter().any(|line| line.starts_with("/dev/")), "{output:?}");
    let settings: Vec<&&str> = lines.iter().filter(|line| line.matches(':').count() > 10).collect();
    assert_eq!(settings.len(), 2, "{output:?}");
    assert_eq!(settings[0], settings[1], "the terminal is not as it was");
}

#[test]
fn the_detach_keys_leave_the_container_running() {
    let Some(world) = world() else { return };
    require!(require::program("script"), "script (bsdutils) is not installed");
    // Podman reads keys typed this early with the terminal's own meaning and waits for ever.
    if other_program() {
        return;
    }
    let line = "CALA run -it --name kept --network none IMAGE sh -c 'echo ready; sleep 1000'; echo code $?";
    let output =
        on_a_terminal(&world, line, |keys| keys.write_all(b"\x10\x11").expect("it takes keys")).success();
    assert!(output.stdout.contains("code 0"), "{output:?}");
    assert_eq!(
        world.cala.run(["inspect", "--format", "{{.State.Status}}", "kept"]).success().text(),
        "running"
    );
    world.cala.run(["rm", "-f", "-t", "0", "kept"]).success();
}

#[test]
fn a_terminated_client_gives_the_terminal_back() {
    let Some(world) = world() else { return };
    require!(require::program("script"), "script (bsdutils) is not installed");
    if other_program() {
        return;
    }
    let line = "stty -g; sh -c \"echo \\$\\$ >pid; exec CALA run -it --sig-proxy=false --name kept --network none IMAGE \
                sh -c 'echo ready; sleep 1000'\"; echo code $?; stty -g";
    let folder = world.cala.folder().to_owned();
    let output = on_a_terminal(&world, line, move |_| {
        let pid = std::fs::read_to_string(folder.join("pid")).expect("the shell wrote it");
        let status = Command::new("kill").args(["-s", "TERM", pid.trim()]).status();
        assert!(status.expect("kill runs").success());
    })
    .success();
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(lines.contains(&"code 143"), "{output:?}");
    let settings: Vec<&&str> = lines.iter().filter(|line| line.matches(':').count() > 10).collect();
    assert_eq!(settings.first(), settings.last(), "the terminal is not as it was");
    assert_eq!(
        world.cala.run(["inspect", "--format", "{{.State.Status}}", "kept"]).success().text(),
        "running"
    );
}

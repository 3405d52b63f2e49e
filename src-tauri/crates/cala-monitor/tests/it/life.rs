//! From the start to the end: output, exit codes, failures, `--rm`.

use std::fs;

use cala_monitor::MonitorError;
use cala_spec::{Classify as _, ContainerStatus};

use crate::fixture::{Fixture, eventually, is_locked};

#[test]
fn output_arrives_whole_and_the_exit_code_last() {
    let fixture = Fixture::new();
    let container = fixture.shell("seq 1 100000; echo err >&2; printf tail; exit 7", |_| {});
    let (code, stdout, stderr) = container.attach_and_start(false).finish();
    let expected: String = (1..=100_000).map(|n| format!("{n}\n")).collect::<String>() + "tail";
    assert_eq!(code, 7);
    assert_eq!(stderr, "err\n");
    assert_eq!(stdout.len(), expected.len());
    assert!(stdout == expected);
    let state = container.state();
    assert_eq!((state.status, state.exit_code, state.pid), (ContainerStatus::Exited, 7, 0));
    assert!(state.started_ns > 0 && state.finished_ns >= state.started_ns && !state.boot_id.is_empty());
    assert_eq!(container.log().len(), expected.len() + "err\n".len());
    let actions: Vec<_> =
        container.events().iter().map(|event| (event.action.clone(), event.exit_code)).collect();
    assert_eq!(actions, [("start".to_owned(), None), ("died".to_owned(), Some(7))]);
    eventually("the run directory goes", || !container.plan.run_dir.exists());
    assert!(!is_locked(&container));
}

#[test]
fn waiters_are_told_the_code_and_a_second_start_is_possible() {
    let fixture = Fixture::new();
    let container = fixture.shell("exit 3", |_| {});
    for _ in 0..3 {
        assert_eq!(container.start().wait().unwrap().code, 3);
    }
    assert_eq!(container.events().len(), 6);
}

#[test]
fn a_command_that_is_not_there_is_127_and_the_container_stays_created() {
    let fixture = Fixture::new();
    let container = fixture.command(&["no-such-program"], |_| {});
    let error = container.spawn().start().unwrap_err();
    assert!(matches!(error, MonitorError::CommandNotFound { .. }), "{error:?}");
    assert_eq!(error.kind().exit_code(), 127);
    let state = container.state();
    assert_eq!((state.status, state.exit_code), (ContainerStatus::Created, 0));
    assert!(state.error.contains("no-such-program"), "{}", state.error);
    assert!(container.events().is_empty());
    eventually("the lock is free", || !is_locked(&container));
}

#[test]
fn a_command_that_cannot_be_executed_is_126_and_rm_removes_the_container() {
    let fixture = Fixture::new();
    let container = fixture.command(&["/bin/not-executable"], |plan| plan.rm = true);
    let error = container.spawn().start().unwrap_err();
    assert!(matches!(error, MonitorError::NotExecutable { .. }), "{error:?}");
    assert!(!container.plan.container_dir.exists());
    assert!(!container.plan.name_file.exists());
}

#[test]
fn rm_leaves_nothing() {
    let fixture = Fixture::new();
    let container = fixture.shell("mkdir -p /a/b; echo x >/a/b/c; chown 5:5 /a/b", |plan| plan.rm = true);
    assert_eq!(container.attach_and_start(false).finish(), (0, String::new(), String::new()));
    assert!(!container.plan.container_dir.exists());
    assert!(!container.plan.name_file.exists());
    assert_eq!(fs::read_dir(fixture.path("data/tmp")).unwrap().count(), 0);
    let actions: Vec<_> = container.events().into_iter().map(|event| event.action).collect();
    assert_eq!(actions, ["start", "died", "remove"]);
    eventually("the run directory goes", || !container.plan.run_dir.exists());
}

#[test]
fn fifty_at_once_all_succeed_and_leave_nothing() {
    let fixture = Fixture::new();
    let containers: Vec<_> = (0..50).map(|_| fixture.shell("echo hello", |plan| plan.rm = true)).collect();
    std::thread::scope(|scope| {
        for container in &containers {
            scope.spawn(|| {
                assert_eq!(container.attach_and_start(false).finish(), (0, "hello\n".into(), String::new()))
            });
        }
    });
    for dir in ["data/containers", "data/tmp", "data/names/containers"] {
        assert_eq!(fs::read_dir(fixture.path(dir)).unwrap().count(), 0, "{dir}");
    }
    eventually("the run directories go", || {
        fs::read_dir(fixture.path("run/containers")).unwrap().count() == 0
    });
}

#[test]
fn a_container_has_one_monitor() {
    let fixture = Fixture::new();
    let container = fixture.shell("sleep 1000", |_| {});
    let mut client = container.start();
    let error = container.try_spawn().unwrap_err();
    assert_eq!(error.code(), "already_running");
    client.signal(9).unwrap();
    assert_eq!(client.wait().unwrap().code, 137);
}

#[test]
fn a_monitor_that_nobody_tells_to_start_ends() {
    let fixture = Fixture::new();
    let container = fixture.shell("true", |_| {});
    drop(container.spawn());
    eventually("the monitor ends", || !is_locked(&container) && !container.plan.run_dir.exists());
    assert!(container.plan.container_dir.exists());
}

#[test]
fn a_program_begins_with_a_clean_slate() {
    let fixture = Fixture::new();
    let check = |status: &str| {
        for line in ["SigBlk:\t0000000000000000", "CapInh:\t0000000000000000"] {
            assert!(status.contains(line), "{line} in {status}");
        }
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        // 32 and 33 are the C library's own: whoever starts the tests may have them ignored, and nobody may change it.
        assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & !0x1_8000_0000, 0, "{ignored}");
    };
    let container = fixture.shell("cat /proc/self/status; sleep 1000", |_| {});
    let mut streams = container.attach_and_start(false);
    streams.until("nonvoluntary");
    check(&String::from_utf8_lossy(&streams.stdout));
    let request = cala_monitor::protocol::ExecRequest {
        args: ["cat", "/proc/self/status"].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let exec = container.connect().exec(request).unwrap().attachment.unwrap();
    check(&crate::fixture::Streams::new(exec).finish().1);
    container.connect().signal(9).unwrap();
    assert_eq!(streams.finish().0, 137);
}

#[test]
fn the_time_of_a_start_is_told() {
    let fixture = Fixture::new();
    let measure = |name: &str| {
        let mut times = Vec::new();
        for _ in 0..30 {
            let container = fixture.command(&["true"], |plan| plan.rm = true);
            let start = std::time::Instant::now();
            let code = container.attach_and_start(false).finish().0;
            times.push(start.elapsed());
            assert_eq!(code, 0);
        }
        times.sort();
        eprintln!("{name}: from spawn to exit code: best {:?}, median {:?}", times[0], times[15]);
    };
    measure("U made anew");
    let container = fixture.shell("sleep 1000", |_| {});
    let mut other = container.start();
    measure("U joined");
    other.signal(9).unwrap();
    other.wait().unwrap();
}

//! Further processes in a running container.

use std::io::Write as _;

use cala_monitor::MonitorError;
use cala_monitor::frames::{FrameKind, encode, encode_resize};
use cala_monitor::protocol::ExecRequest;

use crate::fixture::{Container, Fixture, Streams, eventually};

fn request(args: &[&str]) -> ExecRequest {
    ExecRequest { args: args.iter().map(ToString::to_string).collect(), ..ExecRequest::default() }
}

fn exec(container: &Container<'_>, request: ExecRequest) -> Streams {
    let started = container.connect().exec(request);
    let started = started.unwrap_or_else(|error| panic!("{}", cala_spec::error::chain(&error)));
    Streams::new(started.attachment.expect("not detached"))
}

fn end(container: &Container<'_>) {
    let mut client = container.connect();
    client.signal(9).unwrap();
    assert_eq!(client.wait().unwrap().code, 137);
}

#[test]
fn an_exec_has_its_output_code_and_environment() {
    let fixture = Fixture::new();
    let container = fixture.shell("sleep 1000", |_| {});
    drop(container.start());
    let mut wanted = request(&["sh", "-c", "echo $A; seq 1 50000 >&2; cat; exit 42"]);
    wanted.env = vec!["A=b c".into()];
    wanted.stdin = true;
    let mut streams = exec(&container, wanted);
    streams.socket.write_all(&encode(FrameKind::Stdin, b"typed\n")).unwrap();
    streams.socket.write_all(&encode(FrameKind::StdinEof, b"")).unwrap();
    let (code, stdout, stderr) = streams.finish();
    assert_eq!((code, stdout.as_str()), (42, "b c\ntyped\n"));
    assert_eq!(stderr.lines().count(), 50_000);
    let died = container.events().into_iter().find(|event| event.action == "exec_died").unwrap();
    assert_eq!(died.exit_code, Some(42));
    assert_eq!(container.log(), "");
    end(&container);
}

#[test]
fn an_exec_that_fails_says_how() {
    let fixture = Fixture::new();
    let container = fixture.shell("sleep 1000", |_| {});
    drop(container.start());
    let error = container.connect().exec(request(&["no-such"])).unwrap_err();
    assert!(matches!(error, MonitorError::CommandNotFound { .. }), "{error:?}");
    let error = container.connect().exec(request(&["/bin/not-executable"])).unwrap_err();
    assert!(matches!(error, MonitorError::NotExecutable { .. }), "{error:?}");
    assert_eq!(container.connect().status().unwrap().execs, 0);
    end(&container);
}

#[test]
fn an_exec_with_a_terminal_is_hung_up_when_its_client_goes() {
    let fixture = Fixture::new();
    let container = fixture.shell("sleep 1000", |_| {});
    drop(container.start());
    let mut wanted = request(&["sh"]);
    wanted.tty = true;
    wanted.stdin = true;
    wanted.size = Some((11, 22));
    let mut streams = exec(&container, wanted);
    streams.socket.write_all(&encode(FrameKind::Stdin, b"stty size\n")).unwrap();
    streams.until("11 22");
    streams.socket.write_all(&encode_resize(44, 55)).unwrap();
    streams.socket.write_all(&encode(FrameKind::Stdin, b"stty size\n")).unwrap();
    streams.until("44 55");
    drop(streams);
    eventually("the shell ends", || container.connect().status().unwrap().execs == 0);
    end(&container);
}

#[test]
fn a_detached_exec_runs_by_itself_and_ends_with_the_container() {
    let fixture = Fixture::new();
    let container = fixture.shell("sleep 1000", |_| {});
    drop(container.start());
    let mut wanted = request(&["sleep", "1000"]);
    wanted.detach = true;
    let started = container.connect().exec(wanted).unwrap();
    assert!(started.attachment.is_none());
    let process = format!("/proc/{}", started.pid);
    assert!(std::path::Path::new(&process).exists());
    assert_eq!(container.connect().status().unwrap().execs, 1);
    end(&container);
    eventually("the exec is gone", || !std::path::Path::new(&process).exists());
}

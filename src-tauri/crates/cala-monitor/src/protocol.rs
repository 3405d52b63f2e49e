//! The words between a client and a monitor: an enum per direction, versioned.
//!
//! Each message is a `u32` little-endian length and that many bytes of JSON, at most [`MAX_MESSAGE`]. Both sides begin
//! with `Hello`. Whatever a monitor does not know is answered by [`Reply::Error`] with the code `unknown_request`, never
//! by a hang-up. Answers come in the order of the requests; `Wait` and `Stop` answer when the thing has happened.
//!
//! After the answer to `Attach`, to `AttachAndStart` and to an `Exec` that is not detached the same connection carries
//! [`crate::frames`] instead of messages until it is closed. A closed peer means: for a monitor, this client detached
//! (the container is not touched, what was asked for goes on); for a client, the monitor ended, and with it the
//! container.

use cala_spec::restart::RestartPolicy;
use cala_spec::{ContainerStatus, ErrorKind, PortMapping};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::plan::Membership;

/// The version of this protocol; a monitor serves clients with the same number.
pub const PROTOCOL: u32 = 1;

/// Bytes of the largest message (a long environment of an exec).
pub const MAX_MESSAGE: usize = 4 << 20;

/// The name of the socket in a container's run directory.
pub const SOCKET_NAME: &str = "sock";

/// From a client to a monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Always first.
    Hello {
        /// [`PROTOCOL`] of the client.
        protocol: u32,
        /// Version of the client's program.
        version: String,
    },
    /// Second, and only from whoever spawned the monitor: become the monitor of this plan.
    Launch {
        /// Path of the plan.
        plan: PathBuf,
        /// `R/containers/<id>`.
        run_dir: PathBuf,
    },
    /// Make everything up to just before the program runs; `Start` lets it run.
    Init,
    /// Start the container.
    Start,
    /// Attach to the container's standard streams.
    Attach(AttachOptions),
    /// Attach, then start: no output is missed.
    AttachAndStart(AttachOptions),
    /// Run another process in the container.
    Exec(ExecRequest),
    /// Send a signal to the container's first process.
    Signal {
        /// Number, 1 to 64.
        signal: i32,
    },
    /// Ask the container to stop, then kill it; goes on when the client is gone.
    Stop {
        /// The signal; the plan's if `None`.
        signal: Option<i32>,
        /// Milliseconds until SIGKILL; the plan's if `None`.
        timeout_ms: Option<u64>,
        /// It is about to be started again: keep it although the plan says `rm`.
        #[serde(default)]
        keep: bool,
    },
    /// Freeze the container's control group. Answered when that is begun; the group's `cgroup.events` says when it is done.
    Pause,
    /// Let a paused container go on.
    Unpause,
    /// Answer when the container has ended and its end is recorded.
    Wait,
    /// How it is doing.
    Status,
    /// Set other limits of the container's control group.
    Limit(Box<NewLimits>),
    /// Another restart policy from now on.
    Restart {
        /// The policy.
        policy: RestartPolicy,
    },
    /// The container has another name now.
    Rename(Box<NewName>),
    /// Join one more network.
    Connect(Box<Membership>),
    /// Leave a network.
    Disconnect {
        /// Its id.
        network: String,
    },
    /// Publish one more port.
    Publish {
        /// The port; its host port is not 0.
        port: PortMapping,
    },
    /// Withdraw a port; open connections go on.
    Unpublish {
        /// The port, as it was published.
        port: PortMapping,
    },
    /// Hand out the descriptor of U (SCM_RIGHTS beside [`Reply::UserNamespace`]).
    UserNamespace,
}

/// From a monitor to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Always first.
    Hello {
        /// [`PROTOCOL`] of the monitor.
        protocol: u32,
        /// Version of the monitor's program.
        version: String,
    },
    /// The container's program runs.
    Started {
        /// Host pid of its first process.
        pid: i32,
        /// Something that is not as it should be although the program runs: no way out of a network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warning: Option<String>,
    },
    /// Attached; frames follow.
    Attached,
    /// The exec's program runs; frames follow unless it is detached.
    ExecStarted {
        /// Host pid of the process.
        pid: i32,
    },
    /// Done.
    Done,
    /// The container has stopped.
    Stopped {
        /// Whether SIGKILL was needed.
        killed: bool,
    },
    /// The container has ended.
    Exited(ExitInfo),
    /// How it is doing.
    Status(StatusInfo),
    /// The descriptor of U comes with it.
    UserNamespace,
    /// It did not work.
    Error(Failure),
}

/// Limits from now on; `None` leaves what is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewLimits {
    /// Bytes of memory; [`u64::MAX`] is no limit.
    pub memory: Option<u64>,
    /// Microseconds of CPU time in each period of 100 ms; [`u64::MAX`] is no limit.
    pub cpu_quota: Option<u64>,
    /// Processes and threads; [`u64::MAX`] is no limit.
    pub pids: Option<u64>,
}

impl NewLimits {
    /// These, and where they leave what is, the others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            memory: self.memory.or(other.memory),
            cpu_quota: self.cpu_quota.or(other.cpu_quota),
            pids: self.pids.or(other.pids),
        }
    }
}

/// What a container is called from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewName {
    /// Its name.
    pub name: String,
    /// `D/names/containers/<name>`.
    pub name_file: PathBuf,
    /// By which names it knows itself in /etc/hosts.
    pub own_names: Vec<String>,
}

/// How to attach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttachOptions {
    /// Send standard input (ignored if the container's is closed).
    pub stdin: bool,
    /// Receive standard output.
    pub stdout: bool,
    /// Receive standard error.
    pub stderr: bool,
    /// Rows and columns of the client's terminal.
    pub size: Option<(u16, u16)>,
    /// First everything that is in the log.
    pub logs: bool,
}

impl Default for AttachOptions {
    fn default() -> Self {
        Self { stdin: false, stdout: true, stderr: true, size: None, logs: false }
    }
}

/// Another process in the container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecRequest {
    /// Program and arguments; at least one word.
    pub args: Vec<String>,
    /// `NAME=value`, added to the container's environment, the last of a name wins.
    pub env: Vec<String>,
    /// Working directory; the container's if `None`.
    pub workdir: Option<String>,
    /// `user[:group]`, names or numbers, looked up in the container's files; the container's user if `None`.
    pub user: Option<String>,
    /// A terminal.
    pub tty: bool,
    /// Keep standard input open.
    pub stdin: bool,
    /// Rows and columns of the terminal.
    pub size: Option<(u16, u16)>,
    /// All capabilities of C, no seccomp.
    pub privileged: bool,
    /// Let it run by itself; answer with its pid only.
    pub detach: bool,
    /// Its id, 64 hexadecimal digits, as [`StatusInfo::exec_ids`] shows it.
    pub id: String,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitInfo {
    /// Exit code, 0 to 255; 128 and the signal when a signal ended it.
    pub code: i32,
    /// Whether the kernel ended it for want of memory.
    pub oom: bool,
}

/// How a container is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusInfo {
    /// The status.
    pub status: ContainerStatus,
    /// Host pid of the first process, 0 when none.
    pub pid: i32,
    /// Host pid of the monitor.
    pub monitor_pid: i32,
    /// Sessions of `exec` that run.
    pub execs: u32,
    /// Their ids.
    #[serde(default)]
    pub exec_ids: Vec<String>,
    /// Clients attached to the container's streams.
    pub attached: u32,
    /// Its end, once it has ended.
    pub exit: Option<ExitInfo>,
}

/// Why something did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its kind; decides the exit status.
    pub kind: ErrorKind,
    /// A stable `snake_case` word.
    pub code: String,
    /// One line for a person.
    pub message: String,
    /// The step of the start that failed, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// A JSON message with its length before it.
///
/// # Errors
/// An error of serialisation, which types of this file do not have.
pub fn encode_message<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
    if let Some(head) = bytes.get_mut(..4) {
        head.copy_from_slice(&length.to_le_bytes());
    }
    Ok(bytes)
}

/// Takes the first complete message off the front of a buffer.
///
/// `Ok(None)` means more bytes are needed.
///
/// # Errors
/// The announced length, when it exceeds [`MAX_MESSAGE`].
pub fn take_message(buffer: &mut Vec<u8>) -> Result<Option<Vec<u8>>, usize> {
    let Some(head) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*head) as usize;
    if length > MAX_MESSAGE {
        return Err(length);
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    let rest = buffer.split_off(4 + length);
    let mut message = std::mem::replace(buffer, rest);
    message.drain(..4);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_any_cut() {
        let first = Request::Hello { protocol: PROTOCOL, version: "1".into() };
        let second = Request::Exec(ExecRequest { args: vec!["sh".into()], ..ExecRequest::default() });
        let mut stream = encode_message(&first).unwrap();
        stream.extend(encode_message(&second).unwrap());
        for step in 1..stream.len() {
            let (mut buffer, mut seen) = (Vec::new(), Vec::new());
            for piece in stream.chunks(step) {
                buffer.extend_from_slice(piece);
                while let Some(message) = take_message(&mut buffer).unwrap() {
                    seen.push(serde_json::from_slice::<Request>(&message).unwrap());
                }
            }
            assert_eq!(seen, [first.clone(), second.clone()], "step {step}");
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_by_its_head() {
        let mut buffer = u32::MAX.to_le_bytes().to_vec();
        assert_eq!(take_message(&mut buffer), Err(u32::MAX as usize));
    }

    #[test]
    fn the_words_for_the_user_namespace_are_those_that_cala_userns_sends() {
        let hello: Request = serde_json::from_slice(cala_userns::wire::HELLO).unwrap();
        assert!(matches!(hello, Request::Hello { protocol: PROTOCOL, .. }));
        let ask: Request = serde_json::from_slice(cala_userns::wire::ASK).unwrap();
        assert_eq!(ask, Request::UserNamespace);
    }
}

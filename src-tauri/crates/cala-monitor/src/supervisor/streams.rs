//! The monitor's ends of a process's standard streams.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::pipe::PipeFlags;

use crate::log::Stream;

/// Bytes of input that are held for a process that does not read; beyond, its clients are not read either.
const MAX_INPUT: usize = 64 << 10;

/// End of transmission, what a terminal takes for the end of input (termios(3), VEOF).
const EOT: u8 = 4;

/// What the monitor keeps of a process's standard streams. All ends are non-blocking.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// The terminal's master, instead of the three.
    pub(crate) console: Option<OwnedFd>,
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: Option<OwnedFd>,
    pub(crate) stderr: Option<OwnedFd>,
    input: Vec<u8>,
    close_stdin: bool,
}

/// The process's own ends, to be closed once it runs.
#[derive(Debug)]
pub(crate) struct ChildEnds(pub(crate) [OwnedFd; 3]);

impl ChildEnds {
    pub(crate) fn borrow(&self) -> [BorrowedFd<'_>; 3] {
        let [stdin, stdout, stderr] = &self.0;
        [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]
    }
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    Bytes,
    /// Nothing now.
    Later,
    /// Nothing any more.
    End,
}

impl Streams {
    /// Pipes for a process without a terminal; its input is /dev/null unless it is to stay open.
    pub(crate) fn pipes(with_stdin: bool) -> io::Result<(Self, ChildEnds)> {
        let (stdout, child_stdout) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, child_stderr) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let (child_stdin, stdin) = if with_stdin {
            let (child, ours) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
            non_blocking(&ours)?;
            (child, Some(ours))
        } else {
            (null()?, None)
        };
        non_blocking(&stdout)?;
        non_blocking(&stderr)?;
        let ours = Self { stdin, stdout: Some(stdout), stderr: Some(stderr), ..Self::default() };
        Ok((ours, ChildEnds([child_stdin, child_stdout, child_stderr])))
    }

    /// /dev/null for all three: a detached exec.
    pub(crate) fn nothing() -> io::Result<(Self, ChildEnds)> {
        Ok((Self::default(), ChildEnds([null()?, null()?, null()?])))
    }

    /// A terminal whose master the start has made.
    pub(crate) fn terminal(master: OwnedFd) -> io::Result<Self> {
        non_blocking(&master)?;
        Ok(Self { console: Some(master), ..Self::default() })
    }

    /// Where a stream's bytes come from.
    pub(crate) fn output(&self, stream: Stream) -> Option<BorrowedFd<'_>> {
        let fd = match stream {
            Stream::Stdout => self.console.as_ref().or(self.stdout.as_ref()),
            Stream::Stderr => self.stderr.as_ref(),
        };
        fd.map(OwnedFd::as_fd)
    }

    /// Reads without waiting into the free capacity of an empty buffer; at its end the stream is closed.
    pub(crate) fn read(&mut self, stream: Stream, buffer: &mut Vec<u8>) -> Read {
        let Some(fd) = self.output(stream) else {
            return Read::End;
        };
        match rustix::io::read(fd, rustix::buffer::spare_capacity(buffer)) {
            Ok(0) => self.close_output(stream),
            Ok(_) => Read::Bytes,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Read::Later,
            // EIO is how a master tells that nobody holds the terminal any more.
            Err(_) => self.close_output(stream),
        }
    }

    fn close_output(&mut self, stream: Stream) -> Read {
        match stream {
            Stream::Stdout => {
                self.console = None;
                self.stdout = None;
            }
            Stream::Stderr => self.stderr = None,
        }
        Read::End
    }

    /// Whether all output has come to its end.
    pub(crate) fn ended(&self) -> bool {
        self.console.is_none() && self.stdout.is_none() && self.stderr.is_none()
    }

    fn input_fd(&self) -> Option<BorrowedFd<'_>> {
        self.console.as_ref().or(self.stdin.as_ref()).map(OwnedFd::as_fd)
    }

    /// Whether clients may send more input now.
    pub(crate) fn takes_input(&self) -> bool {
        self.input.len() < MAX_INPUT
    }

    /// The descriptor to be waited for until it takes held input.
    pub(crate) fn wants_write(&self) -> Option<BorrowedFd<'_>> {
        if self.input.is_empty() { None } else { self.input_fd() }
    }

    /// Takes input of a client; without anybody to read it, it is dropped.
    pub(crate) fn push_input(&mut self, bytes: &[u8]) {
        if self.input_fd().is_none() || self.close_stdin {
            return;
        }
        self.input.extend_from_slice(bytes);
        self.write_input();
    }

    /// The client's input has ended.
    pub(crate) fn end_input(&mut self) {
        if self.console.is_some() {
            self.push_input(&[EOT]);
        } else {
            self.close_stdin = true;
            self.write_input();
        }
    }

    /// Writes held input as far as it goes.
    pub(crate) fn write_input(&mut self) {
        while !self.input.is_empty() {
            let Some(fd) = self.input_fd() else {
                self.input = Vec::new();
                break;
            };
            match rustix::io::write(fd, &self.input) {
                Ok(count) => drop(self.input.drain(..count)),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                Err(_) => {
                    // The process has closed its input.
                    self.input = Vec::new();
                    self.stdin = None;
                }
            }
        }
        self.input = Vec::new();
        if self.close_stdin {
            self.stdin = None;
        }
    }

    /// Nobody is there any more: input ends, a terminal is closed (its processes get SIGHUP).
    pub(crate) fn hang_up(&mut self) {
        self.input = Vec::new();
        self.stdin = None;
        self.console = None;
    }

    /// Sets the terminal's size; nothing to do without one.
    pub(crate) fn resize(&self, rows: u16, cols: u16) {
        if let Some(console) = &self.console {
            // A terminal that is just being closed has no size.
            let _ = cala_sys::pty::set_size(console, rows, cols);
        }
    }
}

fn null() -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::open("/dev/null", flags, rustix::fs::Mode::empty())?)
}

fn non_blocking(fd: &OwnedFd) -> io::Result<()> {
    Ok(rustix::fs::fcntl_setfl(fd, rustix::fs::fcntl_getfl(fd)? | OFlags::NONBLOCK)?)
}

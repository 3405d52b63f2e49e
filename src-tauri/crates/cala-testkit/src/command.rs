//! A private Cala: its own data root and run root, its own environment, and commands that say what they did.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A Cala that shares nothing with any other; everything of it is removed when dropped.
#[derive(Debug)]
pub struct Cala {
    program: PathBuf,
    base: TempDir,
    data: PathBuf,
}

impl Cala {
    /// A fresh one. `program` is `env!("CARGO_BIN_EXE_cala")`; `CALA_TEST_PROGRAM` replaces it (by podman, say).
    #[must_use]
    pub fn new(program: &str) -> Self {
        let program = std::env::var_os("CALA_TEST_PROGRAM").map_or_else(|| program.into(), PathBuf::from);
        let base = tempfile::Builder::new().prefix("cala-test-").tempdir().expect("a temporary folder");
        for folder in ["home", "run"] {
            std::fs::create_dir(base.path().join(folder)).expect("the folder is writable");
        }
        let data = base.path().join("data");
        Self { program, base, data }
    }

    /// The same with its data root elsewhere: on a small disk, say. What is there then is removed all the same.
    #[must_use]
    pub fn with_data_root(mut self, data: &Path) -> Self {
        data.clone_into(&mut self.data);
        self
    }

    /// A folder of the test's own.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.base.path()
    }

    /// The data root.
    #[must_use]
    pub fn data_root(&self) -> PathBuf {
        self.data.clone()
    }

    /// The run root.
    #[must_use]
    pub fn run_root(&self) -> PathBuf {
        self.base.path().join("run/cala")
    }

    /// A command that is not started yet, with this Cala's roots and environment.
    #[must_use]
    pub fn command<I, S>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        let mut command = self.bare_command(&[]);
        command.arg("--root").arg(self.data_root()).arg("--runroot").arg(self.run_root()).args(args);
        command
    }

    /// The same, executed by another program: `["prlimit", "--nofile=64:64"]`, say.
    #[must_use]
    pub fn command_under<I, S>(&self, prefix: &[&str], args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        let mut command = self.bare_command(prefix);
        command.arg("--root").arg(self.data_root()).arg("--runroot").arg(self.run_root()).args(args);
        command
    }

    /// The program in this Cala's environment, without arguments: it finds its roots itself.
    #[must_use]
    pub fn bare_command(&self, prefix: &[&str]) -> Command {
        let mut command = match prefix.split_first() {
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.base.path().join("home"))
            .env("XDG_RUNTIME_DIR", self.base.path().join("run"))
            .env("LANG", "C.UTF-8")
            .env("RUST_BACKTRACE", "1")
            .current_dir(self.base.path())
            .stdin(Stdio::null());
        for name in ["USER", "LOGNAME", "CALA_FAILPOINT"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs a command to its end.
    #[must_use]
    pub fn run<I, S>(&self, args: I) -> Output
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        Output::of(&mut self.command(args))
    }

    /// Runs a command with bytes as its standard input.
    #[must_use]
    pub fn run_with_input<I, S>(&self, args: I, input: &[u8]) -> Output
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        let mut command = self.command(args);
        let line = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("the program ends");
        let _ = writer.join();
        Output::new(line, &output)
    }

    /// Waits until the command's standard output satisfies the condition; fails after ten seconds.
    pub fn eventually<I, S>(&self, args: I, condition: impl Fn(&Output) -> bool) -> Output
    where
        I: IntoIterator<Item = S> + Clone,
        S: AsRef<std::ffi::OsStr>,
    {
        let start = Instant::now();
        loop {
            let output = self.run(args.clone());
            if condition(&output) {
                return output;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "it never came true: {output:?}");
            #[expect(
                clippy::disallowed_methods,
                reason = "a test looks from outside and has no event to wait for"
            )]
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Cala {
    fn drop(&mut self) {
        if self.data_root().exists() {
            let _ = self.run(["rm", "--force", "--all", "--time", "0"]);
        }
        // What containers and layers own belongs to subordinate ids, so it is removed from inside a user namespace.
        let _ = Command::new("unshare")
            .args(["--user", "--map-auto", "--map-root-user", "rm", "-rf", "--one-file-system"])
            .args([self.base.path(), self.data.as_path()])
            .stderr(Stdio::null())
            .status();
    }
}

/// What a finished command left: its line, its exit code, its two outputs.
#[derive(Debug, Clone)]
pub struct Output {
    line: String,
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Runs a command to its end.
    #[must_use]
    pub fn of(command: &mut Command) -> Self {
        let line = format!("{command:?}");
        let output = command.output().unwrap_or_else(|error| panic!("{line}: {error}"));
        Self::new(line, &output)
    }

    fn new(line: String, output: &std::process::Output) -> Self {
        Self {
            line,
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the exit code was 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.exits_with(0)
    }

    /// Fails the test unless the exit code was this one.
    #[track_caller]
    pub fn exits_with(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "unexpected exit code of {}\n--- stdout\n{}\n--- stderr\n{}",
            self.line, self.stdout, self.stderr
        );
        self
    }

    /// Standard output without its last line end.
    #[must_use]
    pub fn text(&self) -> &str {
        self.stdout.trim_end_matches('\n')
    }

    /// Standard output as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

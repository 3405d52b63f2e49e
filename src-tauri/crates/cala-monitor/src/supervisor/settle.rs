//! The end: what is written, removed and told, in this order.
//!
//! 1. Whatever the end has not taken along is killed (execs, the cgroup).
//! 2. `state.json`, event `died`; with `--rm` the container leaves the store, event `remove`.
//! 3. Socket and run directory go, the lock is dropped: the next monitor may come.
//! 4. Waiting, stopping and attached clients are told, the latter after their last byte.
//! 5. The files of a removed container are unlinked: nobody waits for that.

use std::fs;
use std::time::Instant;

use cala_spec::{ContainerState, ContainerStatus};
use cala_sys::pidfd::Exit;

use super::Monitor;
use super::client::Mode;
use crate::frames::FrameKind;
use crate::protocol::{ExitInfo, Failure, Reply};
use crate::record;

impl Monitor {
    /// Records the container's end; its output has been drained.
    pub(super) fn settle(&mut self, exit: Exit) {
        let oom = self.cgroup.as_ref().is_some_and(|cgroup| cgroup.oom_kills() > 0);
        let info = ExitInfo { code: exit.code(), oom };
        self.container = None;
        self.run_until = None;
        self.kill_sessions();
        if let Some(file) = &self.facts.pid_file {
            // The number may soon be another process's.
            let _ = fs::remove_file(file);
        }
        // Processes of a shared pid namespace outlive their first; an exec may still be dying.
        self.drop_cgroup();
        let again = !self.facts.rm && self.restarts.wants(info.code);
        // Ports and names are free before anybody hears of the end.
        let networks = self.networks.take().map(|networks| networks.leave_for(again));
        if again {
            self.restarts.plan(Instant::now(), networks);
        }
        self.state = ContainerState {
            status: if again { ContainerStatus::Restarting } else { ContainerStatus::Exited },
            restart_count: self.restarts.count(),
            pid: 0,
            pid_start_time: 0,
            finished_ns: record::now_ns(),
            exit_code: info.code,
            oom_killed: oom,
            networks: Vec::new(),
            ..std::mem::take(&mut self.state)
        };
        if oom {
            self.event("oom", None);
        }
        if !self.facts.rm {
            self.write_state();
        }
        self.event("died", Some(info.code));
        self.exit = Some(info);
        if again {
            return self.tell_end(info);
        }
        if self.facts.rm {
            self.remove_container();
        }
        self.close_down();
        self.tell_end(info);
        self.empty_trash();
    }

    /// Kills what is in the control group and removes it; when something is still dying, again at the monitor's end.
    pub(super) fn drop_cgroup(&mut self) {
        if self.cgroup.as_ref().is_some_and(|cgroup| cgroup.kill().and_then(|()| cgroup.remove()).is_ok()) {
            self.cgroup = None;
        }
    }

    /// The monitor ends without the container having run: nobody asked for a start, or it failed.
    pub(super) fn abandon(&mut self) {
        self.plan = None;
        self.close_down();
    }

    /// Takes everything away that says that a monitor is here.
    pub(super) fn close_down(&mut self) {
        self.listener = None;
        let run_dir = &self.facts.run_dir;
        // What does not go now is found dead by whoever connects, and replaced by the next monitor.
        let _ = fs::remove_file(run_dir.join(crate::protocol::SOCKET_NAME));
        let _ = fs::remove_dir(run_dir);
        self.lock = None;
        self.settled = Some(Instant::now());
    }

    /// Those who wait or have attached before a start that failed.
    pub(super) fn tell_failure(&mut self, failure: &Failure) {
        for client in &mut self.clients {
            if std::mem::take(&mut client.waits) {
                client.reply(&Reply::Error(failure.clone()));
            }
            if matches!(client.mode, Mode::Attached { .. }) {
                client.frame(FrameKind::Error, failure.message.as_bytes());
                client.finish(i32::from(failure.kind.exit_code()));
            }
        }
    }

    fn tell_end(&mut self, info: ExitInfo) {
        let killed = self.stopping.as_ref().is_some_and(|stopping| stopping.killed);
        for client in &mut self.clients {
            if client.waits {
                client.waits = false;
                client.reply(&Reply::Exited(info));
            }
            if client.stops {
                client.stops = false;
                client.reply(&Reply::Stopped { killed });
            }
            if matches!(client.mode, Mode::Attached { .. }) {
                client.pump(&self.log);
                client.finish(info.code);
            }
        }
    }
}

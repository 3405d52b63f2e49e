//! Further processes in the container.

use std::os::fd::AsFd as _;

use cala_runtime::ExecRequest as RuntimeRequest;
use cala_spec::{ContainerStatus, ErrorKind};
use oci_spec::runtime::{Capability, LinuxCapabilitiesBuilder, Process as SpecProcess, User};

use super::Monitor;
use super::client::Mode;
use super::process::{Process, Session};
use super::requests::{ended, start_failure};
use super::secrets;
use super::start::{filter, id_map, stdio, step};
use super::streams::{ChildEnds, Streams};
use crate::launcher::{invalid, read_plan};
use crate::protocol::{ExecRequest, Failure, Reply};
use crate::{RunPlan, SeccompPlan, record};

impl Monitor {
    /// Starts an exec. Unless it is detached, the client's connection carries its frames from here on.
    pub(super) fn start_exec(
        &mut self,
        index: usize,
        request: ExecRequest,
    ) -> Result<Option<Reply>, Failure> {
        let result = self.run_exec(&request);
        cala_sys::heap::release_free_memory();
        let (process, pid) = result?;
        let number = self.next_session;
        self.next_session += 1;
        self.sessions.push(Session { number, id: request.id, process });
        self.event("exec", None);
        if let Some(client) = self.clients.get_mut(index) {
            client.reply(&Reply::ExecStarted { pid });
            if !request.detach {
                client.mode = Mode::Exec { session: number };
            }
        }
        Ok(None)
    }

    fn run_exec(&self, request: &ExecRequest) -> Result<(Process, i32), Failure> {
        // In a frozen group it would come to no end.
        if !self.is_running() || self.state.status == ContainerStatus::Paused {
            return Err(ended());
        }
        let container = self.container.as_ref().ok_or_else(ended)?;
        let plan = read_plan(&self.facts.plan_path)?;
        let process = process_of(&plan, request)?;
        let seccomp = if request.privileged { SeccompPlan::Unconfined } else { plan.seccomp };
        let filter = filter(seccomp, &plan.spec, Some(&process))?;
        let id_map = id_map(&plan.spec).map_err(step("read the id map"))?;
        let (streams, ends) = streams(request).map_err(step("make pipes"))?;
        let started = cala_runtime::exec(&RuntimeRequest {
            target: container.pidfd.as_fd(),
            spec: &plan.spec,
            process: &process,
            id_map: id_map.as_ref(),
            groups: &plan.groups,
            seccomp: filter.as_deref(),
            cgroup: self.cgroup.as_ref().map(cala_runtime::cgroup::Cgroup::fd),
            stdio: stdio(ends.as_ref()),
            console_size: request.size,
        });
        let started = match started {
            // It is just ending: its namespaces are going, whatever step met that.
            Err(_) if container.pidfd.has_ended() || record::is_exiting(self.state.pid) => {
                return Err(ended());
            }
            started => started.map_err(|error| start_failure(&error))?,
        };
        let pid = started.proc_pid;
        let process = Process::new(started, streams).map_err(step("take the streams"))?;
        Ok((process, pid))
    }
}

fn streams(request: &ExecRequest) -> std::io::Result<(Streams, Option<ChildEnds>)> {
    if request.tty {
        return Ok((Streams::default(), None));
    }
    let (streams, ends) = if request.detach { Streams::nothing()? } else { Streams::pipes(request.stdin)? };
    Ok((streams, Some(ends)))
}

/// The container's own process with what the request changes.
fn process_of(plan: &RunPlan, request: &ExecRequest) -> Result<SpecProcess, Failure> {
    if request.args.is_empty() {
        return Err(invalid("an exec needs a command".to_owned()));
    }
    let mut process = plan.spec.process().clone().unwrap_or_default();
    secrets::add_variables(plan, &mut process).map_err(step("read the secrets"))?;
    let mut env = process.env().clone().unwrap_or_default();
    merge_env(&mut env, &request.env);
    if request.tty && !env.iter().any(|line| line.starts_with("TERM=")) {
        env.push("TERM=xterm".to_owned());
    }
    process.set_env(Some(env));
    process.set_args(Some(request.args.clone()));
    process.set_terminal(Some(request.tty));
    if let Some(workdir) = &request.workdir {
        if !workdir.starts_with('/') {
            return Err(invalid(format!("working directory `{workdir}` is not absolute")));
        }
        process.set_cwd(workdir.into());
    }
    if let Some(user) = &request.user {
        let mut wanted = User::default();
        wanted.set_username(Some(user.clone())).set_umask(process.user().umask());
        process.set_user(wanted);
    }
    if request.privileged {
        let all = all_capabilities();
        let capabilities = LinuxCapabilitiesBuilder::default()
            .bounding(all.clone())
            .effective(all.clone())
            .permitted(all)
            .inheritable(std::collections::HashSet::<Capability>::new())
            .ambient(std::collections::HashSet::<Capability>::new())
            .build();
        let capabilities = capabilities
            .map_err(|error| Failure { kind: ErrorKind::Internal, ..invalid(error.to_string()) })?;
        process.set_capabilities(Some(capabilities));
        process.set_no_new_privileges(Some(false));
    }
    Ok(process)
}

/// Adds `NAME=value` lines; the last of a name wins and keeps the place of the first.
fn merge_env(env: &mut Vec<String>, added: &[String]) {
    let name_of = |line: &str| line.split_once('=').map_or(line, |(name, _)| name).to_owned();
    for line in added {
        match env.iter_mut().find(|old| name_of(old) == name_of(line)) {
            Some(old) => old.clone_from(line),
            None => env.push(line.clone()),
        }
    }
}

fn all_capabilities() -> std::collections::HashSet<Capability> {
    use Capability as C;
    [
        C::AuditControl,
        C::AuditRead,
        C::AuditWrite,
        C::BlockSuspend,
        C::Bpf,
        C::CheckpointRestore,
        C::Chown,
        C::DacOverride,
        C::DacReadSearch,
        C::Fowner,
        C::Fsetid,
        C::IpcLock,
        C::IpcOwner,
        C::Kill,
        C::Lease,
        C::LinuxImmutable,
        C::MacAdmin,
        C::MacOverride,
        C::Mknod,
        C::NetAdmin,
        C::NetBindService,
        C::NetBroadcast,
        C::NetRaw,
        C::Perfmon,
        C::Setgid,
        C::Setfcap,
        C::Setpcap,
        C::Setuid,
        C::SysAdmin,
        C::SysBoot,
        C::SysChroot,
        C::SysModule,
        C::SysNice,
        C::SysPacct,
        C::SysPtrace,
        C::SysRawio,
        C::SysResource,
        C::SysTime,
        C::SysTtyConfig,
        C::Syslog,
        C::WakeAlarm,
    ]
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_name_wins() {
        let mut env = vec!["PATH=/bin".to_owned(), "A=1".to_owned()];
        merge_env(&mut env, &["A=2".to_owned(), "B=3".to_owned(), "B=4=5".to_owned()]);
        assert_eq!(env, ["PATH=/bin", "A=2", "B=4=5"]);
    }
}

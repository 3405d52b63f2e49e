//! The start of the container: from the plan to a process that runs.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Instant;

use cala_runtime::cgroup::{Cgroup, Limits};
use cala_runtime::seccomp::{self, Instruction};
use cala_runtime::{Container, IdLine, IdMapPlan, IdWriter, RootfsPlan, Secrets, Stdio};
use cala_spec::{ContainerState, ContainerStatus};
use oci_spec::runtime::{LinuxNamespaceType, Process as SpecProcess, Spec};

use super::Monitor;
use super::networks::{self, Networks};
use super::requests::{ended, start_failure};
use super::secrets;
use super::streams::{ChildEnds, Streams};
use super::volumes::Volumes;
use super::waiting::Waiting;
use crate::MonitorError;
use crate::launcher::{failed, failure_of};
use crate::protocol::Failure;
use crate::{RunPlan, SeccompPlan, record};

impl Monitor {
    /// Starts the container; the host pid of its first process.
    ///
    /// A failure is final: it is recorded (the container stays created, as Podman has it; with `--rm` it is removed),
    /// and the monitor ends once its clients know.
    pub(super) fn start_container(&mut self) -> Result<i32, Failure> {
        let made = if self.waiting.is_some() { Ok(()) } else { self.make() };
        let started = made.and_then(|()| self.waiting.take().ok_or_else(ended)?.start());
        let (process, pid) = self.conclude(started)?;
        self.container = Some(process);
        self.record_start(pid);
        cala_sys::heap::release_free_memory();
        Ok(pid)
    }

    /// From the plan to a process that waits just before its program.
    pub(super) fn make(&mut self) -> Result<(), Failure> {
        let plan = self.plan.take().ok_or_else(ended)?;
        let Made { waiting, cgroup, networks } = make(&plan)?;
        self.waiting = Some(waiting);
        self.cgroup = cgroup;
        self.networks = networks;
        Ok(())
    }

    /// What worked, or the failure recorded.
    pub(super) fn conclude<T>(&mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|failure| {
            let failure = with_id(failure, &self.facts.id);
            // A container that was never made has left nothing.
            self.drop_cgroup();
            self.networks.take().into_iter().for_each(Networks::leave);
            self.record_failure(&failure);
            cala_sys::heap::release_free_memory();
            failure
        })
    }

    fn record_start(&mut self, pid: i32) {
        self.state = ContainerState {
            status: ContainerStatus::Running,
            pid,
            pid_start_time: record::start_time(pid),
            monitor_pid: record::own_pid(),
            boot_id: record::boot_id(),
            started_ns: record::now_ns(),
            restart_count: self.restarts.count(),
            networks: self.networks.as_ref().map(Networks::statuses).unwrap_or_default(),
            ..ContainerState::default()
        };
        let now = Instant::now();
        self.restarts.has_begun(now);
        self.run_until = self.facts.timeout.and_then(|timeout| now.checked_add(timeout));
        self.write_state();
        if let Some(file) = &self.facts.pid_file {
            // Its folder was there when the container was made; whoever waits for the file sees that it does not come.
            let _ = fs::write(file, pid.to_string());
        }
        self.event("start", None);
    }

    pub(super) fn record_failure(&mut self, failure: &Failure) {
        let previous = record::read_state(&self.facts.container_dir);
        // As whoever asked for the start hears it.
        let error = cala_spec::error::chain(&MonitorError::from(failure.clone()));
        self.state = ContainerState { error, pid: 0, ..previous };
        if self.facts.rm {
            self.remove_container();
        } else {
            self.write_state();
        }
        self.close_down();
        self.tell_failure(failure);
    }
}

/// Podman's words about a working directory name the container, which the runtime does not know.
fn with_id(mut failure: Failure, id: &str) -> Failure {
    const PLACE: &str = " on container";
    if failure.code == "workdir_not_found"
        && let Some(at) = failure.message.rfind(PLACE)
    {
        failure.message.insert_str(at + PLACE.len(), &format!(" {id}"));
    }
    failure
}

/// What is there before the program runs.
struct Made {
    waiting: Waiting,
    cgroup: Option<Cgroup>,
    networks: Option<Networks>,
}

fn make(plan: &RunPlan) -> Result<Made, Failure> {
    let dir = &plan.container_dir;
    let paths = ["upper", "work", "merged"].map(|name| dir.join(name));
    for path in &paths {
        make_dir(path).map_err(step("make the container's directories"))?;
    }
    for overlay in &plan.overlays {
        make_anew(overlay).map_err(step("make the directories of an overlay"))?;
    }
    let [upper, work, merged] = &paths;
    forget_volatile(work).map_err(step("make the container's directories"))?;
    let cgroup = plan.cgroup.as_ref().map(|path| Cgroup::create(path, &limits(&plan.spec)));
    let cgroup = cgroup.transpose().map_err(|error| failure_of(&error))?;
    let secret_files = secrets::files(plan);
    let scratch = secrets::scratch(plan);
    if !secret_files.is_empty() {
        make_dir(&scratch).map_err(step("make the container's directories"))?;
    }
    let mut spec = plan.spec.clone();
    if let Some(process) = spec.process_mut() {
        secrets::add_variables(plan, process).map_err(step("read the secrets"))?;
    }
    let filter = filter(plan.seccomp, &plan.spec, plan.spec.process().as_ref())?;
    let (streams, ends) = streams(plan).map_err(step("make pipes"))?;
    let volumes = Volumes::take(&plan.volumes).map_err(step("look at the volumes"))?;
    let container = Container {
        spec: &spec,
        rootfs: RootfsPlan::Overlay { lower: &plan.lower_dirs, upper, work, merged, volatile: plan.rm },
        id_map: id_map(&plan.spec).map_err(step("read the id map"))?,
        seccomp: filter.as_deref(),
        cgroup: cgroup.as_ref().map(Cgroup::fd),
        stdio: stdio(ends.as_ref()),
        console_size: plan.console_size,
        init: plan.init,
        make_workdir: !plan.workdir_must_exist,
        volumes: &volumes.plans,
        secrets: Secrets { scratch: &scratch, files: &secret_files },
        name_user: plan.name_user,
        groups: &plan.groups,
        gate: None,
    };
    if let Some(path) = &plan.network.join {
        // The monitor itself goes into the other's network for good, because only from U it may; the container is born there.
        networks::enter(path).map_err(step("join the network"))?;
    }
    let created = cala_runtime::create(&container);
    if created.is_ok() {
        volumes.filled(plan.durable);
    }
    let joined = created.map_err(|error| start_failure(&error)).and_then(|created| {
        let networks = join(plan, created.proc_pid())?;
        Ok((created, networks))
    });
    match joined {
        Ok((created, networks)) => Ok(Made { waiting: Waiting::new(created, streams), cgroup, networks }),
        Err(failure) => {
            // Nothing is in it: the process has been reaped.
            let _ = cgroup.map(|cgroup| cgroup.remove());
            Err(failure)
        }
    }
}

/// Joins the networks; the process waits at its gate meanwhile.
fn join(plan: &RunPlan, proc_pid: i32) -> Result<Option<Networks>, Failure> {
    if plan.network.run_root.as_os_str().is_empty() {
        return Ok(None);
    }
    let container =
        networks::namespace_of(proc_pid).map_err(step("open the container's network namespace"))?;
    Networks::join(&plan.network, plan.id.as_str(), &plan.name, container).map(Some)
}

/// A volatile overlay leaves a mark by which it refuses to be mounted again, because what a crash of the machine left
/// could be anything (overlayfs.rst, "Volatile mount"). A container of `--rm` that is there again was restarted without one:
/// after a crash it counts as removed.
fn forget_volatile(work: &std::path::Path) -> io::Result<()> {
    match fs::remove_dir_all(work.join("work/incompat")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a former start wrote over a mount is gone with it.
fn make_anew(path: &Path) -> io::Result<()> {
    let above = path.parent().unwrap_or(path);
    make_dir(above)?;
    let name = std::ffi::CString::new(path.file_name().unwrap_or_default().as_bytes())?;
    cala_sys::remove_tree::remove_tree(fs::File::open(above)?, &name)?;
    fs::create_dir(path)?;
    ["upper", "work", "merged"].iter().try_for_each(|name| fs::create_dir(path.join(name)))
}

fn make_dir(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn streams(plan: &RunPlan) -> io::Result<(Streams, Option<ChildEnds>)> {
    if plan.tty {
        return Ok((Streams::default(), None));
    }
    let (streams, ends) = Streams::pipes(plan.stdin_open)?;
    Ok((streams, Some(ends)))
}

/// Three descriptors, or a terminal made inside.
pub(super) fn stdio(ends: Option<&ChildEnds>) -> Stdio<'_> {
    ends.map_or(Stdio::Terminal, |ends| Stdio::Fds(ends.borrow()))
}

/// The compiled filter of a process; `None` is unconfined.
pub(super) fn filter(
    plan: SeccompPlan,
    spec: &Spec,
    process: Option<&SpecProcess>,
) -> Result<Option<Vec<Instruction>>, Failure> {
    match plan {
        SeccompPlan::Unconfined => Ok(None),
        SeccompPlan::Default => {
            let bounding = process.and_then(|process| process.capabilities().as_ref()?.bounding().as_ref());
            let capabilities: Vec<_> = bounding.into_iter().flatten().copied().collect();
            Ok(Some(seccomp::default_filter(&capabilities)))
        }
        SeccompPlan::Spec => {
            let profile = spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
            profile.map(seccomp::compile).transpose().map_err(|error| failure_of(&error))
        }
    }
}

/// C's map: every id of U as itself, a line per line of U's own map (one that spans two of them is refused by the
/// kernel); the spec's own map if it has one.
pub(super) fn id_map(spec: &Spec) -> io::Result<Option<IdMapPlan>> {
    let Some(linux) = spec.linux() else { return Ok(None) };
    let namespaces = linux.namespaces().as_deref().unwrap_or_default();
    if !namespaces
        .iter()
        .any(|namespace| namespace.typ() == LinuxNamespaceType::User && namespace.path().is_none())
    {
        return Ok(None);
    }
    let given = |mappings: &Option<Vec<oci_spec::runtime::LinuxIdMapping>>| -> Vec<IdLine> {
        let lines = mappings.iter().flatten();
        lines
            .map(|line| IdLine { inside: line.container_id(), outside: line.host_id(), count: line.size() })
            .collect()
    };
    let (uid, gid) = (given(linux.uid_mappings()), given(linux.gid_mappings()));
    if !uid.is_empty() && !gid.is_empty() {
        return Ok(Some(IdMapPlan { uid, gid, writer: IdWriter::Direct }));
    }
    let uid = identity(&fs::read_to_string("/proc/self/uid_map")?);
    let gid = identity(&fs::read_to_string("/proc/self/gid_map")?);
    Ok(Some(IdMapPlan { uid, gid, writer: IdWriter::Direct }))
}

fn identity(map: &str) -> Vec<IdLine> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (inside, _, count) = (words.next()?.parse().ok()?, words.next()?, words.next()?.parse().ok()?);
        Some(IdLine { inside, outside: inside, count })
    };
    map.lines().filter_map(line).collect()
}

fn limits(spec: &Spec) -> Limits {
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    let memory = resources.and_then(|all| all.memory().as_ref()?.limit());
    let pids = resources.and_then(|all| Some(all.pids().as_ref()?.limit()));
    let cpu = resources.and_then(|all| all.cpu().as_ref());
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a period are far below 2^52")]
    let cpus = cpu.and_then(|cpu| Some(cpu.quota()? as f64 / cpu.period().unwrap_or(100_000) as f64));
    Limits {
        memory: memory.and_then(|bytes| u64::try_from(bytes).ok()),
        cpus: cpus.filter(|cpus| *cpus > 0.0),
        pids: pids.and_then(|count| u64::try_from(count).ok()),
    }
}

/// A failed step of the start.
pub(super) fn step(step: &'static str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure {
        step: Some(step.to_owned()),
        code: "start_failed".to_owned(),
        ..failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_containers_map_is_the_identity_over_each_extent() {
        let lines = identity("         0       1000          1\n         1     100000      65536\n");
        assert_eq!(
            lines,
            [IdLine { inside: 0, outside: 0, count: 1 }, IdLine { inside: 1, outside: 1, count: 65536 }]
        );
    }
}

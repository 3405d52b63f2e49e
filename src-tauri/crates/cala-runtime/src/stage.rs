//! The new process, from clone3(2) to `execve`, step by step.
//!
//! 1. Clean: signals, descriptors close-on-exec (R4), a name. Loopback and host name: they need no ids.
//! 2. Wait until the creator has written the maps; become unreadable for others (R5), become root inside.
//! 3. cgroup namespace; a proc that is attached nowhere (R2); sysctls through it.
//! 4. Root file system, volumes, mounts, devices, terminal, masks (R1, R3).
//! 5. User and working directory, found below the root (R1, R7, R8); read-only root; pivot_root(2).
//! 6. Session, streams, limits, ids. Report; wait for the start.
//! 7. Capabilities (R9), seccomp, execve(2); or with an init of ours, a fork first.
//!
//! Whatever fails is reported with the step's name and the process ends.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cala_sys::clone::{self, CloneFlags};
use cala_sys::{credentials, exec, interface, mount, namespace, prctl};
use oci_spec::runtime::{Linux, Process, Spec};
use rustix::fs::{Mode, OFlags};

use crate::channel::{self, GO, START};
use crate::error::Step;
use crate::mounts::Mounter;
use crate::namespaces::{self, Namespaces};
use crate::process::{self, Launch, MissingDirectory, Program, Surroundings};
use crate::{
    Container, StartError, Stdio, devices, init, masks, mounts, rootfs, secrets, sysctl, user, volumes,
};

/// Lives the new process.
pub(crate) fn run(container: &Container<'_>, namespaces: &Namespaces, channel: OwnedFd) -> ! {
    let stage = Stage { container, namespaces, own: namespaces::own(container.spec) };
    let error = match stage.set_up(&channel) {
        Ok((program, terminal)) => start(container, program, terminal, channel),
        Err(error) => error,
    };
    channel::report_failure(&channel, &error);
    clone::exit(1)
}

/// Waits for the start and runs the program.
fn start(container: &Container<'_>, program: Program<'_>, terminal: Option<OwnedFd>, channel: OwnedFd) -> ! {
    let waited = channel::report_ready(&channel).and_then(|()| match container.gate {
        Some(gate) => channel::expect(gate.start, START),
        None => channel::expect(&channel, START),
    });
    // Nobody is left to be told.
    if waited.is_err() {
        clone::exit(1);
    }
    let report = match container.gate {
        Some(gate) => rustix::io::fcntl_dupfd_cloexec(gate.report, 3).unwrap_or(channel),
        None => channel,
    };
    if container.init {
        init::run(program, terminal, report);
    }
    drop(terminal);
    let error = program.run();
    channel::report_failure(&report, &error);
    clone::exit(1)
}

struct Stage<'a> {
    container: &'a Container<'a>,
    namespaces: &'a Namespaces,
    /// Namespaces that are not shared with the host.
    own: CloneFlags,
}

impl<'a> Stage<'a> {
    fn spec(&self) -> &'a Spec {
        self.container.spec
    }

    fn linux(&self) -> Option<&'a Linux> {
        self.spec().linux().as_ref()
    }

    fn set_up(&self, channel: &OwnedFd) -> Result<(Program<'a>, Option<OwnedFd>), StartError> {
        self.clean()?;
        self.before_maps()?;
        channel::expect(channel, GO).step(|| "wait for the id maps".into())?;
        self.become_root()?;
        let proc = self.proc()?;
        let root = rootfs::assemble(&self.container.rootfs)?;
        let launch = self.launch()?;
        let user = self.user_of_volumes(&launch, root.as_fd());
        volumes::prepare(root.as_fd(), self.container.volumes, user)?;
        let terminal = self.fill(root.as_fd(), proc, user, channel)?;
        let missing =
            if self.container.make_workdir { MissingDirectory::Make } else { MissingDirectory::Refuse };
        let mut surroundings = launch.look_around(root.as_fd(), missing)?;
        self.name_user(&mut surroundings, root.as_fd())?;
        if self.spec().root().as_ref().and_then(|root| root.readonly()) == Some(true) {
            use cala_sys::mount::Attributes;
            mount::set_attributes(&root, false, Attributes::RDONLY, Attributes::NONE, None)
                .step(|| "make the root read-only".into())?;
        }
        mount::switch_root(&root).step(|| "enter the root file system".into())?;
        drop(root);
        self.streams(terminal.as_ref(), &surroundings)?;
        let program = launch.settle(surroundings)?;
        Ok((program, terminal))
    }

    fn clean(&self) -> Result<(), StartError> {
        exec::reset_signals();
        exec::close_on_exec_from(3).step(|| "mark descriptors close-on-exec".into())?;
        let _ = prctl::set_name(c"cala:init");
        rustix::process::umask(Mode::empty());
        Ok(())
    }

    /// What the new namespaces allow before ids are mapped.
    fn before_maps(&self) -> Result<(), StartError> {
        let new = self.namespaces.new;
        if !new.contains(CloneFlags::NEWUSER) {
            // With a new user namespace the kernel has made them slaves.
            mount::make_all_slave().step(|| "make the mounts slaves".into())?;
        }
        if new.contains(CloneFlags::NEWNET) {
            interface::loopback_up().step(|| "bring up the loopback interface".into())?;
        }
        if new.contains(CloneFlags::NEWUTS) {
            if let Some(name) = self.spec().hostname() {
                rustix::system::sethostname(name.as_bytes())
                    .step(|| format!("set the host name `{name}`"))?;
            }
            if let Some(name) = self.spec().domainname() {
                rustix::system::setdomainname(name.as_bytes())
                    .step(|| format!("set the domain name `{name}`"))?;
            }
        }
        Ok(())
    }

    fn become_root(&self) -> Result<(), StartError> {
        prctl::set_dumpable(false).step(|| "become unreadable".into())?;
        self.namespaces.join_existing()?;
        if self.own.contains(CloneFlags::NEWUSER) {
            credentials::set_gid(0).step(|| "become group 0 of the container".into())?;
            credentials::set_uid(0).step(|| "become user 0 of the container".into())?;
            // A change of ids resets it to what the host's fs.suid_dumpable says.
            prctl::set_dumpable(false).step(|| "become unreadable".into())?;
        }
        if self.namespaces.new.contains(CloneFlags::NEWCGROUP) {
            namespace::unshare(CloneFlags::NEWCGROUP).step(|| "make a cgroup namespace".into())?;
        }
        Ok(())
    }

    /// Makes a proc when the configuration mounts one or sets parameters; sets these.
    fn proc(&self) -> Result<Option<OwnedFd>, StartError> {
        let sysctls = self.linux().and_then(|linux| linux.sysctl().as_ref());
        let score = self.process()?.oom_score_adj();
        let mounted =
            self.spec().mounts().iter().flatten().any(|entry| entry.typ().as_deref() == Some("proc"));
        if !mounted && score.is_none() && sysctls.is_none_or(std::collections::HashMap::is_empty) {
            return Ok(None);
        }
        let proc = mounts::proc(self.own).step(|| "mount `proc`".into())?;
        for (name, value) in sysctls.into_iter().flatten() {
            sysctl::set(proc.as_fd(), self.own, name, value)?;
        }
        if let Some(score) = score {
            let what = || format!("set oom_score_adj to {score}");
            let flags = OFlags::WRONLY | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&proc, c"self/oom_score_adj", flags, Mode::empty()).step(what)?;
            rustix::io::write(file, score.to_string().as_bytes()).step(what)?;
        }
        Ok(Some(proc))
    }

    /// Mounts, devices, terminal, masks; in this order, since all need the host's files still.
    fn fill(
        &self,
        root: BorrowedFd<'_>,
        proc: Option<OwnedFd>,
        user: Option<(u32, u32)>,
        channel: &OwnedFd,
    ) -> Result<Option<OwnedFd>, StartError> {
        let mut mounter = Mounter { root, proc, own: self.own, id_map: self.container.id_map.as_ref(), user };
        for entry in self.spec().mounts().iter().flatten() {
            mounter.mount(entry)?;
        }
        secrets::add(root, self.container.secrets)?;
        if let Some(devices) = self.linux().and_then(|linux| linux.devices().as_ref()) {
            devices::add(root, devices)?;
        }
        let terminal = match self.container.stdio {
            Stdio::Fds(_) => None,
            Stdio::Terminal => {
                let (master, slave) = devices::open_terminal(root, self.container.console_size)?;
                devices::bind_console(root, &slave)?;
                channel::report_descriptor(channel, &master, 0).step(|| "hand over the terminal".into())?;
                Some(slave)
            }
        };
        if let Some(linux) = self.linux() {
            masks::make_read_only(root, linux.readonly_paths().as_deref().unwrap_or_default())?;
            masks::mask(root, linux.masked_paths().as_deref().unwrap_or_default())?;
        }
        Ok(terminal)
    }

    fn launch(&self) -> Result<Launch<'a>, StartError> {
        Ok(Launch {
            process: self.process()?,
            id_map: self.container.id_map.as_ref(),
            groups: self.container.groups,
            seccomp: self.container.seccomp,
        })
    }

    /// The container's user, when a volume or a mount is to belong to it. One that cannot be found is told of later.
    fn user_of_volumes(&self, launch: &Launch<'_>, root: BorrowedFd<'_>) -> Option<(u32, u32)> {
        let asked =
            |entry: &oci_spec::runtime::Mount| entry.options().iter().flatten().any(|word| word == "U");
        if self.container.volumes.is_empty() && !self.spec().mounts().iter().flatten().any(asked) {
            return None;
        }
        launch.user(root).ok().map(|user| (user.uid, user.gid))
    }

    fn name_user(&self, surroundings: &mut Surroundings, root: BorrowedFd<'_>) -> Result<(), StartError> {
        let process = self.process()?;
        if let (true, Some(name)) = (self.container.name_user, process.user().username()) {
            let cwd = process.cwd().to_string_lossy();
            if let Some(home) = user::add_number(root, name, &surroundings.user, &cwd) {
                surroundings.user.home = home;
            }
        }
        Ok(())
    }

    fn process(&self) -> Result<&'a Process, StartError> {
        let process = self.spec().process().as_ref();
        process.ok_or_else(|| StartError::Refused("the configuration has no process".into()))
    }

    fn streams(&self, terminal: Option<&OwnedFd>, surroundings: &Surroundings) -> Result<(), StartError> {
        // With an init of ours the program gets the session, not the init.
        process::new_session(terminal.filter(|_| !self.container.init))?;
        process::take_stdio(self.container.stdio, terminal, &surroundings.user)
    }
}

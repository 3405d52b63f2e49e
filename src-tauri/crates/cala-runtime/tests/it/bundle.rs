//! A root file system of busybox in layers, a configuration as Cala's engine makes it, and running both.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use oci_spec::runtime::{Process, Spec};
use serde_json::{Value, json};

use crate::helper::Plan;

/// Programs of busybox that tests use.
const APPLETS: [&str; 38] = [
    "sh", "true", "false", "cat", "ls", "echo", "id", "grep", "stat", "mount", "sleep", "kill", "readlink",
    "pwd", "env", "hostname", "ip", "mkdir", "touch", "chown", "su", "tty", "stty", "head", "wc", "df",
    "umount", "dd", "test", "ps", "unshare", "ping", "nc", "chroot", "mknod", "find", "sort", "rm",
];

/// A container to be.
pub(crate) struct Bundle {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) spec: Value,
    pub(crate) plan: Plan,
}

impl Bundle {
    /// Runs `sh -c SCRIPT`.
    pub(crate) fn sh(script: &str) -> Self {
        Self::new(&["sh", "-c", script])
    }

    pub(crate) fn new(args: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("cala-runtime-").tempdir().expect("a temporary directory");
        for name in ["base", "layer", "upper", "work", "merged"] {
            fs::create_dir(dir.path().join(name)).expect("directory");
        }
        busybox(&dir.path().join("base"));
        let plan = Plan {
            spec: Spec::default(),
            lower: vec![dir.path().join("base"), dir.path().join("layer")],
            directory: dir.path().to_owned(),
            terminal: false,
            init: false,
            seccomp: true,
            single: false,
            cgroup: None,
            exec: None,
            times: 1,
        };
        Self { dir, spec: spec(args), plan }
    }

    /// A path in the upper layer of the image.
    pub(crate) fn image(&self, path: &str) -> PathBuf {
        self.dir.path().join("layer").join(path.trim_start_matches('/'))
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.image(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directories");
        fs::write(&path, text).expect("file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
        self
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        let path = self.image(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directories");
        symlink(target, path).expect("link");
        self
    }

    /// Changes the configuration: `edit(|spec| spec["hostname"] = …)`.
    pub(crate) fn edit(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.spec);
        self
    }

    pub(crate) fn mount(self, mount: Value) -> Self {
        self.edit(|spec| spec["mounts"].as_array_mut().expect("mounts").push(mount))
    }

    pub(crate) fn exec(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut process = self.spec["process"].clone();
        change(&mut process);
        self.plan.exec = Some(serde_json::from_value::<Process>(process).expect("process"));
        self
    }

    pub(crate) fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    pub(crate) fn run(&self) -> Done {
        let plan =
            Plan { spec: serde_json::from_value(self.spec.clone()).expect("spec"), ..self.plan.clone() };
        let path = self.dir.path().join("plan.json");
        fs::write(&path, serde_json::to_vec(&plan).expect("json")).expect("plan");
        let begun = std::time::Instant::now();
        let output = Command::new(std::env::current_exe().expect("own program"))
            .arg("__run")
            .arg(&path)
            .output()
            .expect("the helper runs");
        Done::new(output, begun.elapsed())
    }

    /// Writes it as an OCI bundle of one directory; returns its path.
    pub(crate) fn as_oci(&self) -> PathBuf {
        let path = self.dir.path().to_owned();
        fs::rename(path.join("base"), path.join("rootfs")).expect("rename");
        let mut spec = self.spec.clone();
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        spec["root"]["path"] = "rootfs".into();
        spec["linux"]["uidMappings"] = json!([{"containerID": 0, "hostID": uid, "size": 1}]);
        spec["linux"]["gidMappings"] = json!([{"containerID": 0, "hostID": gid, "size": 1}]);
        spec["mounts"][3]["options"] = json!(["newinstance", "ptmxmode=0666", "mode=0620"]);
        fs::write(path.join("config.json"), spec.to_string()).expect("config");
        path
    }

    /// `cala-oci` with a state directory in the bundle.
    pub(crate) fn oci(&self, words: &[&str]) -> Done {
        let begun = std::time::Instant::now();
        let output = Command::new(std::env::current_exe().expect("own program"))
            .arg("__oci")
            .arg("--root")
            .arg(self.dir.path().join("state"))
            .args(words)
            .current_dir(self.dir.path())
            .output()
            .expect("cala-oci runs");
        Done::new(output, begun.elapsed())
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // The kernel's own directory in an overlay's work directory has mode 000.
        for number in
            std::iter::once(String::new()).chain((0..self.plan.times).map(|number| number.to_string()))
        {
            let work = self.dir.path().join(number).join("work/work");
            let _ = fs::set_permissions(work, fs::Permissions::from_mode(0o700));
        }
    }
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) time: std::time::Duration,
}

impl Done {
    fn new(output: Output, time: std::time::Duration) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            time,
        }
    }

    /// Ended well; the output without the last line's end.
    pub(crate) fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        self.out.trim_end()
    }

    /// Refused with this status and these words on stderr.
    pub(crate) fn refused(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(words), "no `{words}` in {self:?}");
    }
}

fn busybox(root: &Path) {
    for name in ["bin", "etc", "tmp", "proc", "sys", "dev", "root", "var"] {
        fs::create_dir(root.join(name)).expect("directory");
    }
    let program = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    fs::copy(program.expect("package busybox-static"), root.join("bin/busybox")).expect("copy");
    for name in APPLETS {
        symlink("busybox", root.join("bin").join(name)).expect("link");
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:w:/tmp:/bin/sh\n")
        .expect("passwd");
    fs::write(root.join("etc/group"), "root:x:0:\nwww:x:34:\naudio:x:29:web\n").expect("group");
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("mode");
}

/// Capabilities of a container by default (Podman's).
const CAPABILITIES: [&str; 11] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

fn spec(args: &[&str]) -> Value {
    let caps = json!(CAPABILITIES);
    json!({
        "ociVersion": "1.0.2",
        "hostname": "box",
        "process": {
            "user": {"uid": 0, "gid": 0, "username": ""},
            "args": args,
            "env": ["PATH=/usr/bin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {"bounding": caps, "effective": caps, "permitted": caps, "inheritable": caps, "ambient": caps},
        },
        "root": {"path": "merged", "readonly": false},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=64000k"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "linux": {
            "namespaces": [{"type": "user"}, {"type": "mount"}, {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "cgroup"}],
            "sysctl": {"net.ipv4.ip_unprivileged_port_start": "0"},
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/proc/interrupts", "/sys/firmware", "/sys/devices/virtual/powercap", "/sys/devices/system/cpu/cpu*/thermal_throttle"],
            "readonlyPaths": ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}

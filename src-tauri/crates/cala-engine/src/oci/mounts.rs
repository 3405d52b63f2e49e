//! What is mounted in a container, in order: the kernel's file systems, the container's own three files, then what the
//! person asked for. A wish for the same place supersedes a default.

use std::path::{Path, PathBuf};

use cala_spec::mount::{Mount as Wish, MountSource};
use cala_spec::namespaces::IpcMode;
use cala_spec::{ContainerConfig, ContainerSpec};
use oci_spec::runtime::Mount;

use super::devices;

/// What the mounts of a container depend on besides its configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<'a> {
    /// `D/containers/<id>`: the files shown as /etc/hosts and so on.
    pub(crate) container_dir: &'a Path,
    /// `D/layers`.
    pub(crate) layers_dir: &'a Path,
    /// `D/volumes`.
    pub(crate) volumes_dir: &'a Path,
    /// Whether group 5 (tty) is mapped; not in single-id mode.
    pub(crate) has_tty_group: bool,
}

/// Bytes of /dev; nothing but nodes and links belongs there.
const DEV_SIZE: &str = "size=65536k";

/// Files of the container's directory and where they are shown.
const OWN_FILES: [(&str, &str); 5] = [
    ("hostname", "/etc/hostname"),
    ("hosts", "/etc/hosts"),
    ("resolv.conf", "/etc/resolv.conf"),
    ("containerenv", "/run/.containerenv"),
    ("localtime", "/etc/localtime"),
];

/// Where a container with a read-only root can still write.
const WRITABLE_WITH_READ_ONLY_ROOT: [&str; 3] = ["/run", "/tmp", "/var/tmp"];

/// All mounts of a container, in the order they are made.
pub(crate) fn mounts(config: &ContainerConfig, places: Places<'_>) -> Vec<Mount> {
    let wishes = &config.spec.mounts;
    let mut all: Vec<Mount> =
        kernel(config, places).into_iter().filter(|m| !superseded(wishes, m.destination())).collect();
    let mut rest: Vec<Mount> = Vec::new();
    if config.spec.read_only && !config.spec.read_only_everywhere {
        let options = ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"];
        rest.extend(WRITABLE_WITH_READ_ONLY_ROOT.map(|path| mount(path, "tmpfs", "tmpfs", &options)));
    }
    rest.extend(own_files(config, places.container_dir));
    rest.retain(|m| !superseded(wishes, m.destination()));
    rest.extend(wishes.iter().enumerate().map(|(index, wish)| wanted(wish, index, places)));
    rest.extend(devices::mounts(&config.spec));
    // Parents before what is mounted below them; the order of equals stays.
    rest.sort_by_key(|m| m.destination().components().count());
    all.extend(rest);
    all
}

/// Files of the container's directory at their places.
fn own_files(config: &ContainerConfig, dir: &Path) -> Vec<Mount> {
    let spec = &config.spec;
    let is_there = |path: &str| match path {
        "/etc/hostname" => !spec.no_hostname,
        "/etc/localtime" => spec.process.timezone.is_some(),
        _ => true,
    };
    let files = OWN_FILES.into_iter().filter(|(_, path)| is_there(path));
    files.map(|(file, path)| bind(&dir.join(file), path, &["rbind", "rprivate"])).collect()
}

fn superseded(wishes: &[Wish], path: &Path) -> bool {
    wishes.iter().any(|wish| {
        let target = Path::new(&wish.target);
        path == target || (target == Path::new("/dev") && path.starts_with(target))
    })
}

fn kernel(config: &ContainerConfig, places: Places<'_>) -> Vec<Mount> {
    let spec = &config.spec;
    let ro = if spec.privileged { "rw" } else { "ro" };
    let pts: &[&str] = if places.has_tty_group {
        &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
    } else {
        &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    };
    // A sysfs of its own belongs to a network namespace of its own.
    let sys = if spec.network.is_own() {
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", ro])
    } else {
        mount("/sys", "bind", "/sys", &["rbind", "rprivate", "nosuid", "noexec", "nodev", ro])
    };
    let mut all = vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", DEV_SIZE]),
        mount("/dev/pts", "devpts", "devpts", pts),
    ];
    all.extend(ipc(spec));
    all.extend([
        sys,
        mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            &["rprivate", "nosuid", "noexec", "nodev", "relatime", ro],
        ),
    ]);
    all
}

/// Shared memory and message queues: the container's own, or the host's as far as it has them.
fn ipc(spec: &ContainerSpec) -> Vec<Mount> {
    const FLAGS: [&str; 3] = ["nosuid", "noexec", "nodev"];
    if spec.namespaces.ipc == IpcMode::Host {
        let places = ["/dev/shm", "/dev/mqueue"].into_iter().filter(|path| Path::new(path).is_dir());
        let options = [&["rbind", "rprivate"], &FLAGS[..]].concat();
        return places.map(|path| bind(Path::new(path), path, &options)).collect();
    }
    let mut all = Vec::new();
    if spec.namespaces.ipc == IpcMode::Shareable {
        let access = if spec.read_only && spec.read_only_everywhere { "ro" } else { "rw" };
        let size = format!("size={}", spec.shm_size.map_or(64 << 20, |size| size.0));
        let options = [&FLAGS[..], &["mode=1777", access, &size]].concat();
        all.push(mount("/dev/shm", "tmpfs", "shm", &options));
    }
    all.push(mount("/dev/mqueue", "mqueue", "mqueue", &FLAGS));
    all
}

/// A mount that the person asked for; the wish was checked when the container was made.
fn wanted(wish: &Wish, index: usize, places: Places<'_>) -> Mount {
    let options = options(wish);
    let source = match &wish.source {
        MountSource::Bind { path, .. } => PathBuf::from(path),
        MountSource::Volume { name } => volume_data(places.volumes_dir, name.as_deref().unwrap_or_default()),
        MountSource::Tmpfs => return mount(&wish.target, "tmpfs", "tmpfs", &options),
        MountSource::Devpts => return mount(&wish.target, "devpts", "devpts", &options),
        MountSource::Image { layers, .. } => {
            // The highest first, as the kernel wants them.
            let lower = layers.iter().rev().map(|key| places.layers_dir.join(key).join("diff"));
            return overlay(&wish.target, lower, &overlay_dir(places.container_dir, index), &options);
        }
        // Became bind mounts when the container was made.
        MountSource::Glob { pattern, .. } => PathBuf::from(pattern),
    };
    if wish.is_overlay() {
        return overlay(
            &wish.target,
            std::iter::once(source),
            &overlay_dir(places.container_dir, index),
            &options,
        );
    }
    bind(&source, &wish.target, &options)
}

/// What a container writes over an image, a volume or a folder; made anew at each start.
fn overlay(target: &str, lower: impl Iterator<Item = PathBuf>, dir: &Path, options: &[&str]) -> Mount {
    let mut words: Vec<String> = options
        .iter()
        .filter(|option| !matches!(**option, "bind" | "rbind"))
        .map(|&o| o.to_owned())
        .collect();
    words.extend(lower.map(|path| format!("lowerdir+={}", path.display())));
    words.extend(["upper", "work"].map(|name| format!("{name}dir={}", dir.join(name).display())));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    mount(target, "overlay", "overlay", &words)
}

/// The directory of the wish number `index` in that of the container.
fn overlay_dir(container_dir: &Path, index: usize) -> PathBuf {
    container_dir.join("overlays").join(index.to_string())
}

/// The directories that are made anew at each start, for those wishes that are written over.
pub(crate) fn overlay_dirs(wishes: &[Wish], container_dir: &Path) -> Vec<PathBuf> {
    let over = |wish: &Wish| wish.is_overlay() || matches!(wish.source, MountSource::Image { .. });
    let indexes = wishes.iter().enumerate().filter(|(_, wish)| over(wish)).map(|(index, _)| index);
    indexes.map(|index| overlay_dir(container_dir, index)).collect()
}

/// The directory of a volume's files.
pub(crate) fn volume_data(volumes_dir: &Path, name: &str) -> PathBuf {
    volumes_dir.join(name).join("_data")
}

/// The options of a mount in mount(8)'s words: the person's, completed by Podman's defaults.
pub(crate) fn options(wish: &Wish) -> Vec<&str> {
    let mut all: Vec<&str> = wish
        .options
        .iter()
        .map(String::as_str)
        // Labels of SELinux, which is not used.
        .filter(|option| {
            !matches!(
                *option,
                "z" | "Z" | "ro" | "rw" | "readonly" | "notmpcopyup" | "copy" | "nocopy" | Wish::OVERLAY
            )
        })
        // What is done before the mount is said apart from its options.
        .filter(|option| *option != "U" || wish.source == MountSource::Tmpfs)
        .collect();
    all.insert(
        0,
        if wish.read_only || wish.options.iter().any(|o| o == "ro" || o == "readonly") { "ro" } else { "rw" },
    );
    let has = |all: &[&str], words: &[&str]| all.iter().any(|option| words.contains(option));
    if !has(&all, &PROPAGATION) {
        all.push("rprivate");
    }
    if !matches!(wish.source, MountSource::Bind { .. }) {
        for (default, opposite) in [("nosuid", "suid"), ("nodev", "dev")] {
            if !has(&all, &[default, opposite]) {
                all.push(default);
            }
        }
    }
    if matches!(wish.source, MountSource::Tmpfs) {
        if !has(&all, &["tmpcopyup"]) && !wish.options.iter().any(|o| o == "notmpcopyup") {
            all.push("tmpcopyup");
        }
    } else if wish.source == MountSource::Devpts {
        all.retain(|option| *option != "rprivate");
    } else if !has(&all, &["bind", "rbind"]) {
        all.push("rbind");
    }
    all
}

/// Words of mount propagation (mount_namespaces(7)).
pub(crate) const PROPAGATION: [&str; 6] = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

pub(super) fn bind(source: &Path, target: &str, options: &[&str]) -> Mount {
    let mut mount = mount(target, "bind", "", options);
    mount.set_source(Some(source.to_owned()));
    mount
}

fn mount(target: &str, typ: &str, source: &str, options: &[&str]) -> Mount {
    let mut mount = Mount::default();
    mount
        .set_destination(PathBuf::from(target))
        .set_typ(Some(typ.to_owned()))
        .set_source(Some(PathBuf::from(source)))
        .set_options(Some(options.iter().map(|&option| option.to_owned()).collect()));
    mount
}

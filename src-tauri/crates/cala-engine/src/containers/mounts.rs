//! Checks of the mounts a person asks for, before anything is made (security.md, design §9.7).

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};

use cala_spec::invalid::InvalidValue;
use cala_spec::mount::{Mount, MountSource};

use crate::oci::mounts::PROPAGATION;
use crate::{EngineError, Result};

/// Sockets through which a container engine is commanded; `RUN` stands for the user's run-time directory.
const CONTROL_SOCKETS: [&str; 10] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/buildkit/buildkitd.sock",
    "RUN/docker.sock",
    "RUN/podman/podman.sock",
    "RUN/buildkit/buildkitd.sock",
    "RUN/cala/cala.sock",
];

/// Words of mount(8) that may be given without a value.
const WORDS: [&str; 27] = [
    Mount::OVERLAY,
    "bind",
    "rbind",
    "ro",
    "rw",
    "readonly",
    "nosuid",
    "suid",
    "nodev",
    "dev",
    "noexec",
    "exec",
    "noatime",
    "relatime",
    "strictatime",
    "nodiratime",
    "sync",
    "async",
    "copy",
    "nocopy",
    "U",
    "tmpcopyup",
    "notmpcopyup",
    "z",
    "Z",
    "unbindable",
    "runbindable",
];

/// Options of tmpfs(5) that take a value.
const TMPFS_VALUES: [&str; 6] = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"];

/// Options of a devpts that take a value.
const DEVPTS_VALUES: [&str; 4] = ["uid", "gid", "mode", "max"];

/// What the checks look at besides the mounts.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// Cala's own run root: its monitors' sockets.
    pub(super) run: &'a Path,
    /// `XDG_RUNTIME_DIR`.
    pub(super) user_run: Option<PathBuf>,
    /// The person allowed it.
    pub(super) allow_control_sockets: bool,
}

/// Checks all mounts and returns them with clean targets. Nothing is made yet.
///
/// # Errors
/// When a source is missing or forbidden, a target is not a place in the container, or an option is unknown.
pub(super) fn check(mounts: &[Mount], around: &Surroundings<'_>) -> Result<Vec<Mount>> {
    let mut checked: Vec<Mount> = Vec::with_capacity(mounts.len());
    for mount in mounts {
        let target = clean_target(&mount.target)?;
        if checked.iter().any(|other| other.target == target) {
            return Err(EngineError::invalid(
                "duplicate_mount",
                format!("{target}: duplicate mount destination"),
            ));
        }
        options(mount)?;
        if let MountSource::Bind { path, create } = &mount.source {
            source(path, *create, around)?;
            if mount.options.iter().any(|option| option == "U") {
                refuse_dangerous_owner(path)?;
            }
        }
        checked.push(Mount { target, ..mount.clone() });
    }
    Ok(checked)
}

/// Volumes that an image may ask for at most.
const MAX_IMAGE_VOLUMES: usize = 256;

/// The mounts, and an anonymous volume for each place that the image names (`VOLUME`) where the person mounts nothing.
///
/// # Errors
/// When a place is none where something can be mounted, or they are too many.
pub(super) fn with_image_volumes(mut mounts: Vec<Mount>, places: &[String]) -> Result<Vec<Mount>> {
    if places.len() > MAX_IMAGE_VOLUMES {
        return Err(EngineError::invalid(
            "too_many_volumes",
            format!("the image asks for {} volumes, more than {MAX_IMAGE_VOLUMES}", places.len()),
        ));
    }
    for place in places.iter().filter(|place| !place.is_empty()) {
        let target = clean_target(&format!("/{place}"))?;
        if mounts.iter().all(|mount| mount.target != target) {
            let source = MountSource::Volume { name: None };
            mounts.push(Mount { source, target, read_only: false, options: Vec::new() });
        }
    }
    Ok(mounts)
}

/// An absolute path without `.`, `..` and doubled slashes, not the root and nothing of /proc.
fn clean_target(target: &str) -> Result<String> {
    let refused = |text: String| EngineError::invalid("invalid_mount_target", text);
    if !target.starts_with('/') || target.contains('\0') {
        return Err(refused(format!("invalid container path \"{target}\", must be an absolute path")));
    }
    let mut clean = PathBuf::from("/");
    for part in Path::new(target).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => _ = clean.pop(),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    let text = clean.to_string_lossy().into_owned();
    if clean.parent().is_none() {
        return Err(refused(
            "invalid mount destination \"/\": the root file system comes from the image".to_owned(),
        ));
    }
    if clean.starts_with("/proc") || ["/dev/pts", "/dev/ptmx", "/dev/console"].contains(&text.as_str()) {
        return Err(refused(format!("invalid mount destination \"{text}\": it belongs to the kernel")));
    }
    Ok(text)
}

fn options(mount: &Mount) -> Result<()> {
    mount.options.iter().try_for_each(|option| {
        let known = match option.split_once('=') {
            None => WORDS.contains(&option.as_str()) || PROPAGATION.contains(&option.as_str()),
            // Its letters were checked; what links say is seen when it is mounted.
            Some(("subpath", value)) => is_subpath(mount, value),
            Some((name, value)) => {
                let own = match mount.source {
                    MountSource::Tmpfs => TMPFS_VALUES.as_slice(),
                    MountSource::Devpts => &DEVPTS_VALUES,
                    _ => &[],
                };
                own.contains(&name)
                    && !value.is_empty()
                    && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'%')
            }
        };
        if known { Ok(()) } else { Err(unknown_option(option)) }
    })?;
    // Both would give away files that are not the ones mounted.
    let says = |word: &str| mount.options.iter().any(|option| option == word);
    match () {
        () if says("U") && mount.is_overlay() => Err(contradiction("O", "U")),
        () if says("U") && mount.subpath().is_some() => Err(contradiction("subpath", "U")),
        () => Ok(()),
    }
}

fn contradiction(first: &str, second: &str) -> EngineError {
    EngineError::invalid(
        "invalid_mount",
        format!("mount options {first} and {second} cannot be used together"),
    )
}

fn is_subpath(mount: &Mount, value: &str) -> bool {
    let places = matches!(
        mount.source,
        MountSource::Volume { .. } | MountSource::Image { .. } | MountSource::Bind { .. }
    );
    places
        && !value.is_empty()
        && Path::new(value).components().all(|part| matches!(part, Component::Normal(_)))
}

fn unknown_option(option: &str) -> EngineError {
    let shown: String = option.chars().take(80).collect();
    InvalidValue::new("invalid_mount_option", format!("invalid option type \"{shown}\": it is unknown"))
        .into()
}

fn source(path: &str, create: bool, around: &Surroundings<'_>) -> Result<()> {
    if !path.starts_with('/') {
        return Err(EngineError::invalid(
            "invalid_mount_source",
            format!("invalid host path \"{path}\", must be an absolute path"),
        ));
    }
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound && create => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(EngineError::NoMountSource(path.to_owned()));
        }
        Err(error) => return Err(EngineError::io("mount", Path::new(path), error)),
    };
    if around.allow_control_sockets {
        return Ok(());
    }
    match controls(around).into_iter().find(|control| control.starts_with(&real) || real.starts_with(control))
    {
        Some(control) => Err(EngineError::ControlSocket {
            source_path: path.to_owned(),
            socket: control.to_string_lossy().into_owned(),
        }),
        None => Ok(()),
    }
}

/// Folders that a whole machine or account lives by are not given to a container's user.
fn refuse_dangerous_owner(path: &str) -> Result<()> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    let home = std::env::var_os("HOME").and_then(|home| fs::canonicalize(home).ok());
    let shallow = real.components().count() <= 2;
    if shallow || home.is_some_and(|home| home.starts_with(&real)) {
        return Err(EngineError::invalid(
            "dangerous_chown",
            format!("chowning host path \"{path}\" is not allowed: it would take the folder from its owner"),
        ));
    }
    Ok(())
}

/// What controls an engine on this machine now, by its real path.
fn controls(around: &Surroundings<'_>) -> Vec<PathBuf> {
    let sockets = CONTROL_SOCKETS.iter().filter_map(|text| match text.strip_prefix("RUN/") {
        Some(below) => Some(around.user_run.as_ref()?.join(below)),
        None => Some(PathBuf::from(text)),
    });
    let sockets = sockets.filter_map(|path| fs::canonicalize(path).ok()).filter(|path| is_socket(path));
    sockets.chain(fs::canonicalize(around.run).ok()).collect()
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// Makes the sources that `-v` may make. Called when everything else was checked.
pub(super) fn make_sources(mounts: &[Mount]) -> Result<()> {
    mounts.iter().try_for_each(|mount| match &mount.source {
        MountSource::Bind { path, create: true } => {
            fs::create_dir_all(path).map_err(|error| EngineError::io("create", Path::new(path), error))
        }
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn bind(path: &Path, target: &str) -> Mount {
        let source = MountSource::Bind { path: path.to_string_lossy().into_owned(), create: false };
        Mount { source, target: target.into(), read_only: false, options: Vec::new() }
    }

    fn around<'a>(run: &'a Path, user_run: &Path) -> Surroundings<'a> {
        Surroundings { run, user_run: Some(user_run.to_owned()), allow_control_sockets: false }
    }

    #[test]
    fn targets_are_cleaned_and_places_of_the_kernel_refused() {
        for (text, clean) in
            [("/a//b/./c/../d/", Some("/a/b/d")), ("/../etc", Some("/etc")), ("/dev/shm", Some("/dev/shm"))]
        {
            assert_eq!(clean_target(text).ok().as_deref(), clean, "{text}");
        }
        for bad in ["", "rel", "/", "/..", "/proc", "/proc/sys", "/x/../proc/1", "/dev/pts"] {
            assert!(clean_target(bad).is_err(), "{bad}");
        }
        assert_eq!(
            clean_target("rel").expect_err("relative").to_string(),
            "invalid container path \"rel\", must be an absolute path"
        );
    }

    #[test]
    fn a_missing_source_is_an_error_in_podmans_words() {
        let dir = tempfile::tempdir().expect("a directory");
        let none = dir.path().join("none");
        let error = check(&[bind(&none, "/x")], &around(&none, &none)).expect_err("missing");
        assert_eq!(error.to_string(), format!("statfs {}: no such file or directory", none.display()));
        let twice = [bind(dir.path(), "/x"), bind(dir.path(), "/x/.")];
        assert!(
            check(&twice, &around(&none, &none))
                .expect_err("twice")
                .to_string()
                .contains("duplicate mount destination")
        );
    }

    #[test]
    fn control_sockets_and_what_holds_them_are_refused_also_through_links() {
        let dir = tempfile::tempdir().expect("a directory");
        let user_run = dir.path().join("run");
        let run = user_run.join("cala");
        fs::create_dir_all(&run).expect("made");
        fs::create_dir_all(user_run.join("podman")).expect("made");
        let _socket = UnixListener::bind(user_run.join("podman/podman.sock")).expect("bound");
        std::os::unix::fs::symlink(user_run.join("podman/podman.sock"), dir.path().join("link"))
            .expect("linked");
        fs::create_dir(dir.path().join("harmless")).expect("made");
        let mut around = around(&run, &user_run);
        for bad in ["run/podman/podman.sock", "run/podman", "run", "", "run/cala", "link"] {
            let error = check(&[bind(&dir.path().join(bad), "/x")], &around).expect_err(bad);
            assert!(matches!(error, EngineError::ControlSocket { .. }), "{bad}: {error}");
        }
        assert!(check(&[bind(&dir.path().join("harmless"), "/x")], &around).is_ok());
        around.allow_control_sockets = true;
        assert!(check(&[bind(&user_run, "/x")], &around).is_ok());
    }

    #[test]
    fn an_images_volumes_are_anonymous_and_give_way_to_the_persons_mounts() {
        let dir = tempfile::tempdir().expect("a directory");
        let places = ["/x/", "rel", "", "/../../../etc/.", "/rel"].map(str::to_owned);
        let mounts = with_image_volumes(vec![bind(dir.path(), "/x")], &places).expect("fine");
        let targets: Vec<&str> = mounts.iter().map(|mount| mount.target.as_str()).collect();
        assert_eq!(targets, ["/x", "/rel", "/etc"]);
        assert!(mounts[1..].iter().all(|mount| mount.source == MountSource::Volume { name: None }));
        for bad in ["/", "/..", "/proc", "/x/../proc/sys", "/a\0b"] {
            assert!(with_image_volumes(Vec::new(), &[bad.to_owned()]).is_err(), "{bad}");
        }
        let many: Vec<String> = (0..300).map(|n| format!("/v{n}")).collect();
        assert!(with_image_volumes(Vec::new(), &many).is_err());
    }

    #[test]
    fn options_have_a_closed_grammar() {
        let dir = tempfile::tempdir().expect("a directory");
        let with = |option: &str, tmpfs: bool| {
            let mut mount = bind(dir.path(), "/x");
            if tmpfs {
                mount.source = MountSource::Tmpfs;
            }
            mount.options = vec![option.to_owned()];
            options(&mount).is_ok()
        };
        assert!(
            with("rslave", false) && with("noexec", true) && with("size=64m", true) && with("size=10%", true)
        );
        for bad in ["size=64m", "shared,rw", "bind-propagation=x", "subpath=../x", "", "lowerdir=/"] {
            assert!(!with(bad, false), "{bad}");
        }
        assert!(!with("size=1m,mode=7", true));
    }
}

//! `mount`, `unmount` and `unshare`: a container's files where a person's programs see them.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use cala_spec::ContainerId;
use cala_store::files::FilesRequest;
use cala_store::helper::{StoreHelper, unshare};

use crate::{Engine, EngineError, Result};

impl Engine {
    /// Mounts a container's file system in the mount namespace of this process, which is in the user namespace (as in
    /// [`Self::unshare`]). Returns where. One that is mounted stays so.
    ///
    /// # Errors
    /// When there is no such container, or this process is not in the user namespace.
    pub fn mount_container(&self, name: &str) -> Result<PathBuf> {
        must_be_inside("mount")?;
        let held = self.hold(name)?;
        let request = FilesRequest::Mount { view: Box::new(held.view.clone()) };
        self.helper_here()?.files(request, None)?.wait()?;
        self.container_event(&held.container.config, "mount", &[])?;
        self.place_of(&held.container.config.id)
    }

    /// Takes the mount of [`Self::mount_container`] away; without one nothing happens. Returns the container's id.
    ///
    /// # Errors
    /// When there is no such container, or the kernel refuses.
    pub fn unmount_container(&self, name: &str) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        if is_inside() && self.mounted_containers()?.contains(&id) {
            let held = self.hold(id.as_str())?;
            let request = FilesRequest::Unmount { view: Box::new(held.view.clone()) };
            self.helper_here()?.files(request, None)?.wait()?;
            self.container_event(&held.container.config, "unmount", &[])?;
        }
        Ok(id)
    }

    /// The containers that are mounted in the mount namespace of this process.
    ///
    /// # Errors
    /// When this process is not in the user namespace, or /proc cannot be read.
    pub fn mounted(&self) -> Result<Vec<(ContainerId, String, PathBuf)>> {
        must_be_inside("mount")?;
        let store = self.store()?;
        let ids = self.mounted_containers()?.into_iter();
        ids.map(|id| {
            let name = store.container(&id)?.config.name.to_string();
            let place = self.place_of(&id)?;
            Ok((id, name, place))
        })
        .collect()
    }

    fn place_of(&self, id: &ContainerId) -> Result<PathBuf> {
        Ok(self.store()?.container_dir(id).join("merged"))
    }

    fn mounted_containers(&self) -> Result<Vec<ContainerId>> {
        let path = Path::new("/proc/self/mountinfo");
        let text = std::fs::read_to_string(path).map_err(|error| EngineError::io("read", path, error))?;
        let containers = self.store()?.data().join("containers");
        let id = |line: &str| {
            let place = unescaped(line.split(' ').nth(4)?);
            let below = Path::new(&place).strip_prefix(&containers).ok()?.to_owned();
            let id = below.to_str()?.strip_suffix("/merged")?;
            id.parse::<ContainerId>().ok()
        };
        Ok(text.lines().filter_map(id).collect())
    }

    fn helper_here(&self) -> Result<StoreHelper> {
        Ok(StoreHelper::spawn_here(&self.program("cala-store"), self.store()?.data())?)
    }

    /// Replaces this process by a command in the user namespace that the ids of images and containers are those of, with
    /// mounts of its own. Returns only when that failed.
    pub fn unshare(&self, program: &Path, words: &[String]) -> EngineError {
        let helper = self.program("cala-store");
        let words = words.iter().map(OsString::from);
        let error = std::process::Command::new(&helper)
            .args([unshare::WORD.as_ref(), self.run_root().as_os_str(), program.as_os_str()])
            .args(words)
            .exec();
        EngineError::io("execute", &helper, error)
    }
}

/// Whether this process may mount: as root, of the machine or of the user namespace.
fn is_inside() -> bool {
    rustix::process::geteuid().is_root()
}

fn must_be_inside(act: &str) -> Result<()> {
    if is_inside() {
        return Ok(());
    }
    Err(EngineError::invalid(
        "unshare_first",
        format!("cannot run command \"cala {act}\" in rootless mode, must execute `cala unshare` first"),
    ))
}

/// A path of mountinfo: blanks, tabs, line ends and backslashes are octal (proc_pid_mountinfo(5)).
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn places_of_mountinfo_are_read() {
        assert_eq!(unescaped("/a\\040b\\134c"), "/a b\\c");
    }
}

//! Files of containers: copied in and out, compared with the image, taken out as a whole.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::BorrowedFd;

use cala_spec::ContainerConfig;
use cala_spec::mount::MountSource;
use cala_store::files::{Bind, CopyRequest, End, FilesDone, FilesRequest, ProcessRef, View};
use cala_store::helper::StoreHelper;
use cala_store::{Container, StageLock};

use crate::oci::mounts::volume_data;
use crate::{CopyEnd, CopyOptions, Engine, EngineError, Result, view};

/// A container whose files are reached, and what keeps a stopped one from being started meanwhile.
pub(crate) struct Held {
    pub(super) view: View,
    pub(crate) container: Container,
    _stage: Option<StageLock>,
}

impl Engine {
    /// Copies files between the host and a container, or between containers; what could not be copied and was left out
    /// is told in lines.
    ///
    /// # Errors
    /// When a path is not there, the two do not go together, or the file system refuses. What was copied before stays.
    pub fn copy(&self, options: &CopyOptions<'_>) -> Result<Vec<String>> {
        let (from, to) = self.hold_both(&options.from, &options.to)?;
        let request = CopyRequest {
            from: end(&options.from, from.as_ref()),
            to: end(&options.to, to.as_ref().or(from.as_ref())),
            chown: options.archive,
            overwrite: options.overwrite,
        };
        let stream = match (&options.from, &options.to) {
            (CopyEnd::Archive(stream), _) | (_, CopyEnd::Archive(stream)) => Some(*stream),
            _ => None,
        };
        let request = FilesRequest::Copy(Box::new(request));
        Ok(self.files_helper()?.files(request, stream)?.wait()?.warnings)
    }

    /// What a container changed in its file system, in the order of the paths.
    ///
    /// # Errors
    /// When there is none, or its layers cannot be read.
    pub fn container_changes(&self, name: &str) -> Result<Vec<view::Change>> {
        let held = self.hold(name)?;
        let request = FilesRequest::Changes { view: Box::new(held.view.clone()) };
        let helper = self.files_helper()?;
        let pipe = || std::io::pipe().map_err(|error| EngineError::Internal(error.to_string()));
        let (reader, writer) = pipe()?;
        let pending = helper.files(request, Some(std::os::fd::AsFd::as_fd(&writer)))?;
        drop(writer);
        let mut bytes = Vec::new();
        let mut reader = reader;
        let read = reader.read_to_end(&mut bytes);
        pending.wait()?;
        read.map_err(|error| EngineError::Internal(error.to_string()))?;
        let words = bytes.split(|byte| *byte == 0).filter_map(|word| word.split_first());
        let changes = words.filter_map(|(kind, path)| {
            let kind = view::ChangeKind::of_letter(*kind)?;
            Some(view::Change { kind, path: String::from_utf8_lossy(path).into_owned() })
        });
        Ok(changes.collect())
    }

    /// Writes a container's whole file system as a tar archive, without volumes and other mounts.
    ///
    /// # Errors
    /// When there is none, or something cannot be read or written.
    pub fn export(&self, name: &str, out: BorrowedFd<'_>) -> Result<Vec<String>> {
        let held = self.hold(name)?;
        let request = FilesRequest::Export { view: Box::new(held.view.clone()) };
        let done = self.files_helper()?.files(request, Some(out))?.wait()?;
        self.container_event(&held.container.config, "export", &[])?;
        Ok(done.warnings)
    }

    /// Writes a container's writable layer, or all of its tree, as a layer of an image into a file.
    pub(crate) fn write_layer(&self, held: &Held, squash: bool, out: &File) -> Result<FilesDone> {
        let request = FilesRequest::Layer { view: Box::new(held.view.clone()), squash };
        Ok(self.files_helper()?.files(request, Some(std::os::fd::AsFd::as_fd(out)))?.wait()?)
    }

    fn files_helper(&self) -> Result<StoreHelper> {
        let (program, data) = (self.program("cala-store"), self.store()?.data());
        Ok(StoreHelper::spawn_beside(&program, data, Some(self.run_root()))?)
    }

    /// Those of both ends that are containers, in an order that is everybody's; the same one twice is held once.
    fn hold_both(&self, from: &CopyEnd<'_>, to: &CopyEnd<'_>) -> Result<(Option<Held>, Option<Held>)> {
        let ids = [from, to].map(|end| match end {
            CopyEnd::Container { name, .. } => self.resolve_container(name).map(Some),
            CopyEnd::Host(_) | CopyEnd::Archive(_) => Ok(None),
        });
        let [source, target] = ids;
        let (source, target) = (source?, target?);
        if source == target {
            return Ok((self.hold_wanted(from)?, None));
        }
        if source < target {
            let held = self.hold_wanted(from)?;
            return Ok((held, self.hold_wanted(to)?));
        }
        let held = self.hold_wanted(to)?;
        Ok((self.hold_wanted(from)?, held))
    }

    fn hold_wanted(&self, end: &CopyEnd<'_>) -> Result<Option<Held>> {
        match end {
            CopyEnd::Container { name, .. } => self.hold(name).map(Some),
            CopyEnd::Host(_) | CopyEnd::Archive(_) => Ok(None),
        }
    }

    /// A container as its files are reached; a stopped one cannot be started as long as this lives.
    pub(crate) fn hold(&self, name: &str) -> Result<Held> {
        let id = self.resolve_container(name)?;
        let container = self.sound(&id)?;
        if container.alive {
            return self.held(name, container, None);
        }
        let stage = self.store()?.lock_stage(&id)?;
        // Somebody may have started it meanwhile.
        let container = self.sound(&id)?;
        let stage = (!container.alive).then_some(stage);
        self.held(name, container, stage)
    }

    fn held(&self, name: &str, container: Container, stage: Option<StageLock>) -> Result<Held> {
        let (config, state) = (&container.config, &container.state);
        let process = (container.alive && state.pid > 0)
            .then_some(ProcessRef { pid: state.pid, start_time: state.pid_start_time });
        let view = View {
            name: name.to_owned(),
            dir: self.store()?.container_dir(&config.id),
            layers: config.layers.clone(),
            process,
            binds: self.binds(config)?,
            user: config.user.clone(),
            workdir: config.workdir.clone(),
        };
        Ok(Held { view, container, _stage: stage })
    }

    /// What of the host a container has at its places.
    fn binds(&self, config: &ContainerConfig) -> Result<Vec<Bind>> {
        let volumes_dir = self.store()?.data().join("volumes");
        let binds = config.spec.mounts.iter().filter_map(|mount| {
            let source = match &mount.source {
                MountSource::Bind { path, .. } => path.into(),
                MountSource::Volume { name } => volume_data(&volumes_dir, name.as_deref()?),
                // Nothing of these is there while the container does not run.
                MountSource::Tmpfs
                | MountSource::Image { .. }
                | MountSource::Glob { .. }
                | MountSource::Devpts => {
                    return None;
                }
            };
            Some(Bind { source, target: mount.target.clone().into() })
        });
        Ok(binds.collect())
    }
}

fn end(end: &CopyEnd<'_>, held: Option<&Held>) -> End {
    match (end, held) {
        (CopyEnd::Container { path, .. }, Some(held)) => {
            End::Container { view: Box::new(held.view.clone()), path: path.clone() }
        }
        (CopyEnd::Host(path), _) => End::Host { path: on_host(path), said: path.clone() },
        (CopyEnd::Archive(_) | CopyEnd::Container { .. }, _) => End::Archive,
    }
}

/// An absolute path of the host. What it ends with decides what is copied, so nothing of it is changed.
fn on_host(path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    format!("{}/{path}", here.display())
}

//! What every request shares: the engine, the tasks, the settings, the one stream of happenings.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use cala_engine::{Engine, EngineOptions};
use tokio::sync::broadcast;

use crate::dto::{ErrorBody, Happening};
use crate::settings::SettingsFile;
use crate::tasks::Tasks;

/// Happenings that may wait for a slow window before it is told to list again.
const BACKLOG: usize = 1024;

/// One per process.
#[derive(Debug)]
pub(crate) struct App {
    /// The engine.
    pub(crate) engine: Engine,
    /// Long work.
    pub(crate) tasks: Tasks,
    /// What the person chose.
    pub(crate) settings: SettingsFile,
    /// Task snapshots on their way to every window.
    pub(crate) happenings: broadcast::Sender<Happening>,
}

impl App {
    /// Opens the engine; reads nothing else.
    pub(crate) fn open(root: Option<PathBuf>, runroot: Option<PathBuf>) -> anyhow::Result<Arc<Self>> {
        let engine = Engine::open(EngineOptions { root, runroot, programs: None })
            .context("cannot open the engine")?;
        let (happenings, _) = broadcast::channel(BACKLOG);
        Ok(Arc::new(Self { engine, tasks: Tasks::default(), settings: SettingsFile::default(), happenings }))
    }

    /// Calls the engine on a thread that may block. A panic below ends the request, not the window.
    pub(crate) async fn blocking<T, F>(self: &Arc<Self>, act: F) -> Result<T, ErrorBody>
    where
        T: Send + 'static,
        F: FnOnce(&Engine) -> cala_engine::Result<T> + Send + 'static,
    {
        let engine = self.engine.clone();
        match tokio::task::spawn_blocking(move || act(&engine)).await {
            Ok(result) => result.map_err(|error| ErrorBody::of(&error)),
            Err(error) => Err(ErrorBody::internal(error.to_string())),
        }
    }
}

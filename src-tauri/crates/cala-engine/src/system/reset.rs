//! `system reset`: everything goes; `system migrate`: everything stops, to start again with what the machine gives now.

use std::path::Path;
use std::time::Duration;

use crate::containers::Stopped;
use crate::{Engine, EngineError, RemoveOptions, Result};

/// What Cala makes in its data root. Nothing else is touched.
const DATA: [&str; 11] = [
    "containers",
    "names",
    "networks",
    "volumes",
    "secrets",
    "images",
    "layers",
    "events",
    "trash",
    "tmp",
    "reserve",
];

/// The mark of a data root; last, so that an interrupted reset can be begun again.
const MARK: &str = "format.json";

impl Engine {
    /// Where everything is kept: the data root and the run root.
    ///
    /// # Errors
    /// When the roots cannot be opened.
    pub fn roots(&self) -> Result<(String, String)> {
        let store = self.store()?;
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        Ok((shown(store.data()), shown(store.run())))
    }

    /// Removes all containers, running or not, with all images, volumes, networks and secrets, and the directories that they
    /// were in. What is not Cala's stays where it is.
    ///
    /// # Errors
    /// When a container cannot be ended or a directory cannot be removed.
    pub fn reset(&self) -> Result<()> {
        let store = self.store()?;
        let options =
            RemoveOptions { force: true, volumes: true, timeout: Some(Duration::ZERO), depend: true };
        for entry in store.containers()? {
            match self.remove(entry.id().as_str(), &options) {
                Err(error) if !error.is_no_such_container() => return Err(error),
                _ => {}
            }
        }
        let helper = self.helper()?;
        DATA.iter().try_for_each(|name| helper.remove_tree(&store.data().join(name)))?;
        drop(helper);
        let mark = store.data().join(MARK);
        std::fs::remove_file(&mark).map_err(|error| EngineError::io("remove", &mark, error))?;
        // Only when nothing else is in it.
        let _ = std::fs::remove_dir(store.data());
        for name in ["containers", "networks", "userns.lock"] {
            let path = store.run().join(name);
            // What a holder of a network that just ends removes too.
            let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
        }
        let _ = std::fs::remove_dir(store.run());
        Ok(())
    }

    /// Stops all running containers and returns their ids: what starts afterwards has the id range that the machine gives
    /// now. Records need no change.
    ///
    /// # Errors
    /// When a container cannot be stopped.
    pub fn migrate(&self) -> Result<Vec<String>> {
        let mut stopped = Vec::new();
        for entry in self.store()?.containers()? {
            if !entry.status().is_alive() {
                continue;
            }
            match self.stop(entry.id().as_str(), None) {
                Ok(Stopped::NotRunning) => {}
                Err(error) if error.is_no_such_container() => {}
                done => {
                    done?;
                    stopped.push(entry.id().to_string());
                }
            }
        }
        Ok(stopped)
    }
}

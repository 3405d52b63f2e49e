//! What containers use, sample after sample.
//!
//! Of a container with a control group its files tell it (cgroup-v2.rst). What they do not tell, because a controller is not
//! delegated or there is no group at all, is the sum over the container's processes in /proc. Network counters are those of
//! its own namespace, read through its first process.
//!
//! A sample costs some files per container and no more: which containers there are is looked at again only when an event
//! was written, and the processes of all containers are told apart by one walk through /proc.

mod sample;
mod sources;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cala_spec::ContainerId;

use crate::containers::cgroup_of;
use crate::view::ContainerStats;
use crate::watch::DirWatch;
use crate::{ContainerFilter, Engine, EngineError, Result, time};
use sample::{Previous, Subject};

/// Takes samples of what containers use.
#[derive(Debug)]
pub struct StatsReader {
    engine: Engine,
    wish: Wish,
    watch: DirWatch,
    events: PathBuf,
    /// The list is to be made anew.
    stale: bool,
    subjects: Vec<Subject>,
    previous: HashMap<String, Previous>,
}

/// Of whom.
#[derive(Debug)]
enum Wish {
    /// These; a row of zeros for one that does not run.
    Ids(Vec<ContainerId>),
    /// Those that run, or all.
    All { also_stopped: bool },
}

impl Engine {
    /// A reader of what containers use: these, or all that run, or with `all` also those that do not.
    ///
    /// # Errors
    /// When one of the names is no container's, or the store cannot be read.
    pub fn stats(&self, names: &[String], all: bool) -> Result<StatsReader> {
        let wish = if names.is_empty() {
            Wish::All { also_stopped: all }
        } else {
            Wish::Ids(names.iter().map(|name| self.resolve_container(name)).collect::<Result<_>>()?)
        };
        let events = self.store()?.events_dir();
        let watch = DirWatch::new(&events).map_err(|error| EngineError::io("watch", &events, error))?;
        Ok(StatsReader {
            engine: self.clone(),
            wish,
            watch,
            events,
            stale: true,
            subjects: Vec::new(),
            previous: HashMap::new(),
        })
    }
}

impl StatsReader {
    /// One sample of each container, the oldest container first.
    ///
    /// # Errors
    /// When a container that was named is gone, or the store cannot be read.
    pub fn sample(&mut self) -> Result<Vec<ContainerStats>> {
        if std::mem::take(&mut self.stale) {
            self.subjects = self.list()?;
            self.previous.retain(|id, _| self.subjects.iter().any(|subject| subject.id == *id));
        }
        let processes = sources::by_container(&self.subjects);
        let mut rows = Vec::with_capacity(self.subjects.len());
        for subject in &self.subjects {
            let previous = self.previous.get(&subject.id);
            let Some(row) = sample::take(subject, processes.get(&subject.pid), previous, time::now_ns())
            else {
                // It has just ended; its event follows.
                self.stale = true;
                continue;
            };
            self.previous.insert(subject.id.clone(), Previous::of(&row));
            rows.push(row);
        }
        Ok(rows)
    }

    /// Lets so much time pass; notes whether containers came or went meanwhile.
    ///
    /// # Errors
    /// When the event log cannot be watched.
    pub fn wait(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let changed = self.watch.wait(Some(left));
            self.stale |= changed.map_err(|error| EngineError::io("watch", &self.events, error))?;
        }
    }

    fn list(&self) -> Result<Vec<Subject>> {
        let ids = match &self.wish {
            Wish::Ids(ids) => ids.clone(),
            Wish::All { also_stopped } => {
                let filter = ContainerFilter { all: *also_stopped, ..ContainerFilter::default() };
                let rows = self.engine.containers(&filter)?;
                rows.iter().filter_map(|row| row.id.parse().ok()).collect()
            }
        };
        let named = matches!(self.wish, Wish::Ids(_));
        let mut subjects = Vec::with_capacity(ids.len());
        for id in ids {
            match self.engine.store()?.container(&id) {
                Ok(container) => {
                    let group = cgroup_of(&self.engine.store()?.container_dir(&id));
                    subjects.push(Subject::of(&container, group));
                }
                // Of all, those that are damaged or went meanwhile are left out.
                Err(error) if named => return Err(error.into()),
                Err(_) => {}
            }
        }
        Ok(subjects)
    }
}

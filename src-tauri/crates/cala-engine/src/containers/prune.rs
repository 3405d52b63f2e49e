//! Removing what does not run.

use cala_spec::{ContainerId, ContainerStatus};
use cala_store::ContainerEntry;

use crate::filter::PruneMatcher;
use crate::{Engine, RemoveOptions, Result, time};

impl Engine {
    /// Removes the containers that do not run; what became of each. `filters` are `key=value`: `label`, `label!`, `until`.
    /// Those that another container depends on stay as long as it is there.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn prune_containers(&self, filters: &[String]) -> Result<Vec<(ContainerId, Result<()>)>> {
        let matcher = PruneMatcher::parse(filters, time::now_ns())?;
        let mut entries = self.store()?.containers()?;
        entries.retain(|entry| does_not_run(entry) && matches(&matcher, entry));
        let mut pruned = Vec::new();
        // Those that depend on others were made after them.
        for entry in entries.iter().rev() {
            match self.remove(entry.id().as_str(), &RemoveOptions::default()) {
                // Somebody was faster.
                Err(error) if error.is_no_such_container() => {}
                done => pruned.push((entry.id().clone(), done.map(drop))),
            }
        }
        pruned.reverse();
        Ok(pruned)
    }
}

/// A damaged one is left to who looks at it.
fn does_not_run(entry: &ContainerEntry) -> bool {
    use ContainerStatus::{Created, Exited, Initialized};
    matches!(entry.status(), Created | Initialized | Exited)
}

fn matches(matcher: &PruneMatcher, entry: &ContainerEntry) -> bool {
    entry.config().is_some_and(|config| matcher.matches(&config.labels, config.created_ns))
}

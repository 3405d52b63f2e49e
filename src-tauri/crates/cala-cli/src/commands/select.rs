//! Which containers a command acts on: names, `--all`, `--latest`, `--filter`, `--cidfile`; and what is said when some fail.

use std::path::PathBuf;

use cala_engine::view::ContainerSummary;
use cala_engine::{ContainerFilter, Engine};
use cala_spec::{Classify as _, ErrorKind};

use crate::failure::{Failure, reason};
use crate::output;

/// Which containers are meant.
#[derive(Debug, Default)]
pub(crate) struct Selection<'a> {
    pub(crate) names: &'a [String],
    pub(crate) all: bool,
    pub(crate) latest: bool,
    pub(crate) filters: &'a [String],
    pub(crate) cidfiles: &'a [PathBuf],
    /// A file of `--cidfile` that is missing is no error.
    pub(crate) ignore: bool,
}

impl Selection<'_> {
    /// The names to act on; `of_all` chooses among all containers for `--all`.
    pub(crate) fn resolve(
        &self,
        engine: &Engine,
        of_all: impl Fn(&ContainerSummary) -> bool,
    ) -> Result<Vec<String>, Failure> {
        self.check()?;
        if self.all || !self.filters.is_empty() {
            let filter =
                ContainerFilter { all: true, filters: self.filters.to_vec(), ..ContainerFilter::default() };
            let containers = engine.containers(&filter)?;
            return Ok(containers.into_iter().filter(|c| !self.all || of_all(c)).map(|c| c.id).collect());
        }
        if self.latest {
            return Ok(vec![latest(engine)?]);
        }
        let mut names = self.names.to_vec();
        for file in self.cidfiles {
            match std::fs::read_to_string(file) {
                Ok(text) => names.extend(text.lines().next().map(|line| line.trim().to_owned())),
                Err(error) if self.ignore && error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    let name = file.display();
                    return Err(Failure::new(format!("reading CIDFile: open {name}: {}", reason(&error))));
                }
            }
        }
        Ok(names)
    }

    fn check(&self) -> Result<(), Failure> {
        let named = !self.names.is_empty();
        match () {
            () if self.all && self.latest => Err(Failure::new("--all and --latest cannot be used together")),
            () if self.all && named => Err(Failure::new("no arguments are needed with --all")),
            () if self.latest && named => Err(Failure::new("--latest and arguments cannot be used together")),
            () if !named
                && !self.all
                && !self.latest
                && self.filters.is_empty()
                && self.cidfiles.is_empty() =>
            {
                Err(Failure::new("you must provide at least one name or id"))
            }
            () => Ok(()),
        }
    }
}

/// The id of the container that was created last.
pub(crate) fn latest(engine: &Engine) -> Result<String, Failure> {
    let filter = ContainerFilter { all: true, last: Some(1), ..ContainerFilter::default() };
    let newest = engine.containers(&filter)?.into_iter().next();
    newest
        .map(|container| container.id)
        .ok_or_else(|| Failure::new("there is no container: no such container"))
}

/// Acts on each name, prints what succeeded, says each failure; the exit code is the worst.
pub(crate) fn for_each(
    names: &[String],
    ignore_missing: bool,
    mut act: impl FnMut(&str) -> Result<Option<String>, Failure>,
) -> Result<u8, Failure> {
    let mut worst = 0;
    for name in names {
        match act(name) {
            Ok(Some(line)) => output::line(line)?,
            Ok(None) => {}
            Err(failure) if ignore_missing && failure.kind() == ErrorKind::NotFound => {}
            Err(failure) => {
                output::talk(failure.render());
                worst = worst.max(failure.code());
            }
        }
    }
    Ok(worst)
}

/// The failure of an engine's call with other exit codes for what does not exist and what is in the way, as `rm` has.
pub(crate) fn removal(error: cala_engine::EngineError) -> Failure {
    let code = match error.kind() {
        ErrorKind::NotFound => 1,
        ErrorKind::Conflict => 2,
        _ => 125,
    };
    Failure::from(error).exit(code)
}

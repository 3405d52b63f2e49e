//! Which containers a command acts on: names, `--all`, `--latest`, `--filter`, `--cidfile`; and what is said when some fail.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use cala_engine::view::ContainerSummary;
use cala_engine::{ContainerFilter, Engine, EngineError};
use cala_spec::{Classify as _, ErrorKind};

use crate::failure::{Failure, reason};
use crate::output;

/// Which containers are meant.
#[derive(Debug, Clone, Copy, Default)]
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
        self.chosen(engine, of_all)
    }

    /// As `resolve`, without the check of what goes together.
    pub(crate) fn chosen(
        &self,
        engine: &Engine,
        of_all: impl Fn(&ContainerSummary) -> bool,
    ) -> Result<Vec<String>, Failure> {
        if self.all || !self.filters.is_empty() {
            let filter =
                ContainerFilter { all: true, filters: self.filters.to_vec(), ..ContainerFilter::default() };
            let containers = engine.containers(&filter)?;
            return Ok(containers.into_iter().filter(|c| !self.all || of_all(c)).map(|c| c.id).collect());
        }
        if self.latest {
            return Ok(vec![latest(engine)?]);
        }
        let mut names: Vec<String> = self.names.iter().map(|name| bare(name).to_owned()).collect();
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

    /// What goes together, in Podman's words and order (`validate.CheckAllLatestAndIDFile`).
    fn check(&self) -> Result<(), Failure> {
        let named = !self.names.is_empty();
        let by_file = !self.cidfiles.is_empty();
        let wrong = |text: &str| Err(Failure::new(text));
        match () {
            () if !self.filters.is_empty() && named => wrong("--filter takes no arguments"),
            () if !self.filters.is_empty() => Ok(()),
            () if by_file && (self.all || self.latest) => {
                wrong("--all, --latest, and --cidfile cannot be used together")
            }
            () if self.all && self.latest => wrong("--all and --latest cannot be used together"),
            () if self.all && named => wrong("no arguments are needed with --all"),
            () if self.latest && named => wrong("--latest and containers cannot be used together"),
            () if by_file && named => wrong("no arguments are needed with --latest or --cidfile"),
            () if named || self.all || self.latest || by_file => Ok(()),
            () => wrong("you must provide at least one name or id"),
        }
    }
}

/// Docker's names begin with a slash.
pub(crate) fn bare(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
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
        worst = worst.max(said(act(name), ignore_missing)?);
    }
    Ok(worst)
}

/// As [`for_each`], on several at once: a stop may take as long as its time-out. What is said is in the order of the names.
pub(crate) fn for_each_at_once(
    names: &[String],
    ignore_missing: bool,
    act: impl Fn(&str) -> Result<Option<String>, Failure> + Sync,
) -> Result<u8, Failure> {
    if names.len() < 2 {
        return for_each(names, ignore_missing, act);
    }
    let (next, act) = (AtomicUsize::new(0), &act);
    let (sender, done) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..names.len().min(AT_ONCE) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((index, name)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    names.get(index).map(|name| (index, name))
                } {
                    // Nobody listens any more when the output is closed; what was begun is finished all the same.
                    let _ = sender.send((index, act(name)));
                }
            });
        }
        drop(sender);
        in_order(&done, ignore_missing)
    })
}

/// How many containers are acted on at once; most of the time of each is waiting.
const AT_ONCE: usize = 16;

/// Says what became of each, in the order of their numbers, as soon as that is known.
fn in_order(
    done: &Receiver<(usize, Result<Option<String>, Failure>)>,
    ignore_missing: bool,
) -> Result<u8, Failure> {
    let (mut worst, mut waiting, mut next) = (0, BTreeMap::new(), 0);
    for (index, result) in done {
        waiting.insert(index, result);
        while let Some(result) = waiting.remove(&next) {
            worst = worst.max(said(result, ignore_missing)?);
            next += 1;
        }
    }
    Ok(worst)
}

/// Says what became of one; the exit code that it asks for.
fn said(result: Result<Option<String>, Failure>, ignore_missing: bool) -> Result<u8, Failure> {
    match result {
        Ok(Some(line)) => output::line(line)?,
        Ok(None) => {}
        Err(failure) if ignore_missing && failure.kind() == ErrorKind::NotFound => {}
        Err(failure) => {
            output::talk(failure.render());
            return Ok(failure.code());
        }
    }
    Ok(0)
}

/// The failure of an engine's call with other exit codes for what does not exist and what is in the way, as `rm` has.
pub(crate) fn removal(error: EngineError) -> Failure {
    let code = match error.kind() {
        ErrorKind::Conflict if matches!(error, EngineError::HasDependents { .. }) => 125,
        ErrorKind::NotFound => 1,
        ErrorKind::Conflict => 2,
        _ => 125,
    };
    Failure::from(error).exit(code)
}

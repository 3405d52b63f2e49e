//! Long work: pulls and runs, each with its progress, until it ends or the person ends it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cala_engine::{AttachOptions, PullOptions};
use cala_spec::ContainerSpec;
use cala_spec::container::PullPolicy;
use cala_spec::progress::PullProgress;
use tokio::task::AbortHandle;

use crate::app::App;
use crate::dto::{
    ErrorBody, Happening, LayerStage, Task, TaskEnding, TaskKind, TaskLayer, TaskStage, TaskState,
};
use crate::last_words;

/// Ended tasks that are remembered.
const REMEMBERED: usize = 50;
/// Shortest time between two snapshots of one task.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(100);

/// All tasks of this process.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    tasks: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    task: Task,
    told: Option<Instant>,
    abort: Option<AbortHandle>,
}

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Snapshots of all.
    pub(crate) fn list(&self) -> Vec<Task> {
        self.lock().tasks.values().map(|entry| entry.task.clone()).collect()
    }

    fn add(&self, kind: TaskKind, title: &str, spec: Option<ContainerSpec>) -> String {
        let mut inner = self.lock();
        inner.last += 1;
        let id = inner.last.to_string();
        let task = Task {
            id: id.clone(),
            kind,
            title: title.to_owned(),
            state: TaskState::Running,
            stage: TaskStage::Resolving,
            started_ns: now_ns(),
            ended_ns: None,
            layers: Vec::new(),
            container_id: None,
            spec,
            error: None,
            ending: None,
        };
        inner.tasks.insert(id.clone(), Entry { task, told: None, abort: None });
        inner.forget_oldest();
        id
    }

    /// Changes a running task and returns its snapshot when the window is to be told now.
    fn change(&self, id: &str, at_once: bool, change: impl FnOnce(&mut Task)) -> Option<Task> {
        let mut inner = self.lock();
        let entry = inner.tasks.get_mut(id).filter(|entry| entry.task.state == TaskState::Running)?;
        change(&mut entry.task);
        let due = at_once || entry.told.is_none_or(|told| told.elapsed() >= SNAPSHOT_EVERY);
        due.then(|| {
            entry.told = Some(Instant::now());
            entry.task.clone()
        })
    }

    /// Notes how a task's container ended, long after the task itself.
    fn set_ending(&self, id: &str, ending: TaskEnding) -> Option<Task> {
        let mut inner = self.lock();
        let entry = inner.tasks.get_mut(id)?;
        entry.task.ending = Some(ending);
        Some(entry.task.clone())
    }

    /// Forgets all that have ended.
    pub(crate) fn clear(&self) {
        self.lock().tasks.retain(|_, entry| entry.task.state == TaskState::Running);
    }

    fn hold(&self, id: &str, abort: AbortHandle) {
        if let Some(entry) = self.lock().tasks.get_mut(id) {
            entry.abort = Some(abort);
        }
    }
}

impl Inner {
    fn forget_oldest(&mut self) {
        let mut ended: Vec<(i64, String)> =
            self.tasks.iter().filter_map(|(id, entry)| Some((entry.task.ended_ns?, id.clone()))).collect();
        ended.sort_unstable();
        let surplus = ended.len().saturating_sub(REMEMBERED);
        for (_, id) in ended.drain(..surplus) {
            self.tasks.remove(&id);
        }
    }
}

/// Starts a pull and returns the task's id.
pub(crate) fn pull(app: &Arc<App>, reference: String) -> String {
    let id = app.tasks.add(TaskKind::Pull, &reference, None);
    begin(app, &id, {
        let (app, id) = (Arc::clone(app), id.clone());
        async move { pull_image(&app, &id, &reference, &PullOptions::default()).await }
    });
    id
}

/// Starts a run (pull, create, start) and returns the task's id.
pub(crate) fn run(app: &Arc<App>, spec: ContainerSpec) -> String {
    let id = app.tasks.add(TaskKind::Run, &spec.image.clone(), Some(spec.clone()));
    begin(app, &id, {
        let (app, id) = (Arc::clone(app), id.clone());
        async move { run_container(&app, &id, spec).await }
    });
    id
}

/// Ends a task; what was downloaded is kept.
pub(crate) fn cancel(app: &Arc<App>, id: &str) {
    let abort = app.tasks.lock().tasks.get_mut(id).and_then(|entry| entry.abort.take());
    if let Some(abort) = abort {
        abort.abort();
    }
    finish(app, id, TaskState::Cancelled, None);
}

fn begin(app: &Arc<App>, id: &str, work: impl Future<Output = Result<(), ErrorBody>> + Send + 'static) {
    tell(app, app.tasks.change(id, true, |_| ()));
    let handle = tokio::spawn(work);
    app.tasks.hold(id, handle.abort_handle());
    let (app, id) = (Arc::clone(app), id.to_owned());
    tokio::spawn(async move {
        match handle.await {
            Ok(Ok(())) => finish(&app, &id, TaskState::Done, None),
            Ok(Err(error)) => finish(&app, &id, TaskState::Failed, Some(error)),
            Err(error) if error.is_cancelled() => finish(&app, &id, TaskState::Cancelled, None),
            Err(error) => finish(&app, &id, TaskState::Failed, Some(ErrorBody::internal(error.to_string()))),
        }
    });
}

fn finish(app: &Arc<App>, id: &str, state: TaskState, error: Option<ErrorBody>) {
    let snapshot = app.tasks.change(id, true, |task| {
        task.state = state;
        task.ended_ns = Some(now_ns());
        task.error = error;
        if state == TaskState::Done {
            task.stage = TaskStage::Finished;
        }
    });
    tell(app, snapshot);
}

fn tell(app: &App, snapshot: Option<Task>) {
    if let Some(task) = snapshot {
        // Nobody listening is fine: whoever comes lists first.
        let _ = app.happenings.send(Happening::Task { task: Box::new(task) });
    }
}

async fn pull_image(
    app: &Arc<App>,
    id: &str,
    reference: &str,
    options: &PullOptions,
) -> Result<(), ErrorBody> {
    let progress = |step: PullProgress| tell(app, app.tasks.change(id, false, |task| advance(task, step)));
    app.engine.pull(reference, options, &progress).await.map(drop).map_err(|error| ErrorBody::of(&error))
}

async fn run_container(app: &Arc<App>, id: &str, mut spec: ContainerSpec) -> Result<(), ErrorBody> {
    if spec.pull != PullPolicy::Never {
        let options = PullOptions {
            platform: spec.platform.clone(),
            policy: Some(spec.pull),
            ..PullOptions::default()
        };
        pull_image(app, id, &spec.image, &options).await?;
        spec.pull = PullPolicy::Never;
    }
    tell(app, app.tasks.change(id, true, |task| task.stage = TaskStage::Creating));
    let remove = spec.remove;
    let container = app.engine.create(spec, &|_| ()).await.map_err(|error| ErrorBody::of(&error))?;
    let name = container.to_string();
    tell(
        app,
        app.tasks.change(id, true, |task| {
            task.stage = TaskStage::Starting;
            task.container_id = Some(name.clone());
        }),
    );
    if !remove {
        return app.blocking(move |engine| engine.start(&name)).await.map(drop);
    }
    // Its log goes with it: who wants to know how it ended has to listen from the first byte on.
    let options = AttachOptions { stdout: true, stderr: true, ..AttachOptions::default() };
    let attached = app.blocking(move |engine| engine.start_attached(&name, &options)).await?;
    let (app, id) = (Arc::clone(app), id.to_owned());
    std::thread::spawn(move || {
        if let Some(ending) = last_words::listen(attached.into_stream()) {
            tell(&app, app.tasks.set_ending(&id, ending));
        }
    });
    Ok(())
}

/// One step of a pull, written into the task.
fn advance(task: &mut Task, step: PullProgress) {
    task.stage = TaskStage::Pulling;
    match step {
        PullProgress::Resolving { .. } => task.stage = TaskStage::Resolving,
        PullProgress::Manifest { layers } => {
            let waiting = |layer: cala_spec::progress::LayerSize| TaskLayer {
                digest: layer.digest,
                stage: LayerStage::Waiting,
                bytes: 0,
                total: layer.size,
            };
            task.layers = layers.into_iter().map(waiting).collect();
        }
        PullProgress::Downloading { digest, bytes, total } => {
            if let Some(layer) = layer(task, &digest) {
                layer.stage = LayerStage::Downloading;
                layer.bytes = bytes;
                layer.total = total;
            }
        }
        PullProgress::Stalled { digest, .. } => set(task, &digest, LayerStage::Stalled),
        PullProgress::Retrying { digest, .. } => set(task, &digest, LayerStage::Retrying),
        PullProgress::Unpacking { digest } => {
            if let Some(layer) = layer(task, &digest) {
                layer.stage = LayerStage::Unpacking;
                layer.bytes = layer.total;
            }
        }
        PullProgress::Done { digest, existed } => {
            if let Some(layer) = layer(task, &digest) {
                layer.stage = if existed { LayerStage::Existed } else { LayerStage::Done };
                layer.bytes = layer.total;
            }
        }
        PullProgress::Finished { .. } => {}
    }
}

fn layer<'a>(task: &'a mut Task, digest: &cala_spec::Digest) -> Option<&'a mut TaskLayer> {
    task.layers.iter_mut().find(|layer| layer.digest == *digest)
}

fn set(task: &mut Task, digest: &cala_spec::Digest, stage: LayerStage) {
    if let Some(layer) = layer(task, digest) {
        layer.stage = stage;
    }
}

/// Nanoseconds since the Unix epoch.
fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

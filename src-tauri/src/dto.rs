//! What only the window speaks; the engine's views and the words of `cala-spec` cross as they are.
//!
//! `ui/src/lib/generated` mirrors these types; a test keeps the two equal.

use cala_engine::view::ContainerSummary;
use cala_spec::{Classify, ContainerSpec, Digest, ErrorKind, Event};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Every failure on the wire. `message` is the English sentence of the command line; the window says its own by `code`.
#[derive(Debug, Clone, Serialize, TS)]
pub(crate) struct ErrorBody {
    /// Stable word by which the window finds its sentence.
    pub(crate) code: String,
    /// What sort of failure it is.
    pub(crate) kind: ErrorKind,
    /// The outermost sentence.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hints: Vec<String>,
    /// The causes below `message`, outermost first, each said once.
    pub(crate) chain: Vec<String>,
}

impl ErrorBody {
    /// From an error of the engine.
    pub(crate) fn of<E: Classify>(error: &E) -> Self {
        let mut chain: Vec<String> = Vec::new();
        let message = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            let text = error.to_string();
            if text != message && chain.last() != Some(&text) {
                chain.push(text);
            }
            cause = error.source();
        }
        let hints = error.hints().iter().map(str::to_owned).collect();
        Self { code: error.code().to_owned(), kind: error.kind(), message, hints, chain }
    }

    /// A request that the window should not have sent.
    pub(crate) fn bad_request(message: String) -> Self {
        Self::plain("bad_request", ErrorKind::InvalidArgument, message)
    }

    /// A defect.
    pub(crate) fn internal(message: String) -> Self {
        Self::plain("internal", ErrorKind::Internal, message)
    }

    /// An error without causes and hints.
    pub(crate) fn plain(code: &str, kind: ErrorKind, message: String) -> Self {
        Self { code: code.to_owned(), kind, message, hints: Vec::new(), chain: Vec::new() }
    }
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskKind {
    /// Pulls an image.
    Pull,
    /// Pulls, creates, starts.
    Run,
}

/// Whether a task goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskState {
    /// It goes on.
    Running,
    /// It succeeded.
    Done,
    /// It failed; `error` says why.
    Failed,
    /// The person ended it.
    Cancelled,
}

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskStage {
    /// Asking the registry.
    Resolving,
    /// Layers are coming.
    Pulling,
    /// Making the container.
    Creating,
    /// Starting it.
    Starting,
    /// Over.
    Finished,
}

/// Where a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LayerStage {
    /// Not begun.
    Waiting,
    /// Bytes are coming.
    Downloading,
    /// Nothing comes.
    Stalled,
    /// Beginning again.
    Retrying,
    /// All bytes are here.
    Unpacking,
    /// Ready.
    Done,
    /// Was here before.
    Existed,
}

/// One layer of a pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub(crate) struct TaskLayer {
    /// Digest of the compressed layer.
    pub(crate) digest: Digest,
    /// Where it is.
    pub(crate) stage: LayerStage,
    /// Compressed bytes so far.
    #[ts(type = "number")]
    pub(crate) bytes: u64,
    /// Compressed bytes in all.
    #[ts(type = "number")]
    pub(crate) total: u64,
}

/// How a container ended that took everything with it (`--rm`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub(crate) struct TaskEnding {
    /// Its exit code.
    pub(crate) exit_code: i32,
    /// The last lines it wrote, oldest first.
    pub(crate) lines: Vec<String>,
}

/// Long work: a snapshot, always whole.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(optional_fields)]
pub(crate) struct Task {
    /// Unique in this process.
    pub(crate) id: String,
    /// What it does.
    pub(crate) kind: TaskKind,
    /// The image reference as asked for.
    pub(crate) title: String,
    /// Whether it goes on.
    pub(crate) state: TaskState,
    /// Where it is.
    pub(crate) stage: TaskStage,
    /// When it began, nanoseconds since the Unix epoch.
    #[ts(type = "number")]
    pub(crate) started_ns: i64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional, as = "Option<i32>")]
    pub(crate) ended_ns: Option<i64>,
    /// The layers of the image, as soon as they are known.
    pub(crate) layers: Vec<TaskLayer>,
    /// For `run`: the container, as soon as it is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) container_id: Option<String>,
    /// The wish of a `run`, so that it can be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spec: Option<ContainerSpec>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorBody>,
    /// For `run` with `remove`, after the task is done: how the container ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ending: Option<TaskEnding>,
}

/// One thing that happened, on the channel `events`.
#[derive(Debug, Clone, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Happening {
    /// The server listens: whoever lists now misses nothing.
    Ready,
    /// An event of the engine.
    Event {
        /// The event.
        event: Event,
        /// For containers: the fresh row, `null` when it is gone, absent when unknown.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "ContainerSummary | null")]
        container: Option<Option<Box<ContainerSummary>>>,
    },
    /// A task's snapshot.
    Task {
        /// The snapshot.
        task: Box<Task>,
    },
    /// Events were lost: list everything again.
    Lagged,
}

/// The window's language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    /// The system's.
    #[default]
    System,
    /// Spanish.
    Es,
    /// English.
    En,
}

/// The window's colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThemeChoice {
    /// The system's.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Kept in the user's configuration directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub(crate) struct Settings {
    /// The language.
    pub(crate) language: Language,
    /// The colours.
    pub(crate) theme: ThemeChoice,
}

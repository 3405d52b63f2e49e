//! The engine's side: starts `cala-store` and speaks with it.

use std::collections::HashMap;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use cala_spec::{Classify, ErrorKind, Hints};

use super::protocol::{Failure, PROTOCOL, Request, Response, UnpackRequest, UnpackedLayer, Usage};
use super::wire::{self, Connection};
use crate::files::{FilesDone, FilesRequest};

/// Why a request to `cala-store` failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HelperError {
    /// The program could not be started.
    #[error("cannot start `{program}`")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The connection broke: the program ended or was killed.
    #[error("`cala-store` ended before it answered")]
    Gone(#[source] Option<io::Error>),
    /// The program beside this one speaks another protocol.
    #[error("`cala-store` speaks protocol {theirs}, this program speaks {PROTOCOL}")]
    Protocol {
        /// What it speaks.
        theirs: u32,
    },
    /// The request was carried out and failed.
    #[error("{}", .0.message)]
    Failed(Failure),
}

impl HelperError {
    fn gone(error: io::Error) -> Self {
        Self::Gone(Some(error))
    }
}

/// Words that may come over the wire; [`Classify::code`] is static.
const CODES: [&str; 15] = [
    "archive_damaged",
    "container_files_unreachable",
    "copy_failed",
    "copy_refused",
    "path_not_found",
    "layer_damaged",
    "layer_digest_mismatch",
    "layer_too_large",
    "layer_parent_missing",
    "layer_id_not_mapped",
    "no_space",
    "outside_data_root",
    "userns_unavailable",
    "not_supported",
    "store_io",
];

impl Classify for HelperError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Spawn { .. } | Self::Protocol { .. } => ErrorKind::Internal,
            Self::Gone(_) => ErrorKind::Unavailable,
            Self::Failed(failure) => failure.kind,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Spawn { .. } => "store_helper_missing",
            Self::Protocol { .. } => "store_helper_version",
            Self::Gone(_) => "store_helper_gone",
            Self::Failed(failure) => {
                CODES.into_iter().find(|code| *code == failure.code).unwrap_or("store_failed")
            }
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::Failed(failure) => {
                failure.hints.iter().fold(Hints::none(), |hints, line| hints.and(line.clone()))
            }
            Self::Spawn { .. } | Self::Protocol { .. } => {
                Hints::from("install all programs of Cala from the same version")
            }
            Self::Gone(_) => Hints::none(),
        }
    }
}

type Waiting = Arc<Mutex<Option<HashMap<u64, mpsc::Sender<Response>>>>>;

/// A running `cala-store`. May be used by several threads at once; the program ends when this is dropped.
#[derive(Debug)]
pub struct StoreHelper {
    connection: Mutex<Connection>,
    waiting: Waiting,
    ticket: AtomicU64,
    child: std::process::Child,
}

/// An answer that is still to come.
#[derive(Debug)]
pub struct Pending<T> {
    answer: mpsc::Receiver<Response>,
    what: PhantomData<fn() -> T>,
}

/// What can be read out of a [`Response`].
trait FromResponse: Sized {
    fn from_response(response: Response) -> Option<Self>;
}

impl FromResponse for UnpackedLayer {
    fn from_response(response: Response) -> Option<Self> {
        if let Response::Layer { layer, .. } = response { Some(layer) } else { None }
    }
}

impl FromResponse for Usage {
    fn from_response(response: Response) -> Option<Self> {
        if let Response::Usage { usage, .. } = response { Some(usage) } else { None }
    }
}

impl FromResponse for FilesDone {
    fn from_response(response: Response) -> Option<Self> {
        if let Response::Files { done, .. } = response { Some(done) } else { None }
    }
}

impl FromResponse for () {
    fn from_response(response: Response) -> Option<Self> {
        matches!(response, Response::Done { .. }).then_some(())
    }
}

impl<T> Pending<T> {
    fn take(self, read: impl Fn(Response) -> Option<T>) -> Result<T, HelperError> {
        match self.answer.recv() {
            Ok(Response::Failed { failure, .. }) => Err(HelperError::Failed(failure)),
            Ok(response) => read(response).ok_or(HelperError::Gone(None)),
            Err(_) => Err(HelperError::Gone(None)),
        }
    }
}

impl Pending<UnpackedLayer> {
    /// Blocks until the layer stands or failed. Close the write end of its pipe first.
    ///
    /// # Errors
    ///
    /// [`HelperError::Failed`] with the reason; nothing of the layer is left then.
    pub fn wait(self) -> Result<UnpackedLayer, HelperError> {
        self.take(UnpackedLayer::from_response)
    }
}

impl Pending<FilesDone> {
    /// Blocks until it is done or failed.
    ///
    /// # Errors
    ///
    /// [`HelperError::Failed`] with the reason.
    pub fn wait(self) -> Result<FilesDone, HelperError> {
        self.take(FilesDone::from_response)
    }
}

impl StoreHelper {
    /// Starts `program` for the data root `data` and waits until it is inside its user namespace.
    ///
    /// # Errors
    ///
    /// The program is missing or too old, or the user namespace cannot be made (with the fix as a hint).
    pub fn spawn(program: &Path, data: &Path) -> Result<Self, HelperError> {
        Self::spawn_beside(program, data, None)
    }

    /// Like [`Self::spawn`]; joins the user namespace of a monitor alive in `run_root`, which saves milliseconds.
    ///
    /// # Errors
    ///
    /// As [`Self::spawn`].
    pub fn spawn_beside(program: &Path, data: &Path, run_root: Option<&Path>) -> Result<Self, HelperError> {
        Self::start(program, data, run_root, false)
    }

    /// Like [`Self::spawn`] by a caller who is in the user namespace: the program stays in the caller's namespaces, so
    /// that what it mounts is mounted there.
    ///
    /// # Errors
    ///
    /// As [`Self::spawn`].
    pub fn spawn_here(program: &Path, data: &Path) -> Result<Self, HelperError> {
        Self::start(program, data, None, true)
    }

    fn start(program: &Path, data: &Path, run_root: Option<&Path>, stay: bool) -> Result<Self, HelperError> {
        let failed = |source| HelperError::Spawn { program: program.to_path_buf(), source };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let child = wire::spawn(program, theirs).map_err(failed)?;
        let mut connection = Connection::new(ours);
        connection
            .send(
                &Request::Hello {
                    protocol: PROTOCOL,
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    data: data.to_path_buf(),
                    run_root: run_root.map(Path::to_path_buf),
                    stay,
                },
                None,
            )
            .map_err(HelperError::gone)?;
        greet(connection.receive().map_err(HelperError::gone)?)?;
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let reader = connection.try_clone().map_err(HelperError::gone)?;
        let answers = Arc::clone(&waiting);
        std::thread::Builder::new()
            .name("store-answers".to_owned())
            .spawn(move || deliver(reader, &answers))
            .map_err(HelperError::gone)?;
        Ok(Self { connection: Mutex::new(connection), waiting, ticket: AtomicU64::new(1), child })
    }

    /// Starts to unpack a layer. Write its bytes as the registry sends them into the returned pipe, close it, then
    /// [`Pending::wait`]. Several layers may be under way at once; parents may come later than their children.
    ///
    /// A write that fails with `BrokenPipe` means that unpacking failed: the reason is in the pending answer. A layer
    /// that exists already swallows its bytes.
    ///
    /// # Errors
    ///
    /// [`HelperError::Gone`], or no pipe could be made.
    pub fn unpack_layer(
        &self,
        request: &UnpackRequest,
    ) -> Result<(OwnedFd, Pending<UnpackedLayer>), HelperError> {
        let (read, write) = wire::layer_pipe().map_err(HelperError::gone)?;
        Ok((write, self.unpack_from(request, read.as_fd())?))
    }

    /// Like [`Self::unpack_layer`] with the bytes in an open file: a blob that is there already.
    ///
    /// # Errors
    ///
    /// [`HelperError::Gone`].
    pub fn unpack_from(
        &self,
        request: &UnpackRequest,
        blob: impl AsFd,
    ) -> Result<Pending<UnpackedLayer>, HelperError> {
        let layer = request.clone();
        self.ask(|ticket| Request::UnpackLayer { ticket, layer }, Some(blob.as_fd()))
    }

    /// Removes a file or directory below the data root with everything in it. Not being there is success.
    ///
    /// # Errors
    ///
    /// The path is outside the data root, or the kernel refused.
    pub fn remove_tree(&self, path: &Path) -> Result<(), HelperError> {
        let path = path.to_path_buf();
        self.ask(|ticket| Request::RemoveTree { ticket, path }, None)?.take(<()>::from_response)
    }

    /// What a directory below the data root occupies.
    ///
    /// # Errors
    ///
    /// The path is outside the data root, or the kernel refused.
    pub fn disk_usage(&self, path: &Path) -> Result<Usage, HelperError> {
        let path = path.to_path_buf();
        self.ask(|ticket| Request::DiskUsage { ticket, path }, None)?.take(Usage::from_response)
    }

    /// Makes `upper`, `work` and `merged` in a container's directory; `upper` takes over owner and mode of the image's
    /// root directory. `layers` are keys, lowest first.
    ///
    /// # Errors
    ///
    /// The path is outside the data root, or the kernel refused.
    pub fn make_container_dirs(&self, container: &Path, layers: &[String]) -> Result<(), HelperError> {
        let (path, layers) = (container.to_path_buf(), layers.to_vec());
        self.ask(|ticket| Request::MakeContainerDirs { ticket, path, layers }, None)?
            .take(<()>::from_response)
    }

    /// Changes the owner of one file or directory below the data root; ids as the container sees them.
    ///
    /// # Errors
    ///
    /// The path is outside the data root, or the kernel refused.
    pub fn change_owner(&self, path: &Path, uid: u32, gid: u32) -> Result<(), HelperError> {
        let path = path.to_path_buf();
        self.ask(|ticket| Request::ChangeOwner { ticket, path, uid, gid }, None)?.take(<()>::from_response)
    }

    /// Writes the directory `path` below the data root as a tar into `sink`; owners are ids as the container sees them.
    ///
    /// # Errors
    ///
    /// The path is outside the data root, it cannot be read, or the sink fails.
    pub fn export_tree(&self, path: &Path, sink: impl AsFd) -> Result<(), HelperError> {
        let path = path.to_path_buf();
        self.ask(|ticket| Request::ExportTree { ticket, path }, Some(sink.as_fd()))?.take(<()>::from_response)
    }

    /// Unpacks the archive that `source` delivers, compressed or not, in the empty directory `staging` and moves what is in
    /// it over what is in `path`; both below the data root. Nothing is changed by an archive that is bad.
    ///
    /// # Errors
    ///
    /// A path is outside the data root, the archive is bad or hostile, or the file system refuses.
    pub fn import_tree(&self, staging: &Path, path: &Path, source: impl AsFd) -> Result<(), HelperError> {
        let (staging, path) = (staging.to_path_buf(), path.to_path_buf());
        self.ask(|ticket| Request::ImportTree { ticket, staging, path }, Some(source.as_fd()))?
            .take(<()>::from_response)
    }

    /// Does something with files of containers. `stream` is where an archive or an answer comes from or goes to; close
    /// your own end of it before [`Pending::wait`].
    ///
    /// # Errors
    ///
    /// [`HelperError::Gone`].
    pub fn files(
        &self,
        request: FilesRequest,
        stream: Option<BorrowedFd<'_>>,
    ) -> Result<Pending<FilesDone>, HelperError> {
        self.ask(|ticket| Request::Files { ticket, request }, stream)
    }

    /// Removes what interrupted work left in `tmp/`; what somebody still works on stays.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub fn sweep(&self) -> Result<(), HelperError> {
        self.ask(|ticket| Request::Sweep { ticket }, None)?.take(<()>::from_response)
    }

    fn ask<T>(
        &self,
        request: impl FnOnce(u64) -> Request,
        descriptor: Option<BorrowedFd<'_>>,
    ) -> Result<Pending<T>, HelperError> {
        let ticket = self.ticket.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = mpsc::channel();
        match self.waiting.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(waiting) => waiting.insert(ticket, sender),
            None => return Err(HelperError::Gone(None)),
        };
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.send(&request(ticket), descriptor).map_err(HelperError::gone)?;
        Ok(Pending { answer, what: PhantomData })
    }
}

impl Drop for StoreHelper {
    fn drop(&mut self) {
        // The program ends when its socket does; waiting for it leaves no zombie behind.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).shut_down();
        let _ = self.child.wait();
    }
}

fn greet(response: Response) -> Result<(), HelperError> {
    match response {
        Response::Hello { protocol: PROTOCOL, .. } => Ok(()),
        Response::Hello { protocol, .. } => Err(HelperError::Protocol { theirs: protocol }),
        Response::Failed { failure, .. } => Err(HelperError::Failed(failure)),
        _ => Err(HelperError::Gone(None)),
    }
}

/// Hands every answer to who waits for it, until the connection ends.
fn deliver(mut connection: Connection, waiting: &Waiting) {
    while let Ok(response) = connection.receive::<Response>() {
        let ticket = match &response {
            Response::Layer { ticket, .. }
            | Response::Usage { ticket, .. }
            | Response::Files { ticket, .. }
            | Response::Done { ticket }
            | Response::Failed { ticket, .. } => *ticket,
            Response::Hello { .. } | Response::Unknown => continue,
        };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.as_mut().and_then(|waiting| waiting.remove(&ticket)) {
            let _ = sender.send(response);
        }
    }
    // Dropping the senders wakes everyone who still waits.
    *waiting.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

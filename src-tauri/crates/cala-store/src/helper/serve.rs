//! The program's side: enters the user namespace, reads requests, answers each when it is done.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use cala_spec::{Classify, ErrorKind, Hints};

use super::archive;
use super::protocol::{Failure, PROTOCOL, Request, Response, UnpackRequest};
use super::tree::{Place, TreeError};
use super::wire::{self, Connection};
use crate::layers::Installer;
use crate::unpack::UnpackError;

/// Stack of a worker in bytes: nothing here recurses, and no buffer of the copying lies on it.
const STACK: usize = 256 << 10;

/// How long workers may tidy up after the conversation.
const GRACE: Duration = Duration::from_secs(1);

/// Runs `cala-store` until the conversation ends: 0 then, 125 when it could not begin.
///
/// Workers then see the end of their pipes and take away what is half-made; what a killed one leaves in `tmp/` the next
/// one sweeps.
#[must_use]
pub fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|word| word == super::unshare::WORD) {
        return super::unshare::main(args);
    }
    let Ok(socket) = wire::inherited() else { return ExitCode::from(125) };
    let mut connection = Connection::new(socket);
    match begin(&mut connection) {
        Ok(server) => {
            server.run(connection);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let _ = connection.send(&Response::Failed { ticket: 0, failure }, None);
            ExitCode::from(125)
        }
    }
}

/// Everything that must happen while there is one thread.
fn begin(connection: &mut Connection) -> Result<Arc<Server>, Failure> {
    let (data, run_root, stay) = match connection.receive() {
        Ok(Request::Hello { protocol: PROTOCOL, data, run_root, stay, .. }) => (data, run_root, stay),
        Ok(_) => return Err(refused("not_supported", "this `cala-store` speaks another protocol")),
        Err(error) => return Err(failure(&Started::from(error))),
    };
    if !stay {
        cala_userns::enter_for_helper(run_root.as_deref()).map_err(|error| failure(&error))?;
    }
    // Modes are those of the layers.
    rustix::process::umask(rustix::fs::Mode::empty());
    let opened =
        || -> io::Result<_> { Ok((Installer::open(&data)?, Place::open(&data)?, connection.try_clone()?)) };
    let (installer, place, mut answers) = opened().map_err(|error| failure(&Started::from(error)))?;
    let hello = Response::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() };
    answers.send(&hello, None).map_err(|error| failure(&Started::from(error)))?;
    Ok(Arc::new(Server { installer, place, answers: Mutex::new(answers) }))
}

/// What can go wrong before the first request.
#[derive(Debug, thiserror::Error)]
enum Started {
    #[error("cannot open the data root")]
    Io(#[from] io::Error),
}

impl Classify for Started {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    fn code(&self) -> &'static str {
        "store_io"
    }
}

struct Server {
    installer: Installer,
    place: Place,
    answers: Mutex<Connection>,
}

impl Server {
    fn run(self: Arc<Self>, mut connection: Connection) {
        let (working, finished) = mpsc::channel::<()>();
        while let Ok(request) = connection.receive::<Request>() {
            let takes_one = match &request {
                Request::UnpackLayer { .. } | Request::ExportTree { .. } | Request::ImportTree { .. } => true,
                Request::Files { request, .. } => request.has_stream(),
                _ => false,
            };
            let descriptor = if takes_one { connection.descriptor() } else { None };
            let (server, working) = (Arc::clone(&self), working.clone());
            let spawned = std::thread::Builder::new().stack_size(STACK).spawn(move || {
                server.answer(&server.handle(request, descriptor));
                drop(working);
            });
            if let Err(error) = spawned {
                self.answer(&Response::Failed { ticket: 0, failure: failure(&Started::from(error)) });
            }
        }
        drop(working);
        // Nothing is ever sent: this ends when the last worker is done, or when one gets no end of its pipe.
        let _ = finished.recv_timeout(GRACE);
    }

    fn answer(&self, response: &Response) {
        // Nobody is there any more when this fails; the next receive ends the program.
        let _ = self.answers.lock().unwrap_or_else(PoisonError::into_inner).send(response, None);
    }

    fn handle(&self, request: Request, descriptor: Option<OwnedFd>) -> Response {
        match request {
            Request::UnpackLayer { ticket, layer } => {
                let Some(source) = descriptor else {
                    return failed(ticket, refused("not_supported", "a layer without a descriptor"));
                };
                match self.installer.install(&layer, source) {
                    Ok(layer) => Response::Layer { ticket, layer },
                    Err(error) => failed(ticket, layer_failure(&layer, &error)),
                }
            }
            Request::RemoveTree { ticket, path } => done(ticket, self.place.remove(&path)),
            Request::DiskUsage { ticket, path } => match self.place.usage(&path) {
                Ok(usage) => Response::Usage { ticket, usage },
                Err(error) => failed(ticket, failure(&error)),
            },
            Request::MakeContainerDirs { ticket, path, layers } => {
                done(ticket, self.place.make_container_dirs(&path, &layers))
            }
            Request::ChangeOwner { ticket, path, uid, gid } => {
                done(ticket, self.place.change_owner(&path, uid, gid))
            }
            Request::ExportTree { ticket, path } => match descriptor {
                Some(sink) => done(ticket, archive::export(&self.place, &path, sink)),
                None => failed(ticket, refused("not_supported", "an archive without a descriptor")),
            },
            Request::ImportTree { ticket, staging, path } => match descriptor {
                Some(source) => match self.import(&staging, &path, source) {
                    Ok(()) => Response::Done { ticket },
                    Err(failure) => failed(ticket, failure),
                },
                None => failed(ticket, refused("not_supported", "an archive without a descriptor")),
            },
            Request::Files { ticket, request } => {
                match crate::files::serve(self.place.data(), &request, descriptor) {
                    Ok(done) => Response::Files { ticket, done },
                    Err(error) => failed(ticket, failure(&error)),
                }
            }
            Request::Sweep { ticket } => done(ticket, self.sweep()),
            Request::Hello { .. } | Request::Unknown => {
                failed(0, refused("not_supported", "unknown request"))
            }
        }
    }

    fn import(&self, staging: &Path, path: &Path, source: OwnedFd) -> Result<(), Failure> {
        let open = |path| self.place.open_directory(path).map_err(|error| failure(&error));
        let (staged, to) = (open(staging)?, open(path)?);
        archive::import(staged, to, source, self.installer.is_single_id()).map_err(|error| {
            let mut failure = failure(&error);
            failure.message = format!("cannot import the archive: {}", failure.message);
            failure
        })
    }

    fn sweep(&self) -> Result<(), TreeError> {
        self.installer.sweep().map_err(|source| TreeError::File {
            act: "sweep",
            path: PathBuf::from("tmp"),
            source,
        })
    }
}

fn done(ticket: u64, result: Result<(), TreeError>) -> Response {
    match result {
        Ok(()) => Response::Done { ticket },
        Err(error) => failed(ticket, failure(&error)),
    }
}

fn failed(ticket: u64, failure: Failure) -> Response {
    Response::Failed { ticket, failure }
}

fn refused(code: &str, message: &str) -> Failure {
    Failure {
        kind: ErrorKind::NotSupported,
        code: code.to_owned(),
        message: message.to_owned(),
        hints: Vec::new(),
    }
}

/// Names the layer as the registry does and as the image's configuration does.
fn layer_failure(layer: &UnpackRequest, error: &UnpackError) -> Failure {
    let mut failure = failure(error);
    let diff_id = layer.diff_id.short();
    let name = match &layer.blob {
        Some(blob) => format!("{} (diff id {diff_id})", blob.short()),
        None => diff_id.to_owned(),
    };
    failure.message = format!("cannot unpack layer {name}: {}", failure.message);
    failure
}

fn failure<E: Classify + 'static>(error: &E) -> Failure {
    let hints: Hints = error.hints();
    Failure {
        kind: error.kind(),
        code: error.code().to_owned(),
        message: cala_spec::error::chain(error),
        hints: hints.iter().map(str::to_owned).collect(),
    }
}

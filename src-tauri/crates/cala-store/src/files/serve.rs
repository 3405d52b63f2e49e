//! One request, in a thread of its own.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use super::request::{FilesDone, FilesRequest};
use super::{FilesError, changes, copy, layer, view};

/// Does what is asked for in the data root `data`. The thread may end up in a mount namespace of its own: it must end
/// afterwards.
///
/// # Errors
///
/// See [`FilesError`].
pub(crate) fn serve(
    data: &Path,
    request: &FilesRequest,
    stream: Option<OwnedFd>,
) -> Result<FilesDone, FilesError> {
    let out = |stream: Option<OwnedFd>| {
        let missing = || FilesError::Refused("an answer needs a descriptor".to_owned());
        stream.map(File::from).ok_or_else(missing)
    };
    match request {
        FilesRequest::Copy(request) => copy::copy(data, request, stream),
        FilesRequest::Mount { view } => view::mount_here(data, view),
        FilesRequest::Unmount { view } => view::unmount_here(view),
        FilesRequest::Changes { view } => changes::write(data, view, out(stream)?),
        FilesRequest::Export { view } => layer::export(data, view, out(stream)?),
        FilesRequest::Layer { view, squash } => layer::layer(data, view, *squash, out(stream)?),
    }
}

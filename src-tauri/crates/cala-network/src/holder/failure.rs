//! Failures as they go over the socket.

use std::error::Error;

use cala_holder::protocol::{Failure, PROTOCOL};
use cala_spec::{Classify, ErrorKind};

/// An error of another room.
pub(super) fn of(error: &(impl Classify + 'static)) -> Failure {
    Failure {
        kind: error.kind(),
        code: error.code().to_owned(),
        message: cala_spec::error::chain(error),
        hints: error.hints().iter().map(str::to_owned).collect(),
    }
}

/// A step of the holder's own start.
pub(super) fn launch(act: &str, error: &(dyn Error + 'static)) -> Failure {
    let message = format!("cannot {act}: {}", cala_spec::error::chain(error));
    new(ErrorKind::Internal, "launch_failed", message)
}

/// A request that is wrong in itself.
pub(super) fn invalid(message: impl Into<String>) -> Failure {
    new(ErrorKind::InvalidArgument, "invalid_request", message)
}

/// A client of another version.
pub(super) fn mismatch(protocol: u32) -> Failure {
    let message = format!("this network's holder speaks protocol {PROTOCOL}, not {protocol}");
    new(ErrorKind::NotSupported, "protocol_mismatch", message)
}

/// Any other.
pub(super) fn new(kind: ErrorKind, code: &str, message: impl Into<String>) -> Failure {
    Failure { kind, code: code.to_owned(), message: message.into(), hints: Vec::new() }
}

/// With what to do about it.
pub(super) fn hint(mut failure: Failure, hint: impl Into<String>) -> Failure {
    failure.hints.push(hint.into());
    failure
}

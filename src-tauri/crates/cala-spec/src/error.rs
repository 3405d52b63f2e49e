//! How every failure in Cala is classified, and what a person can do about it.
//!
//! Each crate has its own error enum (`thiserror`), a variant per failed act. It implements [`Classify`]; the faces
//! decide exit codes, HTTP statuses and translated sentences by [`ErrorKind`] and [`Classify::code`], never by text.

use std::borrow::Cow;
use std::fmt;

/// What sort of failure happened; decides exit code and HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ErrorKind {
    /// The named object does not exist.
    NotFound,
    /// The request contradicts the present state: a name in use, an object in use.
    Conflict,
    /// The request itself is wrong.
    InvalidArgument,
    /// Credentials are missing or wrong.
    Unauthorized,
    /// The system or a policy does not allow it.
    Forbidden,
    /// The container's command exists but cannot be executed.
    CommandNotExecutable,
    /// The container's command does not exist.
    CommandNotFound,
    /// Something that is needed does not answer now: registry, disk, monitor.
    Unavailable,
    /// This machine or this version cannot do it.
    NotSupported,
    /// A defect of Cala or an unexpected answer of the system.
    Internal,
}

impl ErrorKind {
    /// The exit status of a command that fails in this way: 125, or 126 and 127 as in podman-run(1).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::CommandNotExecutable => 126,
            Self::CommandNotFound => 127,
            Self::NotFound
            | Self::Conflict
            | Self::InvalidArgument
            | Self::Unauthorized
            | Self::Forbidden
            | Self::Unavailable
            | Self::NotSupported
            | Self::Internal => 125,
        }
    }

    /// The HTTP status of an answer that fails in this way.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::InvalidArgument | Self::CommandNotExecutable | Self::CommandNotFound => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Unavailable => 503,
            Self::NotSupported => 501,
            Self::Internal => 500,
        }
    }
}

/// Lines that tell a person what to do next; printed as `hint: …` after the error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints(Vec<Cow<'static, str>>);

impl Hints {
    /// No hint.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a line.
    #[must_use]
    pub fn and(mut self, line: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(line.into());
        self
    }

    /// The lines in the order they are to be read.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&'static str> for Hints {
    fn from(line: &'static str) -> Self {
        Self(vec![Cow::Borrowed(line)])
    }
}

impl From<String> for Hints {
    fn from(line: String) -> Self {
        Self(vec![Cow::Owned(line)])
    }
}

/// An error that knows its kind, its stable code and its hints.
///
/// A wrapping variant (`#[from]`, `#[error(transparent)]`) forwards all three to what it wraps.
pub trait Classify: std::error::Error {
    /// What sort of failure it is.
    fn kind(&self) -> ErrorKind;

    /// A stable `snake_case` word by which the window finds its translated sentence, such as `name_in_use`.
    fn code(&self) -> &'static str;

    /// What a person can do about it.
    fn hints(&self) -> Hints {
        Hints::none()
    }
}

/// Joins an error and its causes by `: `, each said once.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    struct Chain<'a>(&'a dyn std::error::Error);
    impl fmt::Display for Chain<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let mut last = self.0.to_string();
            write!(f, "{last}")?;
            let mut cause = self.0.source();
            while let Some(error) = cause {
                let text = error.to_string();
                if text != last {
                    write!(f, ": {text}")?;
                }
                last = text;
                cause = error.source();
            }
            Ok(())
        }
    }
    Chain(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_map_to_podmans_exit_codes() {
        assert_eq!(ErrorKind::CommandNotFound.exit_code(), 127);
        assert_eq!(ErrorKind::CommandNotExecutable.exit_code(), 126);
        assert_eq!(ErrorKind::NotFound.exit_code(), 125);
    }

    #[test]
    fn a_chain_says_each_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open `x`")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::from_raw_os_error(2));
        assert_eq!(chain(&error), "cannot open `x`: No such file or directory (os error 2)");
    }
}

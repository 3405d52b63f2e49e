//! The error of every parser here: a value that its option does not allow.

use std::borrow::Cow;

use crate::error::{Classify, ErrorKind, Hints};

/// A value that does not fit the grammar of its option. The text names option and value in Podman's phrase, the hint
/// says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct InvalidValue {
    /// Stable word of [`Classify::code`].
    code: &'static str,
    /// The sentence.
    text: String,
    /// What is allowed instead.
    allowed: Option<Cow<'static, str>>,
}

impl InvalidValue {
    /// An error with its stable `snake_case` code and its sentence.
    #[must_use]
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), allowed: None }
    }

    /// Says what is allowed.
    #[must_use]
    pub fn allowing(mut self, allowed: impl Into<Cow<'static, str>>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// Puts words before the sentence: the file and line, or the option that held the value.
    #[must_use]
    pub fn within(mut self, place: &str) -> Self {
        self.text = format!("{place}: {}", self.text);
        self
    }
}

impl Classify for InvalidValue {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidArgument
    }

    fn code(&self) -> &'static str {
        self.code
    }

    fn hints(&self) -> Hints {
        self.allowed.as_ref().map_or_else(Hints::none, |line| Hints::none().and(line.clone()))
    }
}

/// The errors of the small types are all wrong requests, told apart by a code.
macro_rules! invalid_argument {
    ($($error:ty => $code:literal),* $(,)?) => {$(
        impl Classify for $error {
            fn kind(&self) -> ErrorKind {
                ErrorKind::InvalidArgument
            }

            fn code(&self) -> &'static str {
                $code
            }
        }
    )*};
}

invalid_argument! {
    crate::digest::InvalidDigest => "invalid_digest",
    crate::id::InvalidId => "invalid_container_id",
    crate::name::InvalidName => "invalid_name",
    crate::platform::InvalidPlatform => "invalid_platform",
}

//! Differences between a container's file system and its image.

use serde::Serialize;

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// How.
    pub kind: ChangeKind,
    /// The absolute path in the container.
    pub path: String,
}

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content or its attributes are others.
    Changed,
    /// It is gone.
    Deleted,
}

impl ChangeKind {
    /// `A`, `C` or `D`, as Podman shows it.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Added => 'A',
            Self::Changed => 'C',
            Self::Deleted => 'D',
        }
    }

    pub(crate) fn of_letter(letter: u8) -> Option<Self> {
        [Self::Added, Self::Changed, Self::Deleted]
            .into_iter()
            .find(|kind| kind.letter() == char::from(letter))
    }
}

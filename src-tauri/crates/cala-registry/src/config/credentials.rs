//! Credentials: where they are found.
use std::fmt;
use std::path::PathBuf;
use crate::error::RegistryError;
/// A user name and a secret. `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name; `<token>` when the secret is an identity token (OAuth2 refresh token).
    pub username: String,
    /// The password or token.
    pub password: String,
}
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}
pub(crate) async fn find(_files: &[PathBuf], _key: &str) -> Result<Option<Credentials>, RegistryError> { Ok(None) }

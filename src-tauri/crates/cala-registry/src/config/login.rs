//! login.
use crate::error::RegistryError;
use crate::transport::Transport;
pub(crate) async fn login(_t: &Transport, r: &str, _u: &str, _p: &str) -> Result<(), RegistryError> { Err(RegistryError::LoginRefused { host: r.to_owned() }) }
pub(crate) async fn logout(_t: &Transport, r: &str) -> Result<(), RegistryError> { Err(RegistryError::NotLoggedIn { host: r.to_owned() }) }
pub(crate) fn logout_all(_t: &Transport) -> Result<(), RegistryError> { Ok(()) }

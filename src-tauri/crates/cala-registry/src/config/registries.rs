//! registries.conf.
use cala_spec::Reference;
use crate::error::RegistryError;
/// One place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {}
/// The configuration.
#[derive(Debug, Default)]
pub struct Registries {}
impl Registries {
    /// Candidates.
    ///
    /// # Errors
    /// none.
    pub fn candidates(&self, name: &str) -> Result<Vec<Reference>, RegistryError> { Err(RegistryError::InvalidName { name: name.to_owned(), reason: String::new() }) }
}

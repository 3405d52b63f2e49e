//! One request.
use crate::config::{RegistryConfig, registries::Registries};
use crate::error::RegistryError;
#[derive(Debug)]
pub(crate) struct Transport { config: RegistryConfig, registries: Registries }
impl Transport {
    pub(crate) fn new(config: RegistryConfig) -> Result<Self, RegistryError> { Ok(Self { config, registries: Registries::default() }) }
    pub(crate) fn registries(&self) -> &Registries { &self.registries }
    pub(crate) fn config(&self) -> &RegistryConfig { &self.config }
}

//! Making a container as another one is.

use cala_spec::name::InvalidName;
use cala_spec::{ContainerConfig, ContainerId, ContainerName, ContainerSpec};

use super::remove::refuse_running;
use crate::{CloneOptions, Engine, EngineError, Progress, RemoveOptions, Result};

/// How many names are tried for a copy that was given none.
const NAMES: usize = 1000;

impl Engine {
    /// Makes a container with the configuration of another: its own name, fresh file system, the same volumes, networks and
    /// wishes for ports. Fixed addresses are left to the original.
    ///
    /// # Errors
    /// As `create`; also when the original is to be removed and runs, and `force` is false.
    pub async fn clone_container(
        &self,
        name: &str,
        options: &CloneOptions,
        progress: Progress<'_>,
    ) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        if options.destroy && !options.force {
            refuse_running(&self.store()?.container_entry(&id)?)?;
        }
        let config = self.store()?.read_config(&id)?;
        let spec = self.copy_of(&config, options)?;
        if options.destroy && self.sound(&id)?.alive {
            // Its ports are free for the copy.
            self.end(&id, None, true)?;
        }
        let copy = self.create(spec, progress).await?;
        if options.destroy {
            self.remove(id.as_str(), &RemoveOptions { force: true, ..RemoveOptions::default() })?;
        }
        Ok(copy)
    }

    fn copy_of(&self, config: &ContainerConfig, options: &CloneOptions) -> Result<ContainerSpec> {
        let mut spec = config.spec.clone();
        spec.name = Some(match &options.name {
            Some(name) => name.clone(),
            None => self.name_for_copy(config.name.as_str())?,
        });
        spec.image = match &options.image {
            Some(image) => image.clone(),
            None => self.image_of(config),
        };
        spec.cidfile = None;
        for network in &mut spec.networks {
            (network.ip, network.ip6, network.mac) = (None, None, None);
        }
        super::update::merge_limits(&mut spec.resources, &options.limits);
        Ok(spec)
    }

    /// The image by its name as long as that leads to it.
    fn image_of(&self, config: &ContainerConfig) -> String {
        let same = self.inspect_image(&config.image).is_ok_and(|image| image.id == config.image_id.hex());
        if same { config.image.clone() } else { config.image_id.hex().to_owned() }
    }

    /// `web-clone`, else `web-clone1`, `web-clone2`, …
    fn name_for_copy(&self, name: &str) -> Result<ContainerName> {
        let names = (0..NAMES).map(|number| match number {
            0 => format!("{name}-clone"),
            number => format!("{name}-clone{number}"),
        });
        for name in names {
            if !self.container_exists(&name)? {
                let wrong = |error: InvalidName| EngineError::invalid("invalid_name", error.to_string());
                return name.parse().map_err(wrong);
            }
        }
        Err(EngineError::invalid("name_in_use", format!("all names from {name}-clone on are in use")))
    }
}

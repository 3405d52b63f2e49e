//! Making a volume.

use cala_spec::event::EventKind;
use cala_spec::volume::{LOCAL_DRIVER, VolumeOptions};
use cala_spec::{InvalidValue, VolumeSpec};
use cala_store::{StoreError, new_container_id};

use crate::{Engine, Result};

impl Engine {
    /// Makes a volume and returns its name.
    ///
    /// # Errors
    /// When the name is none or taken, an option is unknown or only an administrator could have it, or there is no such driver.
    pub fn create_volume(&self, spec: &VolumeSpec) -> Result<String> {
        check_driver(spec)?;
        VolumeOptions::parse(&spec.options)?;
        let store = self.store()?;
        let name = match spec.name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => name.to_owned(),
            None => new_container_id()?.to_string(),
        };
        store.sweep_creations();
        match store.create_volume(&name, spec.labels.clone(), VolumeOptions::stored(&spec.options)) {
            Err(StoreError::VolumeNameInUse(_)) if spec.ignore => return Ok(name),
            Err(StoreError::InvalidVolumeName(_)) => {
                return Err(InvalidValue::new(
                    "invalid_volume_name",
                    "running volume create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
                )
                .into());
            }
            done => done?,
        }
        self.object_event(EventKind::Volume, "create", &name, &name)?;
        self.delete_what_others_left();
        Ok(name)
    }
}

fn check_driver(spec: &VolumeSpec) -> Result<()> {
    let name = spec.name.as_deref().unwrap_or_default();
    match spec.driver.as_str() {
        "" | LOCAL_DRIVER => Ok(()),
        "image" => Err(InvalidValue::new(
            "volume_driver",
            "volumes of the driver image are not supported: a volume has its own files",
        )
        .allowing("`--mount type=image,source=IMAGE,target=PATH` shows an image in a container")
        .into()),
        other => Err(InvalidValue::new(
            "volume_driver",
            format!(
                "volume {name} uses volume plugin {other} but it could not be retrieved: no volume plugin with name \
                 {other} available: required plugin missing"
            ),
        )
        .allowing("local is the one driver there is; Cala runs no plugins")
        .into()),
    }
}

//! Names of images: giving them and taking them away.

use cala_spec::Reference;
use cala_spec::event::EventKind;
use cala_store::StoreError;

use crate::{Engine, EngineError, Result};

impl Engine {
    /// Gives an image a further name. A name without a registry is of `localhost`.
    ///
    /// # Errors
    /// When there is none or the name is wrong.
    pub fn tag_image(&self, name: &str, new_name: &str) -> Result<()> {
        let store = self.store()?;
        let record = store.resolve_image(name)?;
        let target = Reference::parse_local(new_name).map_err(StoreError::from)?;
        let tagged = store.tag_image(&record, &target)?;
        self.object_event(EventKind::Image, "tag", record.image_id.hex(), &tagged.shown_name())
    }

    /// Takes names of an image away, all when none is given; the image stays. Nothing is done when one of the names is
    /// not its.
    ///
    /// # Errors
    /// When there is no such image, or a name is wrong or not one of its.
    pub fn untag_image(&self, image: &str, names: &[String]) -> Result<()> {
        let store = self.store()?;
        let record = store.resolve_image(image)?;
        let has = store.names_of(&record.image_id)?;
        let gone = match names {
            [] => has,
            names => names.iter().map(|name| one_of(name, &has)).collect::<Result<Vec<_>>>()?,
        };
        for name in gone {
            let reference = Reference::parse_normalized(&name).map_err(StoreError::from)?;
            store.untag_image(&reference)?;
            self.object_event(EventKind::Image, "untag", record.image_id.hex(), &name)?;
        }
        Ok(())
    }
}

/// The full name that `text` means among the names of an image: of `localhost` first, as they are given here.
fn one_of(text: &str, names: &[String]) -> Result<String> {
    let local = Reference::parse_local(text).map_err(StoreError::from)?.with_default_tag().to_string();
    let remote = Reference::parse_normalized(text).map_err(StoreError::from)?.with_default_tag().to_string();
    match names.iter().find(|name| **name == local).or_else(|| names.iter().find(|name| **name == remote)) {
        Some(name) => Ok(name.clone()),
        None => Err(EngineError::TagNotKnown(local)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_means_the_local_one_first() {
        let names = ["docker.io/library/box:1", "localhost/box:1", "docker.io/library/two:latest"]
            .map(str::to_owned)
            .to_vec();
        let found = |text: &str| one_of(text, &names).map_err(|error| error.to_string());
        assert_eq!(found("box:1").as_deref(), Ok("localhost/box:1"));
        assert_eq!(found("docker.io/library/box:1").as_deref(), Ok("docker.io/library/box:1"));
        assert_eq!(found("two").as_deref(), Ok("docker.io/library/two:latest"));
        assert_eq!(found("nope"), Err("localhost/nope:latest: tag not known".to_owned()));
        assert!(found("Upper").is_err());
    }
}

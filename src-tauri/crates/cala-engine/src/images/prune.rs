//! Removing the images that nothing needs.

use cala_spec::{Classify as _, Digest, ErrorKind};

use crate::view::RemovedImage;
use crate::{Engine, EngineError, ImageFilter, Result};

impl Engine {
    /// Removes the images without a name that no container uses; with `all` also those with names. `filters` are those of
    /// [`ImageFilter`] and choose among them. One that a container begins to use meanwhile stays.
    ///
    /// # Errors
    /// When a filter is wrong (nothing is removed then), or a removal fails.
    pub fn prune_images(&self, all: bool, filters: &[String]) -> Result<RemovedImage> {
        let chosen = self.images(&ImageFilter { reference: None, filters: filters.to_vec() })?;
        let mut pruned = RemovedImage::default();
        for image in chosen.into_iter().filter(|image| image.containers == 0) {
            let id = format!("sha256:{}", image.id).parse::<Digest>();
            // By name, so that an image that gets a further one meanwhile stays.
            let mut names = id.map_or_else(
                |_| Ok(Vec::new()),
                |id| self.store()?.names_of(&id).map_err(EngineError::from),
            )?;
            if !names.is_empty() && !all {
                continue;
            }
            if names.is_empty() {
                names.push(image.id);
            }
            for name in names {
                match self.remove_image(&name, false) {
                    Ok(removed) => {
                        pruned.untagged.extend(removed.untagged);
                        pruned.deleted.extend(removed.deleted);
                        pruned.freed += removed.freed;
                    }
                    // Somebody was faster, or needs it now.
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(pruned)
    }
}

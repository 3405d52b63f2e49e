//! Removing images.

use cala_spec::event::EventKind;
use cala_store::ImageRecord;

use super::pull::Trees;
use crate::view::RemovedImage;
use crate::{Engine, RemoveOptions, Result};

impl Engine {
    /// Removes a name of an image and, with its last name, the image and what nothing else uses. With `force` also the
    /// containers made of it, running or not.
    ///
    /// # Errors
    /// When there is none, or a container uses it and `force` is false.
    pub fn remove_image(&self, name: &str, force: bool) -> Result<RemovedImage> {
        let store = self.store()?;
        let record = store.resolve_image(name)?;
        let containers = if force { self.remove_users(name, &record)? } else { Vec::new() };
        let mut trees = Trees::default();
        let removed = store.remove_image(name, force, &mut trees)?;
        for untagged in &removed.untagged {
            self.object_event(EventKind::Image, "untag", record.image_id.hex(), untagged)?;
        }
        if let Some(deleted) = &removed.deleted {
            self.object_event(EventKind::Image, "remove", deleted.hex(), &record.shown_name())?;
        }
        self.delete_trees(&trees.0)?;
        Ok(RemovedImage {
            untagged: removed.untagged,
            deleted: removed.deleted.iter().map(|digest| digest.hex().to_owned()).collect(),
            containers,
            freed: removed.freed,
        })
    }

    /// Removes the containers of an image that is about to go; none when only one of several names goes.
    fn remove_users(&self, name: &str, record: &ImageRecord) -> Result<Vec<String>> {
        let store = self.store()?;
        let by_id = record.image_id.hex().starts_with(name.strip_prefix("sha256:").unwrap_or(name));
        if !by_id && store.image(&record.image_id)?.names.len() > 1 {
            return Ok(Vec::new());
        }
        let options = RemoveOptions { force: true, ..RemoveOptions::default() };
        let users = store.containers_of(&record.image_id)?;
        users.iter().map(|id| Ok(self.remove(id.as_str(), &options)?.to_string())).collect()
    }
}

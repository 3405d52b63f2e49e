//! What an image changes of the one below it, or of another.

use crate::view::{Change, ChangeKind};
use crate::{Engine, Result};

impl Engine {
    /// Paths that differ between an image and `other`, else between its topmost layer and those below.
    ///
    /// # Errors
    /// When there is no such image or its blobs are damaged.
    pub fn image_changes(&self, name: &str, other: Option<&str>) -> Result<Vec<Change>> {
        let store = self.store()?;
        // Nothing of the images may be collected meanwhile.
        let _guard = store.guard_pull()?;
        let record = store.resolve_image(name)?;
        let base = other.map(|other| store.resolve_image(other)).transpose()?;
        let changes =
            store.image_changes(&record, base.as_ref())?.into_iter().filter_map(|(letter, path)| {
                let path = String::from_utf8_lossy(&path).into_owned();
                ChangeKind::of_letter(letter).map(|kind| Change { kind, path })
            });
        Ok(changes.collect())
    }
}

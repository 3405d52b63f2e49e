//! Taking names away, and with the last name the image.

use cala_spec::{ContainerId, Digest, Reference};
use cala_sys::flock::Mode;

use super::resolve::Found;
use super::{ImageRecord, TreeRemover};
use crate::containers::ContainerEntry;
use crate::error::StoreError;
use crate::store::Store;

/// What a removal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names that were taken away.
    pub untagged: Vec<String>,
    /// The image, when it went with its last name.
    pub deleted: Option<Digest>,
    /// Bytes of blobs and unpacked layers that nothing else uses.
    pub freed: u64,
}

impl Store {
    /// Removes a name, or by id (or with its last name) the image with all that nothing else uses. With `force` an id
    /// may have several names, and containers of it are no obstacle: their layers stay until they go.
    ///
    /// # Errors
    /// [`StoreError::NoSuchImage`] and what else [`Store::resolve_image`] says; [`StoreError::ImageInUse`];
    /// [`StoreError::ImageHasNames`]; failed system calls.
    pub fn remove_image(
        &self,
        text: &str,
        force: bool,
        remover: &mut dyn TreeRemover,
    ) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        {
            let _images = self.lock_images(Mode::Exclusive)?;
            let (record, found) = self.find_or_clear(text)?;
            let (records, _) = self.read_records()?;
            let same: Vec<ImageRecord> =
                records.into_iter().filter(|r| r.image_id == record.image_id).collect();
            let names = same.iter().filter(|record| record.name.is_some()).count();
            if found == Found::Name && names > 1 {
                self.remove_record(&record.file_name())?;
                removed.untagged.extend(record.name.clone());
                self.write_index();
                return Ok(removed);
            }
            self.check_removable(&record, &same, force)?;
            // Noted first: whatever happens from here on, the rest is collected later.
            for record in &same {
                self.note_removed(record)?;
            }
            for record in &same {
                self.remove_record(&record.file_name())?;
                removed.untagged.extend(record.name.clone());
            }
            removed.deleted = Some(record.image_id);
            self.write_index();
        }
        removed.freed = self.collect(remover)?;
        self.keep_reserve();
        Ok(removed)
    }

    /// Takes a name away; the image stays, without a name when it was its last.
    ///
    /// # Errors
    /// [`StoreError::NoSuchImage`]; failed system calls.
    pub fn untag_image(&self, reference: &Reference) -> Result<(), StoreError> {
        let _images = self.lock_images(Mode::Exclusive)?;
        let name = reference.clone().with_default_tag().to_string();
        let record = self.read_record(&name)?.ok_or(StoreError::NoSuchImage(name))?;
        let (records, _) = self.read_records()?;
        if records.iter().filter(|other| other.manifest == record.manifest).count() == 1 {
            self.write_record(&ImageRecord { name: None, ..record.clone() })?;
        }
        self.remove_record(&record.file_name())?;
        self.write_index();
        Ok(())
    }

    /// All names of an image, those with a digest instead of a tag too.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn names_of(&self, image: &Digest) -> Result<Vec<String>, StoreError> {
        let (records, _) = self.read_records()?;
        Ok(records.into_iter().filter(|record| record.image_id == *image).filter_map(|r| r.name).collect())
    }

    /// A name whose record cannot be read can still be removed.
    fn find_or_clear(&self, text: &str) -> Result<(ImageRecord, Found), StoreError> {
        match self.find_image(text) {
            Err(StoreError::ImageDamaged { name, reason }) => {
                self.remove_record(&super::record::escape(&name))?;
                self.write_index();
                Err(StoreError::ImageDamaged { name, reason: format!("{reason}; its record was removed") })
            }
            found => found,
        }
    }

    fn check_removable(
        &self,
        record: &ImageRecord,
        same: &[ImageRecord],
        force: bool,
    ) -> Result<(), StoreError> {
        if force {
            return Ok(());
        }
        let containers = self.containers_of(&record.image_id)?;
        if !containers.is_empty() {
            return Err(StoreError::ImageInUse { image: record.image_id.clone(), containers });
        }
        let names: Vec<String> = same.iter().filter_map(|record| record.name.clone()).collect();
        if names.len() > 1 {
            return Err(StoreError::ImageHasNames { image: record.image_id.clone(), names });
        }
        Ok(())
    }

    /// The containers made from an image, the oldest first.
    ///
    /// # Errors
    /// Containers cannot be listed.
    pub fn containers_of(&self, image: &Digest) -> Result<Vec<ContainerId>, StoreError> {
        let uses = |entry: &ContainerEntry| {
            entry.config().is_some_and(|config| config.images().any(|id| id == image))
        };
        Ok(self.containers()?.iter().filter(|entry| uses(entry)).map(|entry| entry.id().clone()).collect())
    }
}

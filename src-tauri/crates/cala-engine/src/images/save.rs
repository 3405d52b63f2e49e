//! Saving images into files.

use cala_spec::Reference;
use cala_spec::event::EventKind;
use cala_store::archive::{ArchiveFormat, ArchiveWriter};
use cala_store::{ImageRecord, StoreError};

use crate::{Engine, EngineError, Result, SaveOptions, SaveTarget};

impl Engine {
    /// Writes images into a file or directory. A file appears whole or not at all.
    ///
    /// # Errors
    /// When there is no such image or its blobs are damaged, when the form has no room for what is asked, or when it
    /// cannot be written.
    pub fn save_images(&self, names: &[String], target: SaveTarget, options: &SaveOptions) -> Result<()> {
        let store = self.store()?;
        // Nothing of the images may be collected meanwhile.
        let _guard = store.guard_pull()?;
        let images = self.chosen(names, options.several)?;
        let mut writer = ArchiveWriter::new(store, options.format);
        if options.compress && options.format != ArchiveFormat::Dir {
            return Err(EngineError::invalid(
                "compress_refused",
                "--compress can only be set when --format is 'docker-dir'",
            ));
        }
        if options.compress {
            writer.options.compression.keep_uncompressed = false;
        } else if options.uncompressed {
            writer.options.compression.keep_uncompressed = true;
        }
        if options.format == ArchiveFormat::Dir {
            writer.options.manifest = Some(cala_store::export::ManifestType::Docker);
        }
        match target {
            SaveTarget::Path(path) => drop(writer.write(&images, &path)?),
            SaveTarget::Stream(_) if matches!(options.format, ArchiveFormat::Dir | ArchiveFormat::OciDir) => {
                return Err(EngineError::invalid(
                    "save_needs_path",
                    "a directory needs a path: name one with --output",
                ));
            }
            SaveTarget::Stream(out) => drop(writer.write_stream(&images, out)?),
        }
        images.iter().try_for_each(|(record, _)| {
            self.object_event(EventKind::Image, "save", record.image_id.hex(), &record.shown_name())
        })
    }

    /// Records with the names that they are saved under.
    fn chosen(&self, names: &[String], several: bool) -> Result<Vec<(ImageRecord, Vec<String>)>> {
        let mut images: Vec<(ImageRecord, Vec<String>)> = Vec::new();
        for (at, text) in names.iter().enumerate() {
            if !several && at > 0 {
                let name = Reference::parse_local(text).map_err(StoreError::from)?.with_default_tag();
                images.iter_mut().for_each(|(_, names)| names.push(name.to_string()));
                continue;
            }
            let record = self.store()?.resolve_image(text)?;
            let name = name_for(text, &record);
            match images.iter_mut().find(|(known, _)| known.image_id == record.image_id) {
                Some((_, names)) => names.extend(name),
                None => images.push((record, name.into_iter().collect())),
            }
        }
        Ok(images)
    }
}

/// The name that an image is saved under: the one it was asked for by. An id is none.
pub(super) fn name_for(text: &str, record: &ImageRecord) -> Option<String> {
    let by_id = record.image_id.hex().starts_with(text.strip_prefix("sha256:").unwrap_or(text));
    let tagged = |name: &String| Reference::parse_normalized(name).is_ok_and(|name| name.tag.is_some());
    record.name.clone().filter(|name| !by_id && tagged(name))
}

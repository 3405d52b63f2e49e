//! Recording images: after a pull or a load, and by `tag`.

use std::collections::BTreeMap;

use cala_spec::{Digest, Platform, Reference};
use cala_sys::flock::Mode;
use oci_spec::image::ImageConfiguration;

use super::{ImageRecord, LayerUse};
use crate::error::StoreError;
use crate::store::{Store, now_ns};

/// An image whose blobs are stored and whose layers are unpacked.
#[derive(Debug, Clone)]
pub struct NewImage {
    /// Digest of the manifest.
    pub manifest: Digest,
    /// Digest of the index it was chosen from.
    pub index: Option<Digest>,
    /// Its layers, lowest first: keys and sizes as the unpacker told them.
    pub layers: Vec<(String, u64)>,
}

impl Store {
    /// Records the image under the name, which moves there from whatever had it. Manifest and configuration are read
    /// from the store and verified. The record is on the disk when this returns. Makes no event.
    ///
    /// # Errors
    /// [`StoreError::InvalidDocument`] when the number of layers does not fit, and as [`Store::read_manifest`].
    pub fn commit_image(&self, reference: &Reference, image: &NewImage) -> Result<ImageRecord, StoreError> {
        let name = reference.clone().with_default_tag();
        let record = self.new_record(Some(record_name(&name)), image)?;
        self.put_record(&record)?;
        Ok(record)
    }

    /// Records an image without a name, unless it has one already.
    ///
    /// # Errors
    /// As [`Store::commit_image`].
    pub fn commit_unnamed_image(&self, image: &NewImage) -> Result<ImageRecord, StoreError> {
        let record = self.new_record(None, image)?;
        let _images = self.lock_images(Mode::Exclusive)?;
        let (records, _) = self.read_records()?;
        if let Some(there) = records.into_iter().find(|other| other.manifest == record.manifest) {
            return Ok(there);
        }
        self.write_record(&record)?;
        self.write_index();
        Ok(record)
    }

    /// Notes an image that will not be recorded although its blobs and some of its layers are here, so that
    /// [`Store::collect`] deletes what nothing else uses.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn abandon_image(
        &self,
        manifest: &Digest,
        image_id: &Digest,
        layers: Vec<LayerUse>,
    ) -> Result<(), StoreError> {
        self.note_removed(&ImageRecord {
            name: None,
            manifest: manifest.clone(),
            index: None,
            image_id: image_id.clone(),
            size: 0,
            tagged_ns: now_ns(),
            created_ns: 0,
            labels: BTreeMap::new(),
            platform: Platform::host(),
            exposed_ports: Vec::new(),
            layers,
        })
    }

    fn new_record(&self, name: Option<String>, image: &NewImage) -> Result<ImageRecord, StoreError> {
        let (manifest, _) = self.read_manifest(&image.manifest)?;
        let invalid = |reason: String| StoreError::InvalidDocument { digest: image.manifest.clone(), reason };
        let image_id: Digest = manifest
            .config()
            .digest()
            .to_string()
            .parse()
            .map_err(|error| invalid(format!("config: {error}")))?;
        let (config, _) = self.read_image_config(&image_id)?;
        Ok(ImageRecord {
            name,
            manifest: image.manifest.clone(),
            index: image.index.clone(),
            layers: layer_uses(&config, &image.layers).map_err(invalid)?,
            size: image.layers.iter().map(|(_, size)| size).sum(),
            tagged_ns: now_ns(),
            created_ns: config.created().as_deref().and_then(created_ns).unwrap_or(0),
            labels: labels(&config),
            platform: platform(&config),
            exposed_ports: exposed_ports(&config),
            image_id,
        })
    }

    /// Gives an image one more name.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn tag_image(&self, record: &ImageRecord, target: &Reference) -> Result<ImageRecord, StoreError> {
        let name = target.clone().with_default_tag();
        let tagged = ImageRecord { name: Some(record_name(&name)), tagged_ns: now_ns(), ..record.clone() };
        self.put_record(&tagged)?;
        Ok(tagged)
    }

    /// Writes a record. The image that had the name before keeps a record without one when it was its last.
    fn put_record(&self, record: &ImageRecord) -> Result<(), StoreError> {
        let _images = self.lock_images(Mode::Exclusive)?;
        let name = record.name.clone().unwrap_or_default();
        // A damaged record is no reason not to replace it.
        let before = self.read_record(&name).unwrap_or(None);
        if let Some(before) = before.filter(|before| before.manifest != record.manifest) {
            let (records, _) = self.read_records()?;
            let other = |other: &ImageRecord| other.manifest == before.manifest && other.name != before.name;
            if !records.iter().any(other) {
                self.write_record(&ImageRecord { name: None, ..before })?;
            }
        }
        self.write_record(record)?;
        // The image has a name now.
        self.remove_record(&ImageRecord { name: None, ..record.clone() }.file_name())?;
        self.write_index();
        Ok(())
    }
}

/// What names the record: with a digest and no tag it is the digest.
fn record_name(reference: &Reference) -> String {
    match &reference.tag {
        Some(_) => Reference { digest: None, ..reference.clone() }.to_string(),
        None => reference.to_string(),
    }
}

fn layer_uses(config: &ImageConfiguration, unpacked: &[(String, u64)]) -> Result<Vec<LayerUse>, String> {
    let diff_ids = config.rootfs().diff_ids();
    if diff_ids.len() != unpacked.len() {
        return Err(format!("{} layers, but the configuration has {}", unpacked.len(), diff_ids.len()));
    }
    let uses = diff_ids.iter().zip(unpacked).map(|(diff_id, (key, size))| {
        let diff_id = diff_id.parse().map_err(|error| format!("configuration: {error}"))?;
        Ok(LayerUse { key: key.clone(), diff_id, size: *size })
    });
    uses.collect()
}

fn labels(config: &ImageConfiguration) -> BTreeMap<String, String> {
    let labels = config.config().as_ref().and_then(|config| config.labels().clone());
    labels.into_iter().flatten().collect()
}

fn exposed_ports(config: &ImageConfiguration) -> Vec<String> {
    let mut ports =
        config.config().as_ref().and_then(|config| config.exposed_ports().clone()).unwrap_or_default();
    ports.sort();
    ports
}

fn platform(config: &ImageConfiguration) -> Platform {
    Platform {
        os: config.os().to_string(),
        architecture: config.architecture().to_string(),
        variant: config.variant().clone(),
    }
}

/// RFC 3339 to nanoseconds since the epoch.
fn created_ns(text: &str) -> Option<i64> {
    cala_spec::duration::parse_time(text, 0, 0).ok()
}

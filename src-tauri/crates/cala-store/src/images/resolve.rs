//! Finding an image by what a person writes.

use cala_spec::reference::{InvalidReference, is_short_name};
use cala_spec::{Digest, Reference};

use super::{Image, ImageRecord};
use crate::error::StoreError;
use crate::store::Store;

/// How an image was found: by a name, or by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Name,
    Id,
}

impl Store {
    /// The image with this name (short ones too), digest, id, or the only one whose id begins so. Names go first.
    ///
    /// # Errors
    /// [`StoreError::NoSuchImage`], [`StoreError::AmbiguousImage`], [`StoreError::ImageDamaged`] when the record of the
    /// name cannot be read, [`StoreError::Reference`] when the text can be nothing at all.
    pub fn resolve_image(&self, text: &str) -> Result<ImageRecord, StoreError> {
        self.find_image(text).map(|(record, _)| record)
    }

    pub(super) fn find_image(&self, text: &str) -> Result<(ImageRecord, Found), StoreError> {
        let reference = match Reference::parse_normalized(text) {
            Ok(reference) => Some(reference),
            Err(InvalidReference::Identifier(_)) => None,
            Err(_) if text.parse::<Digest>().is_ok() => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(reference) = reference {
            if let Some(record) = self.find_name(text, &reference)? {
                return Ok((record, Found::Name));
            }
            if let Some(record) = self.find_digest(text, &reference)? {
                return Ok((record, Found::Name));
            }
        }
        self.find_id(text).map(|record| (record, Found::Id))
    }

    /// Without a look at other files: this is the way of `run`.
    fn find_name(&self, text: &str, reference: &Reference) -> Result<Option<ImageRecord>, StoreError> {
        let tagged = Reference { digest: None, ..reference.clone() };
        let fits =
            |record: &ImageRecord| reference.digest.as_ref().is_none_or(|digest| has_digest(record, digest));
        let full = if reference.tag.is_none() && reference.digest.is_some() {
            reference.to_string()
        } else {
            tagged.with_default_tag().to_string()
        };
        if is_short_name(text) {
            let local =
                full.replacen("docker.io/library/", "localhost/", 1).replacen("docker.io/", "localhost/", 1);
            if let Some(record) = self.read_record(&local)?.filter(fits) {
                return Ok(Some(record));
            }
        }
        if let Some(record) = self.read_record(&full)?.filter(fits) {
            return Ok(Some(record));
        }
        if is_short_name(text) { self.find_in_other_registries(text, &full) } else { Ok(None) }
    }

    /// A short name also means an image of another registry, when there is only one such.
    fn find_in_other_registries(&self, text: &str, full: &str) -> Result<Option<ImageRecord>, StoreError> {
        let short = full.trim_start_matches("docker.io/").trim_start_matches("library/");
        let ending = format!("/{short}");
        let (records, _) = self.read_records()?;
        let fitting =
            records.into_iter().filter(|r| r.name.as_ref().is_some_and(|name| name.ends_with(&ending)));
        one_image(text, fitting.collect())
    }

    fn find_digest(&self, text: &str, reference: &Reference) -> Result<Option<ImageRecord>, StoreError> {
        let Some(digest) = &reference.digest else { return Ok(None) };
        let (records, _) = self.read_records()?;
        let same_name = |record: &ImageRecord| {
            let name = record.name.as_ref().and_then(|name| Reference::parse_normalized(name).ok());
            name.is_some_and(|name| name.name() == reference.name())
        };
        one_image(text, records.into_iter().filter(|r| has_digest(r, digest) && same_name(r)).collect())
    }

    fn find_id(&self, text: &str) -> Result<ImageRecord, StoreError> {
        let none = || StoreError::NoSuchImage(text.to_owned());
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        if hex.is_empty() || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(none());
        }
        let (records, _) = self.read_records()?;
        let whole = hex.len() == 64;
        let fits = |record: &ImageRecord| {
            record.image_id.hex().starts_with(hex)
                || (whole
                    && (record.manifest.hex() == hex
                        || record.index.as_ref().is_some_and(|i| i.hex() == hex)))
        };
        one_image(text, records.into_iter().filter(fits).collect())?.ok_or_else(none)
    }

    /// The image with all its names.
    ///
    /// # Errors
    /// [`StoreError::NoSuchImage`] when it went meanwhile; directories cannot be listed.
    pub fn image(&self, id: &Digest) -> Result<Image, StoreError> {
        let found = self.images()?.into_iter().find(|image| image.id() == id);
        found.ok_or_else(|| StoreError::NoSuchImage(id.to_string()))
    }
}

fn has_digest(record: &ImageRecord, digest: &Digest) -> bool {
    record.manifest == *digest || record.index.as_ref() == Some(digest)
}

/// The only image among the records; several names of one image are one.
fn one_image(text: &str, records: Vec<ImageRecord>) -> Result<Option<ImageRecord>, StoreError> {
    let mut ids: Vec<&Digest> = records.iter().map(|record| &record.image_id).collect();
    ids.sort();
    ids.dedup();
    if ids.len() > 1 {
        let candidates = records.iter().take(10).map(ImageRecord::shown_name).collect();
        return Err(StoreError::AmbiguousImage { text: text.to_owned(), candidates });
    }
    Ok(records.into_iter().next())
}

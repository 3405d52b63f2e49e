//! Manifests and indexes: which body is which, and which are refused (security rule R11).

use cala_spec::{Digest, Reference};
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageIndex, OciImageManifest,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::blob::BlobDescriptor;
use crate::error::RegistryError;

/// Largest image manifest, in bytes (rule R7).
pub(crate) const MANIFEST_LIMIT: u64 = 4 << 20;
/// Largest index, in bytes (rule R7).
pub(crate) const INDEX_LIMIT: u64 = 64 << 20;

/// What is asked for, in order of preference.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// A body that was told apart.
#[derive(Debug)]
pub(crate) enum Document {
    Image(Box<OciImageManifest>),
    Index(OciImageIndex),
}

/// The keys by which bodies are told apart, whatever the header says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    schema_version: Option<u32>,
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
}

/// Whether a media type says index, `None` when it says neither.
pub(crate) fn is_index(media_type: &str) -> Option<bool> {
    match media_type {
        OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE => Some(true),
        OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE => Some(false),
        _ => None,
    }
}

/// The most bytes that a body announced with this media type may have.
pub(crate) fn limit(media_type: Option<&str>) -> u64 {
    if media_type.and_then(is_index) == Some(true) { INDEX_LIMIT } else { MANIFEST_LIMIT }
}

/// Tells a body apart and checks it against the media type announced for it (`Content-Type`, or the descriptor that
/// led here).
///
/// # Errors
/// [`RegistryError::InvalidManifest`], [`RegistryError::MediaTypeMismatch`], [`RegistryError::UnsupportedManifest`].
pub(crate) fn parse(
    body: &[u8],
    announced: Option<&str>,
    reference: &Reference,
) -> Result<Document, RegistryError> {
    let subject = reference.to_string();
    let invalid = |reason: String| RegistryError::InvalidManifest { reference: subject.clone(), reason };
    let outline: Outline = serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
    if outline.layers.is_some() && outline.manifests.is_some() {
        return Err(invalid("it has both `layers` and `manifests`".to_owned()));
    }
    if outline.fs_layers.is_some() || outline.schema_version == Some(1) {
        let media_type = outline.media_type.unwrap_or_else(|| "docker schema 1 manifest".to_owned());
        return Err(RegistryError::UnsupportedManifest { reference: subject, media_type });
    }
    if outline.schema_version != Some(2) {
        return Err(invalid("schemaVersion is not 2".to_owned()));
    }
    let media_type = agreed_type(&subject, announced, outline.media_type.as_deref())?;
    let index = match media_type.map(|text| (text, is_index(text))) {
        Some((_, Some(index))) => index,
        Some((text, None)) => {
            return Err(RegistryError::UnsupportedManifest {
                reference: subject,
                media_type: text.to_owned(),
            });
        }
        None => outline.manifests.is_some(),
    };
    let wrong_shape = |list: &str| invalid(format!("it has no `{list}` although its media type demands it"));
    if index {
        if outline.manifests.is_none() || outline.config.is_some() {
            return Err(wrong_shape("manifests"));
        }
        serde_json::from_slice(body).map(Document::Index).map_err(|error| invalid(error.to_string()))
    } else {
        if outline.layers.is_none() || outline.config.is_none() {
            return Err(wrong_shape("layers"));
        }
        serde_json::from_slice(body)
            .map(|manifest| Document::Image(Box::new(manifest)))
            .map_err(|error| invalid(error.to_string()))
    }
}

/// The one media type that header and body agree on; headers that say nothing of substance do not count.
fn agreed_type<'a>(
    subject: &str,
    announced: Option<&'a str>,
    own: Option<&'a str>,
) -> Result<Option<&'a str>, RegistryError> {
    let announced = announced.filter(|text| {
        !matches!(
            *text,
            "" | "application/json" | "application/octet-stream" | "binary/octet-stream" | "text/plain"
        )
    });
    match (announced, own) {
        (Some(announced), Some(own)) if announced != own => Err(RegistryError::MediaTypeMismatch {
            subject: format!("manifest of {subject}"),
            expected: announced.to_owned(),
            got: own.to_owned(),
        }),
        (announced, own) => Ok(own.or(announced)),
    }
}

/// A descriptor whose digest has the right grammar and whose size is not negative.
pub(crate) fn checked(descriptor: &OciDescriptor, reference: &str) -> Result<BlobDescriptor, RegistryError> {
    checked_parts(&descriptor.media_type, &descriptor.digest, descriptor.size, reference)
}

/// As [`checked`] for an entry of an index.
pub(crate) fn checked_entry(
    entry: &ImageIndexEntry,
    reference: &str,
) -> Result<BlobDescriptor, RegistryError> {
    checked_parts(&entry.media_type, &entry.digest, entry.size, reference)
}

fn checked_parts(
    media_type: &str,
    digest: &str,
    size: i64,
    reference: &str,
) -> Result<BlobDescriptor, RegistryError> {
    let invalid = |reason: String| RegistryError::InvalidManifest { reference: reference.to_owned(), reason };
    Ok(BlobDescriptor {
        media_type: media_type.to_owned(),
        digest: digest.parse::<Digest>().map_err(|error| invalid(error.to_string()))?,
        size: u64::try_from(size).map_err(|_| invalid(format!("size {size} is negative")))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(body: &str, announced: Option<&str>) -> Result<Document, RegistryError> {
        let reference =
            Reference { domain: "r.example".into(), path: "a".into(), tag: Some("1".into()), digest: None };
        parse(body.as_bytes(), announced, &reference)
    }

    const CONFIG: &str = r#""config":{"mediaType":"x","digest":"d","size":1}"#;

    #[test]
    fn a_body_that_is_both_is_refused() {
        let body = format!(r#"{{"schemaVersion":2,{CONFIG},"layers":[],"manifests":[]}}"#);
        for announced in [None, Some(OCI_IMAGE_MEDIA_TYPE), Some(OCI_IMAGE_INDEX_MEDIA_TYPE)] {
            assert!(matches!(parse_text(&body, announced), Err(RegistryError::InvalidManifest { .. })));
        }
    }

    #[test]
    fn header_and_body_must_agree() {
        let body =
            format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_IMAGE_MEDIA_TYPE}",{CONFIG},"layers":[]}}"#);
        assert!(matches!(parse_text(&body, Some(OCI_IMAGE_MEDIA_TYPE)), Ok(Document::Image(_))));
        assert!(matches!(parse_text(&body, Some("application/json")), Ok(Document::Image(_))));
        assert!(matches!(
            parse_text(&body, Some(OCI_IMAGE_INDEX_MEDIA_TYPE)),
            Err(RegistryError::MediaTypeMismatch { .. })
        ));
    }

    #[test]
    fn the_header_alone_cannot_make_an_index_of_an_image() {
        let body = format!(r#"{{"schemaVersion":2,{CONFIG},"layers":[]}}"#);
        assert!(matches!(
            parse_text(&body, Some(OCI_IMAGE_INDEX_MEDIA_TYPE)),
            Err(RegistryError::InvalidManifest { .. })
        ));
        assert!(matches!(parse_text(&body, None), Ok(Document::Image(_))));
    }

    #[test]
    fn old_and_foreign_kinds_are_named() {
        let old = r#"{"schemaVersion":1,"fsLayers":[]}"#;
        assert!(matches!(parse_text(old, None), Err(RegistryError::UnsupportedManifest { .. })));
        let foreign = r#"{"schemaVersion":2,"mediaType":"application/x-thing"}"#;
        assert!(matches!(parse_text(foreign, None), Err(RegistryError::UnsupportedManifest { .. })));
    }

    #[test]
    fn hostile_digests_are_refused_before_use() {
        for digest in ["sha256:../../../x", "/etc/passwd", "sha1:00", ""] {
            assert!(checked_parts("x", digest, 1, "r").is_err(), "{digest}");
        }
        let good = format!("sha256:{}", "a".repeat(64));
        assert!(checked_parts("x", &good, -1, "r").is_err());
        assert!(checked_parts("x", &good, 1, "r").is_ok());
    }
}

//! The image that comes with Cala: loaded from the program itself on first use, so that the first container needs no
//! network and no account.

use cala_spec::event::EventKind;
use cala_spec::progress::{LayerSize, PullProgress};
use cala_spec::{Digest, Platform, Reference};
use cala_store::helper::UnpackRequest;
use cala_store::{ImageRecord, NewImage};

use crate::{Engine, EngineError, Progress, Result};

/// Names, without tag, that mean the embedded image.
const NAMES: [&str; 2] = ["docker.io/cala/hello", "localhost/cala/hello"];

/// Media type of its layer.
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image that is part of the program.
#[derive(Debug, Clone)]
pub struct EmbeddedImage {
    /// The manifest's bytes with their digest.
    pub manifest: (Digest, &'static [u8]),
    /// The configuration's bytes with their digest, which is the image id.
    pub config: (Digest, &'static [u8]),
    /// The compressed layers, lowest first, each with its digest and that of its uncompressed tar.
    pub layers: Vec<(Digest, Digest, &'static [u8])>,
}

/// The embedded image that a reference means, if it means one.
#[must_use]
pub fn embedded_image(reference: &Reference) -> Option<EmbeddedImage> {
    let latest = reference.tag.as_deref().is_none_or(|tag| tag == "latest") && reference.digest.is_none();
    if !latest || !NAMES.contains(&reference.name().as_str()) {
        return None;
    }
    let digest = |text: &str| text.parse::<Digest>().ok();
    Some(EmbeddedImage {
        manifest: (digest(cala_hello::MANIFEST_DIGEST)?, cala_hello::MANIFEST),
        config: (digest(cala_hello::CONFIG_DIGEST)?, cala_hello::CONFIG),
        layers: vec![(digest(cala_hello::LAYER_DIGEST)?, digest(cala_hello::DIFF_ID)?, cala_hello::LAYER)],
    })
}

/// What the embedded program is told of the person's language: a container gets nothing else of the host's environment.
///
/// `None` for every other image, and where image or person chose a language themselves.
pub(crate) fn language_entry(image_id: &Digest, env: &[String]) -> Option<String> {
    let chosen =
        ["CALA_LANG=", "LC_ALL=", "LANG="].iter().any(|name| env.iter().any(|entry| entry.starts_with(name)));
    if chosen || image_id.as_str() != cala_hello::CONFIG_DIGEST {
        return None;
    }
    let words = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).unwrap_or_default());
    Some(format!("CALA_LANG={}", language(&words)))
}

/// `es` or `en`, by the first of a locale's words that is not empty (locale(7)).
fn language(words: &[String]) -> &'static str {
    let word = words.iter().find(|word| !word.is_empty()).map_or("", String::as_str);
    let spanish =
        word.strip_prefix("es").is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    if spanish { "es" } else { "en" }
}

impl Engine {
    /// Loads the embedded image that `text` means; `None` when it means none, or not for this platform.
    pub(super) fn load_embedded(
        &self,
        text: &str,
        platform: Option<&Platform>,
        progress: Progress<'_>,
    ) -> Result<Option<ImageRecord>> {
        if platform.is_some_and(|wanted| !wanted.accepts(&Platform::host())) {
            return Ok(None);
        }
        let Ok(reference) = Reference::parse_normalized(text) else { return Ok(None) };
        let Some(image) = embedded_image(&reference) else { return Ok(None) };
        cala_userns::preflight()?;
        let record = self.store_embedded(&reference.with_default_tag(), &image, progress)?;
        progress(PullProgress::Finished { image_id: record.image_id.clone() });
        Ok(Some(record))
    }

    fn store_embedded(
        &self,
        reference: &Reference,
        image: &EmbeddedImage,
        progress: Progress<'_>,
    ) -> Result<ImageRecord> {
        let store = self.store()?;
        let _guard = store.guard_pull()?;
        progress(PullProgress::Manifest {
            layers: image
                .layers
                .iter()
                .map(|(digest, _, bytes)| LayerSize { digest: digest.clone(), size: bytes.len() as u64 })
                .collect(),
        });
        store.put_blob(&image.config.0, image.config.1)?;
        store.put_blob(&image.manifest.0, image.manifest.1)?;
        let mut below: Vec<Digest> = Vec::new();
        let mut layers = Vec::new();
        for (digest, diff_id, bytes) in &image.layers {
            store.put_blob(digest, bytes)?;
            let request = UnpackRequest {
                media_type: LAYER_TYPE.to_owned(),
                diff_id: diff_id.clone(),
                parent_diff_ids: below.clone(),
                blob: Some(digest.clone()),
            };
            let (key, size, existed) = self.unpack_stored(&request, digest)?;
            progress(PullProgress::Done { digest: digest.clone(), existed });
            layers.push((key, size));
            below.push(diff_id.clone());
        }
        let record = store
            .commit_image(reference, &NewImage { manifest: image.manifest.0.clone(), index: None, layers })?;
        self.object_event(EventKind::Image, "loadfromarchive", record.image_id.hex(), &record.shown_name())?;
        Ok(record)
    }

    /// Unpacks a layer whose blob is in the store, unless it stands already.
    fn unpack_stored(&self, request: &UnpackRequest, digest: &Digest) -> Result<(String, u64, bool)> {
        let store = self.store()?;
        let mut diff_ids = request.parent_diff_ids.clone();
        diff_ids.push(request.diff_id.clone());
        let chain = cala_store::layers::chain_ids(&diff_ids);
        let chain_id =
            chain.last().ok_or_else(|| EngineError::Internal("a layer without a chain".to_owned()))?;
        if let Some(layer) = cala_store::layers::layer_present(store.data(), &request.diff_id, chain_id) {
            return Ok((layer.key, layer.size, true));
        }
        let layer = self.helper()?.unpack_from(request, store.open_blob(digest)?)?.wait()?;
        Ok((layer.key, layer.size, layer.existed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_mean_the_embedded_image() {
        let means =
            |text: &str| Reference::parse_normalized(text).ok().as_ref().and_then(embedded_image).is_some();
        for name in ["cala/hello", "cala/hello:latest", "docker.io/cala/hello", "localhost/cala/hello:latest"]
        {
            assert!(means(name), "{name}");
        }
        for name in ["hello", "cala/hello:2", "quay.io/cala/hello", "cala/hello2", "localhost/hello"] {
            assert!(!means(name), "{name}");
        }
    }

    #[test]
    fn the_first_locale_that_is_set_says_the_language() {
        for (words, expected) in [
            (["", "", "es_ES.UTF-8"], "es"),
            (["es", "", "en_US.UTF-8"], "es"),
            (["C.UTF-8", "", "es_MX"], "en"),
            (["", "es_419", "en_US"], "es"),
            (["", "", "est_EE"], "en"),
            (["", "", ""], "en"),
        ] {
            assert_eq!(language(&words.map(str::to_owned)), expected, "{words:?}");
        }
    }

    #[test]
    fn only_the_embedded_image_is_told_and_only_when_nobody_chose() {
        let own: Digest = cala_hello::CONFIG_DIGEST.parse().expect("a digest");
        let env = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(language_entry(&own, &env(&["PATH=/"])).is_some_and(|entry| entry.starts_with("CALA_LANG=")));
        assert_eq!(language_entry(&own, &env(&["CALA_LANG=en"])), None);
        assert_eq!(language_entry(&own, &env(&["LANG=de"])), None);
        assert_eq!(language_entry(&Digest::sha256(&[7; 32]), &env(&[])), None);
    }
}

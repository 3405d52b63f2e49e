//! The embedded image `cala/hello`: a program of ours, packed at build time as a real OCI image.
//!
//! The first container of a newcomer must not depend on a network or an account. The engine loads these bytes into its
//! store on first use, by the same road as any pulled image. The program itself is `program/main.rs`: static, std only.

#![forbid(unsafe_code)]

include!(concat!(env!("OUT_DIR"), "/digests.rs"));

/// The reference under which the image is stored.
pub const REFERENCE: &str = "docker.io/cala/hello:latest";

/// The image manifest, JSON.
pub const MANIFEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/manifest.json"));

/// The image configuration, JSON.
pub const CONFIG: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/config.json"));

/// The only layer, a gzip-compressed tar.
pub const LAYER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/layer.tar.gz"));

/// Digest of [`MANIFEST`].
pub const MANIFEST_DIGEST: &str = DIGESTS[0];

/// Digest of [`CONFIG`]: the image id.
pub const CONFIG_DIGEST: &str = DIGESTS[1];

/// Digest of [`LAYER`].
pub const LAYER_DIGEST: &str = DIGESTS[2];

/// Digest of the uncompressed layer.
pub const DIFF_ID: &str = DIGESTS[3];

#[cfg(test)]
#[allow(clippy::expect_used, reason = "tests")]
mod tests {
    use std::io::Read as _;

    use sha2::{Digest as _, Sha256};

    use super::*;

    fn digest(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    }

    #[test]
    fn every_digest_is_that_of_its_bytes() {
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(LAYER).read_to_end(&mut tar).expect("the layer is gzip");
        assert_eq!(digest(MANIFEST), MANIFEST_DIGEST);
        assert_eq!(digest(CONFIG), CONFIG_DIGEST);
        assert_eq!(digest(LAYER), LAYER_DIGEST);
        assert_eq!(digest(&tar), DIFF_ID);
    }

    #[test]
    fn the_manifest_names_the_configuration_and_the_layer() {
        let manifest: serde_json::Value = serde_json::from_slice(MANIFEST).expect("JSON");
        assert_eq!(manifest["config"]["digest"], CONFIG_DIGEST);
        assert_eq!(manifest["layers"][0]["digest"], LAYER_DIGEST);
        assert_eq!(manifest["layers"][0]["size"], LAYER.len());
    }
}

//! Digests of what passes by (rule R11).

use cala_spec::Digest;
use sha2::{Digest as _, Sha256, Sha512};

use crate::error::RegistryError;

/// Computes a digest while bytes pass.
#[derive(Clone)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// A hasher of the algorithm that `digest` names.
    pub(crate) fn like(digest: &Digest) -> Self {
        if digest.algorithm() == "sha512" { Self::Sha512(Sha512::new()) } else { Self::Sha256(Sha256::new()) }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// `algorithm:hex` of all bytes.
    pub(crate) fn finish(self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Self::Sha256(hasher) => format!("sha256:{}", hex(&hasher.finalize())),
            Self::Sha512(hasher) => format!("sha512:{}", hex(&hasher.finalize())),
        }
    }

    /// Compares with what was expected.
    ///
    /// # Errors
    /// [`RegistryError::DigestMismatch`].
    pub(crate) fn verify(self, expected: &Digest, subject: &str) -> Result<(), RegistryError> {
        let text = self.finish();
        if text == expected.as_str() {
            return Ok(());
        }
        // Our own hex always parses.
        let got = text.parse().unwrap_or_else(|_| expected.clone());
        Err(RegistryError::DigestMismatch { subject: subject.to_owned(), expected: expected.clone(), got })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_algorithms_are_computed() {
        let sha256 =
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".parse().expect("one");
        let sha512 = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f".parse().expect("one");
        for digest in [sha256, sha512] {
            let mut hasher = Hasher::like(&digest);
            hasher.update(b"abc");
            assert!(hasher.verify(&digest, "x").is_ok());
            assert!(Hasher::like(&digest).verify(&digest, "x").is_err());
        }
    }
}

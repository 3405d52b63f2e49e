//! What a download needs to know of a blob, and where its bytes go.

use std::io;

use cala_spec::Digest;

use crate::config::registries::Endpoint;
#[cfg(doc)]
use crate::error::RegistryError;

/// What a manifest says of a layer or configuration, its digest's grammar checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobDescriptor {
    /// Media type; not verified by a download.
    pub media_type: String,
    /// Digest of the bytes as they are sent (compressed).
    pub digest: Digest,
    /// Bytes as they are sent.
    pub size: u64,
}

/// Where the blobs of a resolved image are: the endpoint that had its manifest, then the others. Opaque; comes from
/// [`crate::ResolvedManifest::source`].
#[derive(Debug, Clone)]
pub struct BlobSource {
    pub(crate) endpoints: Vec<Endpoint>,
}

/// Takes a blob's bytes in order.
///
/// A download asks for [`BlobSink::offset`] first. When it is not 0, it reads the bytes already there by
/// [`BlobSink::replay`] to verify them, and asks the registry for the rest only.
pub trait BlobSink: Send {
    /// How many bytes are there already, from an earlier, interrupted download or from this one.
    fn offset(&self) -> u64;

    /// Drops all bytes; the download begins again at 0, or has failed for good. Called only when the bytes proved wrong
    /// or cannot be replayed, never for a mere cut or a registry that ignores `Range`.
    ///
    /// # Errors
    /// When it cannot; the download ends with [`RegistryError::Sink`].
    fn restart(&mut self) -> io::Result<()>;

    /// Appends bytes.
    ///
    /// # Errors
    /// When they cannot be stored; the download ends with [`RegistryError::Sink`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Hands the bytes before [`BlobSink::offset`] to `each`, in order and in pieces of any size.
    ///
    /// # Errors
    /// When they cannot be read; the download then begins again at 0. That is what the default does.
    fn replay(&mut self, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let _ = each;
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

/// A sink in memory, for small blobs and tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemorySink {
    /// The bytes so far.
    pub bytes: Vec<u8>,
}

impl BlobSink for MemorySink {
    fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn restart(&mut self) -> io::Result<()> {
        self.bytes.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn replay(&mut self, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        each(&self.bytes);
        Ok(())
    }
}

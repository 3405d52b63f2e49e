//! Writing archives and directories of images.

mod docker;
mod layout;
mod tar;

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use cala_spec::Digest;
use cala_spec::invalid::InvalidValue;

use crate::error::StoreError;
use crate::export::{CompressionWish, ExportOptions, ManifestType};
use crate::images::ImageRecord;
use crate::store::Store;

/// The forms that images are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A tar as `docker load` reads it; several images fit in.
    DockerArchive,
    /// A tar of an OCI image layout.
    OciArchive,
    /// A directory that is an OCI image layout.
    OciDir,
    /// A directory with one manifest and its blobs (`dir:`).
    Dir,
}

impl std::str::FromStr for ArchiveFormat {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "docker-archive" => Ok(Self::DockerArchive),
            "oci-archive" => Ok(Self::OciArchive),
            "oci-dir" => Ok(Self::OciDir),
            "docker-dir" => Ok(Self::Dir),
            _ => {
                let text = "format value must be one of oci-dir oci-archive docker-dir docker-archive";
                Err(InvalidValue::new("invalid_archive_format", text))
            }
        }
    }
}

/// Writes images in one of the forms.
#[derive(Debug)]
pub struct ArchiveWriter<'a> {
    /// The store that the images are in.
    pub store: &'a Store,
    /// The form.
    pub format: ArchiveFormat,
    /// The type of the manifest and what is done with the layers; a docker-archive has neither.
    pub options: ExportOptions,
}

impl<'a> ArchiveWriter<'a> {
    /// One with what is usual for the form: OCI layouts are of OCI's types and hold compressed layers only, everything
    /// else stays as it is.
    #[must_use]
    pub fn new(store: &'a Store, format: ArchiveFormat) -> Self {
        let oci = matches!(format, ArchiveFormat::OciArchive | ArchiveFormat::OciDir);
        let compression = CompressionWish { keep_uncompressed: !oci, ..CompressionWish::default() };
        let options = ExportOptions { manifest: oci.then_some(ManifestType::Oci), compression };
        Self { store, format, options }
    }

    /// Writes the images, each with its names, to `path`: a file appears whole or not at all, a directory gets its index
    /// last. The digests of the manifests that were written; those of the images for a docker-archive, which has none.
    ///
    /// # Errors
    /// As [`Store::export_image`]; [`StoreError::ArchiveRefused`] for several images in a form of one; failed system calls.
    pub fn write(
        &self,
        images: &[(ImageRecord, Vec<String>)],
        path: &Path,
    ) -> Result<Vec<Digest>, StoreError> {
        self.check(images)?;
        match self.format {
            ArchiveFormat::OciDir => self.write_layout(images, path),
            ArchiveFormat::Dir => self.write_dir(images, path),
            ArchiveFormat::DockerArchive | ArchiveFormat::OciArchive => self.write_file(images, path),
        }
    }

    /// Writes an archive to an open file that may be a pipe.
    ///
    /// # Errors
    /// As [`ArchiveWriter::write`].
    pub fn write_stream(
        &self,
        images: &[(ImageRecord, Vec<String>)],
        out: File,
    ) -> Result<Vec<Digest>, StoreError> {
        self.check(images)?;
        self.write_tar(images, tar::TarWriter::new(out, false))
    }

    fn check(&self, images: &[(ImageRecord, Vec<String>)]) -> Result<(), StoreError> {
        if images.len() > 1 && self.format != ArchiveFormat::DockerArchive {
            let text = "multi-image archives are only supported in the docker-archive format";
            return Err(StoreError::ArchiveRefused(text.to_owned()));
        }
        Ok(())
    }

    fn write_file(
        &self,
        images: &[(ImageRecord, Vec<String>)],
        path: &Path,
    ) -> Result<Vec<Digest>, StoreError> {
        let failed = || StoreError::io("write", path);
        match std::fs::metadata(path) {
            // A pipe or a device: it cannot be replaced.
            Ok(meta) if !meta.is_file() => {
                let out = OpenOptions::new().write(true).open(path).map_err(failed())?;
                self.write_tar(images, tar::TarWriter::new(out, false))
            }
            _ => {
                let (out, temporary) = beside(path).map_err(failed())?;
                let written = self.write_tar(images, tar::TarWriter::new(out, true));
                let placed = written.and_then(|written| {
                    std::fs::rename(&temporary, path).map_err(failed())?;
                    Ok(written)
                });
                if placed.is_err() {
                    let _ = std::fs::remove_file(&temporary);
                }
                placed
            }
        }
    }

    fn write_tar(
        &self,
        images: &[(ImageRecord, Vec<String>)],
        tar: tar::TarWriter,
    ) -> Result<Vec<Digest>, StoreError> {
        match self.format {
            ArchiveFormat::DockerArchive => {
                docker::write(self.store, images, tar)?;
                Ok(images.iter().map(|(record, _)| record.manifest.clone()).collect())
            }
            _ => self.write_layout_tar(images, tar),
        }
    }
}

/// A new file beside `path`, with the mode that a new file gets.
fn beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_string_lossy();
    for number in 0..1000 {
        let temporary = path.with_file_name(format!(".{name}.{}-{number}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

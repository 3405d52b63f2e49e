//! Places that an image is pulled from and pushed to (containers-transports(5)).

use std::path::PathBuf;

use cala_spec::invalid::InvalidValue;
use cala_store::archive::ArchiveFormat;

/// A place of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A registry: a reference as people write it.
    Registry(String),
    /// A file or directory, and the name in it.
    Archive {
        /// Its form.
        format: ArchiveFormat,
        /// Where.
        path: PathBuf,
        /// The name of the image in it.
        reference: Option<String>,
    },
}

/// Prefixes of files and directories; whether a name may follow the path.
const FILES: [(&str, ArchiveFormat, bool); 4] = [
    ("docker-archive:", ArchiveFormat::DockerArchive, true),
    ("oci-archive:", ArchiveFormat::OciArchive, true),
    ("oci:", ArchiveFormat::OciDir, true),
    ("dir:", ArchiveFormat::Dir, false),
];

/// Places of other programs.
const REFUSED: [(&str, &str); 4] = [
    (
        "containers-storage:",
        "the storage of Podman is not read or written: use `podman save` and `cala load`",
    ),
    ("docker-daemon:", "no daemon is asked: use `docker save` and `cala load`"),
    ("ostree:", "OSTree repositories are not supported"),
    ("sif:", "images of Singularity are not supported"),
];

impl Transport {
    /// Reads `docker://NAME`, `oci:PATH[:NAME]`, `oci-archive:PATH[:NAME]`, `docker-archive:PATH[:NAME]`, `dir:PATH`, or a
    /// name.
    ///
    /// # Errors
    /// A place that is not supported, or a path that is missing.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if let Some((prefix, why)) = REFUSED.iter().find(|(prefix, _)| text.starts_with(prefix)) {
            let name = prefix.trim_end_matches(':');
            return Err(InvalidValue::new(
                "transport_refused",
                format!("the transport {name:?} is not supported"),
            )
            .allowing(*why));
        }
        for (prefix, format, named) in FILES {
            let Some(rest) = text.strip_prefix(prefix) else { continue };
            let (path, reference) = match rest.split_once(':') {
                Some((path, reference)) if named => {
                    (path, Some(reference.to_owned()).filter(|text| !text.is_empty()))
                }
                _ => (rest, None),
            };
            if path.is_empty() {
                return Err(InvalidValue::new("invalid_transport", format!("{text:?} names no path"))
                    .allowing("a path after the colon, such as oci-archive:/tmp/image.tar"));
            }
            return Ok(Self::Archive { format, path: PathBuf::from(path), reference });
        }
        Ok(Self::Registry(text.strip_prefix("docker://").unwrap_or(text).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let archive = |format, path: &str, reference: Option<&str>| {
            Ok(Transport::Archive { format, path: path.into(), reference: reference.map(str::to_owned) })
        };
        let registry = |text: &str| Ok(Transport::Registry(text.to_owned()));
        for (text, expected) in [
            ("alpine", registry("alpine")),
            ("docker://localhost:5000/a:1", registry("localhost:5000/a:1")),
            ("localhost:5000/a", registry("localhost:5000/a")),
            ("oci:/x", archive(ArchiveFormat::OciDir, "/x", None)),
            ("oci:/x:a/b:1", archive(ArchiveFormat::OciDir, "/x", Some("a/b:1"))),
            ("oci-archive:x.tar:latest", archive(ArchiveFormat::OciArchive, "x.tar", Some("latest"))),
            ("docker-archive:x.tar:", archive(ArchiveFormat::DockerArchive, "x.tar", None)),
            ("dir:/a:b", archive(ArchiveFormat::Dir, "/a:b", None)),
        ] {
            assert_eq!(Transport::parse(text), expected, "{text}");
        }
        for text in ["docker-daemon:a", "containers-storage:a", "oci:", "dir:", "sif:x", "oci-archive::a"] {
            assert!(Transport::parse(text).is_err(), "{text}");
        }
    }
}

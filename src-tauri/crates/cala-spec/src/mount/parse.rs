//! `-v` and `--tmpfs`.

use std::path::Path;

use super::option::{Kind, Options, invalid};
use super::{Mount, MountSource};
use crate::invalid::InvalidValue;
use crate::name::ContainerName;

impl Mount {
    /// Parses `-v [SOURCE:]TARGET[:OPTIONS]`. A source that begins with `/` or `.` is a path of the host, relative ones
    /// to `working_dir`; any other is the name of a volume; without a source it is an anonymous volume.
    ///
    /// # Errors
    /// The text does not fit; the error names what does not and what is allowed.
    pub fn parse_volume(text: &str, working_dir: &Path) -> Result<Self, InvalidValue> {
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, options) = match parts.as_slice() {
            [target] => (None, *target, ""),
            [source, target] => (Some(*source), *target, ""),
            [source, target, options] => (Some(*source), *target, *options),
            _ => {
                let sentence =
                    format!("{text}: incorrect volume format, should be [host-dir:]ctr-dir[:option]");
                return Err(invalid(sentence).allowing("a volume is `[SOURCE:]TARGET[:OPTIONS]`"));
            }
        };
        let source = match source {
            None => MountSource::Volume { name: None },
            Some("") => return Err(invalid("host directory cannot be empty")),
            Some(path) if path.starts_with(['/', '.']) => {
                MountSource::Bind { path: absolute(path, working_dir), create: false }
            }
            Some(name) => MountSource::Volume { name: Some(volume_name(name)?) },
        };
        let kind = if matches!(source, MountSource::Bind { .. }) { Kind::Bind } else { Kind::Volume };
        let mut collected = Options::new(kind);
        for option in options.split(',').filter(|option| !option.is_empty()) {
            collected.add(option)?;
        }
        let (read_only, options) = collected.finish();
        Ok(Self { source, target: container_path(target)?, read_only, options })
    }

    /// Parses `--tmpfs TARGET[:OPTIONS]`.
    ///
    /// # Errors
    /// As [`Mount::parse_volume`].
    pub fn parse_tmpfs(text: &str) -> Result<Self, InvalidValue> {
        let (target, options) = text.split_once(':').unwrap_or((text, ""));
        let mut collected = Options::new(Kind::Tmpfs);
        for option in options.split(',').filter(|option| !option.is_empty()) {
            collected.add(option)?;
        }
        let (read_only, options) = collected.finish();
        Ok(Self { source: MountSource::Tmpfs, target: container_path(target)?, read_only, options })
    }
}

/// Checks a path inside the container and drops what is superfluous in it.
pub(super) fn container_path(target: &str) -> Result<String, InvalidValue> {
    if !target.starts_with('/') {
        return Err(InvalidValue::new(
            "invalid_container_path",
            format!("invalid container path {target:?}, must be an absolute path"),
        ));
    }
    let clean = clean(target);
    if clean == "/" || clean.contains('\0') {
        let sentence = format!("invalid container path {target:?}, must not be the root directory");
        return Err(InvalidValue::new("invalid_container_path", sentence));
    }
    Ok(clean)
}

pub(super) fn volume_name(name: &str) -> Result<String, InvalidValue> {
    match name.parse::<ContainerName>() {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err(InvalidValue::new(
            "invalid_volume_name",
            format!("creating named volume {name:?}: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"),
        )
        .allowing(format!("a path of the host begins with `/` or `.`: `./{name}`"))),
    }
}

pub(super) fn absolute(path: &str, working_dir: &Path) -> String {
    if path.starts_with('/') {
        return clean(path);
    }
    clean(&format!("{}/{path}", working_dir.display()))
}

/// Resolves `.`, `..` and doubled slashes by the letters alone, as Go's `filepath.Clean`.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn volume(text: &str) -> Result<Mount, InvalidValue> {
        Mount::parse_volume(text, Path::new("/home/u"))
    }

    fn mount(text: &str) -> Result<Mount, InvalidValue> {
        Mount::parse_mount(text, Path::new("/home/u"))
    }

    fn bind(path: &str) -> MountSource {
        MountSource::Bind { path: path.to_owned(), create: false }
    }

    #[test]
    fn volumes_are_paths_names_or_anonymous() {
        assert_eq!(volume("/a:/b").expect("a path").source, bind("/a"));
        assert_eq!(volume("../x:/b").expect("a relative path").source, bind("/home/x"));
        assert_eq!(volume(".:/b").expect("here").source, bind("/home/u"));
        assert_eq!(
            volume("data:/b").expect("a name").source,
            MountSource::Volume { name: Some("data".to_owned()) }
        );
        assert_eq!(volume("/b").expect("anonymous").source, MountSource::Volume { name: None });
        let read_only = volume("/a:/b/../c/:ro,Z,nosuid").expect("options");
        assert!(read_only.read_only);
        assert_eq!((read_only.target.as_str(), read_only.options), ("/c", vec!["nosuid".to_owned()]));
    }

    #[test]
    fn wrong_volumes_are_refused_in_podmans_words() {
        for (text, words) in [
            ("/a:b", "invalid container path \"b\", must be an absolute path"),
            ("a:b:c:d", "a:b:c:d: incorrect volume format, should be [host-dir:]ctr-dir[:option]"),
            ("/a:/b:foo", "invalid option type \"foo\""),
            (":/b", "host directory cannot be empty"),
            ("/a:/b:ro,rw", "invalid options \"ro, rw\", can only specify 1 'rw' or 'ro' option"),
            ("rel/x:/b", "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*"),
            ("b", "invalid container path \"b\", must be an absolute path"),
            ("/a:/", "must not be the root directory"),
            ("/a:/b:idmap", "only an administrator"),
            ("/a:/b:O,upperdir=/u", "is thrown away"),
            ("/a:/b:subpath=x", "invalid option type"),
            ("/a:/b:shared,slave", "can only specify one of them"),
        ] {
            let error = volume(text).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn tmpfs_options_are_checked() {
        let parsed = Mount::parse_tmpfs("/x:size=64m,mode=755,noexec,ro").expect("memory");
        assert_eq!((parsed.read_only, parsed.options.len()), (true, 3));
        for text in ["x", "/x:foo", "/x:size=zz", "/x:mode=9", "/x:uid=-1", "/x:bind", "/x:size=101%"] {
            assert!(Mount::parse_tmpfs(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_targets_stay_inside(text in "[a-z/.:,=\" ]{0,40}") {
            for parsed in [volume(&text), mount(&text), Mount::parse_tmpfs(&text)].into_iter().flatten() {
                prop_assert!(parsed.target.starts_with('/') && parsed.target.len() > 1);
                prop_assert!(!parsed.target.split('/').any(|part| part == ".."));
            }
        }
    }
}

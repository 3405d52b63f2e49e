//! `-v`, `--mount` and `--tmpfs`.

use std::path::Path;

use super::option::{Kind, Options, invalid};
use super::{Mount, MountSource};
use crate::error::Classify;
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

    /// Parses `--mount type=bind|volume|tmpfs,source=…,target=…[,OPTION…]`; a field in double quotes may hold commas.
    ///
    /// # Errors
    /// As [`Mount::parse_volume`].
    pub fn parse_mount(text: &str, working_dir: &Path) -> Result<Self, InvalidValue> {
        let fields = fields(text)?;
        let key_is = |field: &&String, keys: &[&str]| {
            keys.contains(&field.split_once('=').map_or(field.as_str(), |(key, _)| key))
        };
        let value = |keys: &[&str]| {
            let mut found = fields.iter().filter(|field| key_is(field, keys));
            let first = found.next().map(|field| field.split_once('=').map_or("", |(_, value)| value));
            if found.next().is_some() {
                let sentence = format!("cannot pass {:?} more than once", keys.first().unwrap_or(&""));
                return Err(invalid(sentence));
            }
            Ok(first)
        };
        let kind = mount_kind(value(&["type"])?)?;
        let source = value(&["source", "src"])?;
        let target = value(&["target", "dst", "destination"])?;
        let Some(target) = target.filter(|target| !target.is_empty()) else {
            return Err(invalid("must set volume destination").allowing(SHAPE));
        };
        let mut options = Options::new(kind);
        for field in &fields {
            let named = ["type", "source", "src", "target", "dst", "destination"];
            if !key_is(&field, &named) {
                add_field(&mut options, kind, field)?;
            }
        }
        let target = container_path(target)?;
        let source = mount_source(kind, source, &target, working_dir)?;
        let (read_only, options) = options.finish();
        Ok(Self { source, target, read_only, options })
    }
}

const SHAPE: &str = "a mount is `type=bind|volume|tmpfs,source=…,target=…[,OPTION…]`";

fn mount_kind(word: Option<&str>) -> Result<Kind, InvalidValue> {
    match word {
        None | Some("volume") => Ok(Kind::Volume),
        Some("bind") => Ok(Kind::Bind),
        Some("tmpfs") => Ok(Kind::Tmpfs),
        Some(known @ ("image" | "glob" | "devpts" | "ramfs")) => {
            Err(invalid(format!("mounts of type \"{known}\" are not supported yet")).allowing(SHAPE))
        }
        Some(other) => Err(invalid(format!("invalid filesystem type \"{other}\"")).allowing(SHAPE)),
    }
}

fn mount_source(
    kind: Kind,
    source: Option<&str>,
    target: &str,
    working_dir: &Path,
) -> Result<MountSource, InvalidValue> {
    match (kind, source.filter(|source| !source.is_empty())) {
        (Kind::Tmpfs, None) => Ok(MountSource::Tmpfs),
        (Kind::Tmpfs, Some(_)) => {
            Err(invalid("\"source\" option not supported for \"tmpfs\" mount types").allowing(SHAPE))
        }
        (Kind::Volume, name) => Ok(MountSource::Volume { name: name.map(volume_name).transpose()? }),
        // Podman takes the target's path of the host when the source is left out.
        (Kind::Bind, source) => {
            Ok(MountSource::Bind { path: absolute(source.unwrap_or(target), working_dir), create: false })
        }
    }
}

/// One `key`, `key=value` or `key=true|false` of `--mount` in the words of the option list.
fn add_field(options: &mut Options, kind: Kind, field: &str) -> Result<(), InvalidValue> {
    let unknown = || invalid(format!("{field}: invalid mount option")).allowing(SHAPE);
    let switch = |value: &str| match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(unknown()),
    };
    match field.split_once('=') {
        Some(("ro" | "readonly", value)) => options.set_read_only(switch(value)?),
        Some(("rw", value)) => options.set_read_only(!switch(value)?),
        Some(("bind-propagation", value)) if kind == Kind::Bind => options.add(value).map_err(|_| unknown()),
        Some(("bind-nonrecursive", value)) if kind == Kind::Bind => {
            options.add(if switch(value)? { "bind" } else { "rbind" })
        }
        None if field == "bind-nonrecursive" && kind == Kind::Bind => options.add("bind"),
        Some(("relabel", "shared" | "private")) if kind != Kind::Tmpfs => Ok(()),
        Some(("consistency", _)) => Ok(()),
        Some(("volume-nocopy", value)) if kind == Kind::Volume => {
            options.add(if switch(value)? { "nocopy" } else { "copy" })
        }
        None if field == "volume-nocopy" && kind == Kind::Volume => options.add("nocopy"),
        Some(("tmpfs-size", value)) => options.add(&format!("size={value}")),
        Some(("tmpfs-mode", value)) => options.add(&format!("mode={value}")),
        Some(("U" | "chown", value)) if !switch(value)? => Ok(()),
        Some(("U" | "chown", _)) => options.add("U"),
        None if field == "chown" => options.add("U"),
        Some((switched @ ("exec" | "suid" | "dev"), value)) => {
            let on = switch(value)?;
            options.add(&if on { switched.to_owned() } else { format!("no{switched}") })
        }
        Some((key, _)) if kind == Kind::Tmpfs && matches!(key, "size" | "mode" | "uid" | "gid") => {
            options.add(field)
        }
        Some((switched @ ("noexec" | "nosuid" | "nodev"), value)) if switch(value)? => options.add(switched),
        None if !field.is_empty() => options
            .add(field)
            .map_err(|error| if error.code() == "invalid_mount_option" { unknown() } else { error }),
        _ => Err(unknown()),
    }
}

/// Splits at commas outside double quotes, as a line of CSV.
fn fields(text: &str) -> Result<Vec<String>, InvalidValue> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(c),
        }
    }
    fields.push(field);
    if quoted {
        return Err(invalid(format!("{text}: a quote is not closed")).allowing(SHAPE));
    }
    Ok(fields)
}

/// Checks a path inside the container and drops what is superfluous in it.
fn container_path(target: &str) -> Result<String, InvalidValue> {
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

fn volume_name(name: &str) -> Result<String, InvalidValue> {
    match name.parse::<ContainerName>() {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err(InvalidValue::new(
            "invalid_volume_name",
            format!("creating named volume {name:?}: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"),
        )
        .allowing(format!("a path of the host begins with `/` or `.`: `./{name}`"))),
    }
}

fn absolute(path: &str, working_dir: &Path) -> String {
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
            ("/a:/b:O", "not supported yet"),
            ("/a:/b:shared,slave", "can only specify one of them"),
        ] {
            let error = volume(text).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn mounts_are_key_value_lists() {
        let parsed =
            mount("type=bind,src=/tmp,dst=/x,readonly,bind-propagation=rslave").expect("a bind mount");
        assert_eq!((parsed.source, parsed.target.as_str(), parsed.read_only), (bind("/tmp"), "/x", true));
        assert_eq!(parsed.options, ["rslave"]);
        assert!(!mount("type=bind,source=/tmp,target=/x,ro=false").expect("writable").read_only);
        let parsed = mount("type=tmpfs,target=/x,tmpfs-size=10m,tmpfs-mode=1777").expect("memory");
        assert_eq!(parsed.options, ["size=10m", "mode=1777"]);
        assert_eq!(mount("target=/x").expect("a volume").source, MountSource::Volume { name: None });
        assert_eq!(mount("type=bind,\"source=/a,b\",target=/x").expect("quoted").source, bind("/a,b"));
    }

    #[test]
    fn wrong_mounts_are_refused_in_podmans_words() {
        for (text, words) in [
            ("type=foo,target=/x", "invalid filesystem type \"foo\""),
            ("type=bind,source=/tmp", "must set volume destination"),
            ("type=bind,source=/tmp,target=x", "invalid container path \"x\", must be an absolute path"),
            ("type=bind,source=/tmp,target=/x,foo=bar", "foo=bar: invalid mount option"),
            ("type=bind,source=/tmp,target=/x,foo", "foo: invalid mount option"),
            ("type=tmpfs,target=/x,source=/y", "\"source\" option not supported for \"tmpfs\" mount types"),
            ("type=tmpfs,target=/x,tmpfs-size=abc", "invalid value \"abc\" for mount option \"size\""),
            ("type=bind,src=/a,source=/b,target=/x", "more than once"),
            ("type=bind,\"src=/a,target=/x", "not closed"),
        ] {
            let error = mount(text).expect_err(text).to_string();
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

//! `--mount type=…,source=…,target=…[,OPTION…]`.

use std::path::Path;

use super::option::{Kind, Options, invalid};
use super::parse::{absolute, container_path, volume_name};
use super::{Mount, MountSource};
use crate::error::Classify;
use crate::invalid::InvalidValue;

const SHAPE: &str = "a mount is `type=bind|volume|tmpfs|image|glob|devpts,source=…,target=…[,OPTION…]`";

const SOURCE: [&str; 2] = ["source", "src"];
const TARGET: [&str; 3] = ["target", "dst", "destination"];
const SUBPATH: [&str; 3] = ["subpath", "volume-subpath", "image-subpath"];

impl Mount {
    /// Parses `--mount type=bind|volume|tmpfs|image|glob|devpts,source=…,target=…[,OPTION…]`; a field in double quotes may
    /// hold commas.
    ///
    /// # Errors
    /// As [`Mount::parse_volume`].
    pub fn parse_mount(text: &str, working_dir: &Path) -> Result<Self, InvalidValue> {
        let fields = Fields(fields(text)?);
        let kind = mount_kind(fields.value(&["type"])?)?;
        let source = fields.value(&SOURCE)?;
        let target = fields.value(&TARGET)?.filter(|target| !target.is_empty());
        let mut options = Options::new(kind);
        for field in fields.besides(&[&["type"], &SOURCE, &TARGET, &SUBPATH]) {
            add_field(&mut options, kind, field)?;
        }
        if let Some(path) = fields.value(&SUBPATH)? {
            options.set_subpath(path)?;
        }
        let target = match (kind, target) {
            (_, Some(target)) => container_path(target)?,
            // Each at its own path.
            (Kind::Glob, None) => "/".to_owned(),
            (Kind::Image, None) => return Err(invalid("must set source and destination for image volume")),
            (_, None) => return Err(invalid("must set volume destination").allowing(SHAPE)),
        };
        let source = mount_source(kind, source, &target, working_dir)?;
        let (read_only, options) = options.finish();
        // What is written to an image goes nowhere, so it is only shown unless that is asked for.
        let read_only = if kind == Kind::Image { !fields.is_writable()? } else { read_only };
        Ok(Self { source, target, read_only, options })
    }
}

/// `key`, `key=value` in their order.
struct Fields(Vec<String>);

impl Fields {
    fn key(field: &str) -> &str {
        field.split_once('=').map_or(field, |(key, _)| key)
    }

    /// The only value of a key that may have several names.
    fn value(&self, keys: &[&str]) -> Result<Option<&str>, InvalidValue> {
        let mut found = self.0.iter().filter(|field| keys.contains(&Self::key(field)));
        let first = found.next().map(|field| field.split_once('=').map_or("", |(_, value)| value));
        if found.next().is_some() {
            return Err(invalid(format!("cannot pass {:?} more than once", keys.first().unwrap_or(&""))));
        }
        Ok(first)
    }

    fn besides<'a>(&'a self, keys: &'a [&'a [&'a str]]) -> impl Iterator<Item = &'a str> {
        let named = |field: &&str| keys.iter().any(|names| names.contains(&Self::key(field)));
        self.0.iter().map(String::as_str).filter(move |field| !named(field))
    }

    fn is_writable(&self) -> Result<bool, InvalidValue> {
        let mut writable = false;
        for field in &self.0 {
            match field.split_once('=') {
                Some(("rw" | "readwrite", value)) => writable = switch(field, value)?,
                Some(("ro" | "readonly", value)) => writable = !switch(field, value)?,
                None if matches!(field.as_str(), "rw" | "readwrite") => writable = true,
                _ => {}
            }
        }
        Ok(writable)
    }
}

fn unknown(field: &str) -> InvalidValue {
    invalid(format!("{field}: invalid mount option")).allowing(SHAPE)
}

fn switch(field: &str, value: &str) -> Result<bool, InvalidValue> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(unknown(field)),
    }
}

fn mount_kind(word: Option<&str>) -> Result<Kind, InvalidValue> {
    match word {
        None | Some("volume") => Ok(Kind::Volume),
        Some("bind") => Ok(Kind::Bind),
        Some("tmpfs") => Ok(Kind::Tmpfs),
        Some("image") => Ok(Kind::Image),
        Some("glob") => Ok(Kind::Glob),
        Some("devpts") => Ok(Kind::Devpts),
        Some("ramfs") => {
            Err(invalid("mounts of type \"ramfs\" are not supported: nothing limits their memory")
                .allowing("type=tmpfs is memory with a limit (tmpfs-size)"))
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
        (Kind::Devpts, None) => Ok(MountSource::Devpts),
        (Kind::Devpts, Some(_)) => Err(unknown("source")),
        (Kind::Volume, name) => Ok(MountSource::Volume { name: name.map(volume_name).transpose()? }),
        (Kind::Image, Some(image)) => {
            Ok(MountSource::Image { image: image.to_owned(), id: None, layers: Vec::new() })
        }
        (Kind::Image, None) => Err(invalid("must set source and destination for image volume")),
        (Kind::Glob, None) => Err(invalid("no file paths matching glob \"\"")),
        (Kind::Glob, Some(pattern)) => {
            Ok(MountSource::Glob { pattern: absolute(pattern, working_dir), inside: target != "/" })
        }
        // Podman takes the target's path of the host when the source is left out.
        (Kind::Bind, source) => {
            Ok(MountSource::Bind { path: absolute(source.unwrap_or(target), working_dir), create: false })
        }
    }
}

/// One `key`, `key=value` or `key=true|false` of `--mount` in the words of the option list.
fn add_field(options: &mut Options, kind: Kind, field: &str) -> Result<(), InvalidValue> {
    let bound = matches!(kind, Kind::Bind | Kind::Glob);
    match field.split_once('=') {
        // Read apart: an image's default is the other way round.
        Some(("ro" | "readonly" | "rw" | "readwrite", value)) if kind == Kind::Image => {
            switch(field, value).map(drop)
        }
        None if kind == Kind::Image && matches!(field, "ro" | "readonly" | "rw" | "readwrite") => Ok(()),
        Some(("ro" | "readonly", value)) => options.set_read_only(switch(field, value)?),
        Some(("rw", value)) => options.set_read_only(!switch(field, value)?),
        Some(("bind-propagation", value)) if bound => {
            options.add(value).map_err(|_| invalid(format!("invalid value {field:?}")))
        }
        Some(("bind-nonrecursive", value)) if bound => {
            options.add(if switch(field, value)? { "bind" } else { "rbind" })
        }
        None if field == "bind-nonrecursive" && bound => options.add("bind"),
        Some(("relabel", value)) if !matches!(kind, Kind::Tmpfs | Kind::Devpts) => match value {
            "shared" | "private" => Ok(()),
            _ => Err(invalid("relabel mount option must be 'private' or 'shared': invalid mount option")),
        },
        Some(("consistency", _)) => Ok(()),
        Some(("volume-nocopy", value)) if kind == Kind::Volume => {
            options.add(if switch(field, value)? { "nocopy" } else { "copy" })
        }
        None if field == "volume-nocopy" && kind == Kind::Volume => options.add("nocopy"),
        Some(("tmpfs-size", value)) if kind == Kind::Tmpfs => options.add(&format!("size={value}")),
        Some(("tmpfs-mode", value)) if kind == Kind::Tmpfs => options.add(&format!("mode={value}")),
        Some(("U" | "chown", value)) if !switch(field, value)? => Ok(()),
        Some(("U" | "chown", _)) => options.add("U"),
        None if field == "chown" => options.add("U"),
        Some(("no-dereference", value)) if bound && !switch(field, value)? => Ok(()),
        _ if bound && matches!(field.split('=').next(), Some("no-dereference")) => {
            Err(invalid("mount option \"no-dereference\" is not supported: a link cannot be mounted")
                .allowing("give the path that the link leads to"))
        }
        Some((switched @ ("exec" | "suid" | "dev"), value)) => {
            let on = switch(field, value)?;
            options.add(&if on { switched.to_owned() } else { format!("no{switched}") })
        }
        Some((key, _)) if kind == Kind::Tmpfs && matches!(key, "size" | "mode" | "uid" | "gid") => {
            options.add(field)
        }
        Some(_) if kind == Kind::Devpts => options.add(field),
        Some((switched @ ("noexec" | "nosuid" | "nodev"), value)) if switch(field, value)? => {
            options.add(switched)
        }
        None if !field.is_empty() => options
            .add(field)
            .map_err(|error| if error.code() == "invalid_mount_option" { unknown(field) } else { error }),
        Some(("idmap", _)) => options.add("idmap"),
        _ => Err(unknown(field)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(text: &str) -> Result<Mount, InvalidValue> {
        Mount::parse_mount(text, Path::new("/home/u"))
    }

    fn bind(path: &str) -> MountSource {
        MountSource::Bind { path: path.to_owned(), create: false }
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
    fn images_globs_and_terminals_are_mounts_too() {
        let image = mount("type=image,source=box:1,dst=/i,subpath=/a/./b/").expect("an image");
        assert!(matches!(&image.source, MountSource::Image { image, .. } if image == "box:1"));
        assert_eq!((image.read_only, image.subpath()), (true, Some("a/b")));
        for writable in ["rw", "rw=true", "readwrite=true", "ro=false"] {
            assert!(!mount(&format!("type=image,source=b,dst=/i,{writable}")).expect(writable).read_only);
        }
        let glob = |pattern: &str, inside| MountSource::Glob { pattern: pattern.to_owned(), inside };
        assert_eq!(
            mount("type=glob,src=g/a*,target=/g,ro").expect("a glob").source,
            glob("/home/u/g/a*", true)
        );
        assert_eq!(mount("type=glob,src=/g/a*").expect("a glob").source, glob("/g/a*", false));
        let terminals = mount("type=devpts,target=/p,gid=5,mode=0620,max=10").expect("terminals");
        assert_eq!((terminals.source, terminals.options.len()), (MountSource::Devpts, 3));
        let volume = mount("type=volume,source=v,target=/v,volume-subpath=a,U=true").expect("a volume");
        assert_eq!((volume.subpath(), volume.options.len()), (Some("a"), 2));
    }

    #[test]
    fn what_they_cannot_have_is_refused_in_podmans_words() {
        for (text, words) in [
            ("type=image,dst=/i", "must set source and destination for image volume"),
            ("type=image,source=b", "must set source and destination for image volume"),
            ("type=image,source=b,dst=/i,foo=bar", "foo=bar: invalid mount option"),
            ("type=image,source=b,dst=/i,U", "U: invalid mount option"),
            ("type=glob,target=/g", "no file paths matching glob \"\""),
            ("type=devpts,source=/x,target=/p", "source: invalid mount option"),
            ("type=devpts,target=/p,max=x", "invalid value \"x\" for mount option \"max\""),
            ("type=devpts,target=/p,size=1", "size"),
            ("type=ramfs,target=/r", "nothing limits their memory"),
            ("type=artifact,target=/r", "invalid filesystem type \"artifact\""),
            ("type=bind,source=/a,target=/r,subpath=x", "cannot set option \"subpath\" on non-volume mounts"),
            ("type=volume,source=v,target=/r,subpath=../x", "subpath \"../x\" is outside of the volume"),
            ("type=bind,source=/a,target=/r,idmap", "only an administrator"),
            ("type=bind,source=/a,target=/r,idmap=uids=0-1-1", "only an administrator"),
            (
                "type=bind,source=/a,target=/r,relabel=foo",
                "relabel mount option must be 'private' or 'shared'",
            ),
            ("type=bind,source=/a,target=/r,bind-propagation=foo", "invalid value \"bind-propagation=foo\""),
            ("type=bind,source=/a,target=/r,no-dereference", "a link cannot be mounted"),
            ("type=volume,source=v,target=/r,tmpfs-size=1m", "tmpfs-size=1m: invalid mount option"),
        ] {
            let error = mount(text).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}

//! What the person chose, in `$XDG_CONFIG_HOME/cala/desktop.json`.

use std::path::PathBuf;

use cala_spec::ErrorKind;

use crate::dto::{ErrorBody, Settings};

/// The file; read at each question, because it is small and another window may have written it.
#[derive(Debug)]
pub(crate) struct SettingsFile {
    path: Option<PathBuf>,
}

impl Default for SettingsFile {
    fn default() -> Self {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
        Self { path: base.map(|base| base.join("cala/desktop.json")) }
    }
}

impl SettingsFile {
    /// The settings; defaults when there are none or the file is damaged.
    pub(crate) fn read(&self) -> Settings {
        let bytes = self.path.as_ref().and_then(|path| std::fs::read(path).ok());
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Replaces the file in one step.
    pub(crate) fn write(&self, settings: &Settings) -> Result<(), ErrorBody> {
        let fail = |reason: String| ErrorBody::plain("settings_not_saved", ErrorKind::Unavailable, reason);
        let path =
            self.path.as_ref().ok_or_else(|| fail("neither XDG_CONFIG_HOME nor HOME is set".into()))?;
        let bytes = serde_json::to_vec_pretty(settings).map_err(|error| fail(error.to_string()))?;
        let temporary = path.with_extension(format!("json.{}", std::process::id()));
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&temporary, bytes))
            .and_then(|()| std::fs::rename(&temporary, path))
            .map_err(|error| fail(format!("cannot write `{}`: {error}", path.display())))
    }
}

/// Saves bytes as a new file in `~/Downloads` (or the home folder), never over an existing one; returns its path.
#[cfg(feature = "window")]
pub(crate) fn save_download(name: &str, bytes: &[u8]) -> Result<PathBuf, ErrorBody> {
    use std::io::Write as _;
    let fail = |reason: String| ErrorBody::plain("file_not_saved", ErrorKind::Unavailable, reason);
    let name: String =
        name.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches('.');
    let home = std::env::var_os("HOME").map(PathBuf::from).ok_or_else(|| fail("HOME is not set".into()))?;
    let folder =
        [home.join("Downloads"), home.join("Descargas"), home].into_iter().find(|path| path.is_dir());
    let folder = folder.ok_or_else(|| fail("there is no home folder".into()))?;
    for number in 0..1000 {
        let path = folder.join(if number == 0 { name.to_owned() } else { format!("{number}-{name}") });
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                let written = file.write_all(bytes);
                return written
                    .map(|()| path.clone())
                    .map_err(|e| fail(format!("cannot write `{}`: {e}", path.display())));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(fail(format!("cannot write `{}`: {error}", path.display()))),
        }
    }
    Err(fail(format!("`{}` holds a thousand files of this name", folder.display())))
}

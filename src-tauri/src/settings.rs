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

//! `--rm`: the container leaves the store, and its anonymous volumes with it.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use cala_spec::Event;
use cala_spec::event::EventKind;

use super::Monitor;
use super::client::Mode;
use crate::events::append_event;
use crate::record;

/// Bytes of a container's configuration that are looked at for the name of a volume.
const MAX_CONFIG: u64 = 4 << 20;

impl Monitor {
    /// The container vanishes at once by two renames and an unlink; its files follow.
    pub(super) fn remove_container(&mut self) {
        let Some(tmp) = self.facts.tmp_dir.clone() else { return };
        let trash = tmp.join(format!("{}.{}", self.facts.id, record::now_ns()));
        // The directory is made with the data root; it may be missing in a store that somebody emptied.
        let _ = fs::create_dir(&tmp);
        if fs::rename(&self.facts.container_dir, &trash).is_err() {
            return;
        }
        // A name that belongs to another container by now is not ours to free: it is claimed by its file's contents.
        if fs::read_to_string(&self.facts.name_file).is_ok_and(|id| id.trim() == self.facts.id) {
            let _ = fs::remove_file(&self.facts.name_file);
        }
        if let Some(file) = &self.facts.id_file
            && says(file, &self.facts.id)
        {
            let _ = fs::remove_file(file);
        }
        self.log.moved_to(&trash);
        self.trash.push(trash);
        self.event("remove", None);
        self.remove_volumes(&tmp);
    }

    /// Anonymous volumes that no other container mounts.
    fn remove_volumes(&mut self, tmp: &Path) {
        for volume in std::mem::take(&mut self.facts.anonymous_volumes) {
            let Some(name) = volume.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
                continue;
            };
            let containers = self.facts.container_dir.parent();
            // What cannot be looked at may hold it: then the volume stays.
            if !containers.is_some_and(|containers| is_unused(containers, &name).unwrap_or(false)) {
                continue;
            }
            let trash = tmp.join(format!("volume-{name}.{}", record::now_ns()));
            if fs::rename(&volume, &trash).is_ok() {
                self.trash.push(trash);
                self.volume_event(name);
            }
        }
    }

    fn volume_event(&self, name: String) {
        let event = Event {
            time_ns: record::now_ns(),
            kind: EventKind::Volume,
            action: "remove".to_owned(),
            id: name.clone(),
            name,
            image: None,
            exit_code: None,
            attributes: std::collections::BTreeMap::new(),
        };
        // A full disk leaves a gap in the events.
        let _ = append_event(&self.facts.events_dir, &event);
    }

    /// Removes the files of what was removed, unless a client still reads the log there. What resists stays in `tmp`,
    /// where the store's next sweep finds it.
    pub(super) fn empty_trash(&mut self) {
        let replays = |mode: &Mode| matches!(mode, Mode::Attached { replay: Some(_), .. });
        if !self.clients.iter().any(|client| replays(&client.mode)) {
            for trash in std::mem::take(&mut self.trash) {
                let _ = remove_tree(&trash);
            }
        }
    }
}

/// Whether a file holds this id and nothing else.
fn says(path: &Path, id: &str) -> bool {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_string(&mut text));
    read.is_ok() && text.trim() == id
}

/// Whether no container's configuration names the volume: its name is 64 hexadecimal digits that occur by chance
/// nowhere.
fn is_unused(containers: &Path, name: &str) -> io::Result<bool> {
    for entry in fs::read_dir(containers)? {
        let config: PathBuf = entry?.path().join("container.json");
        let mut bytes = Vec::new();
        match File::open(&config).and_then(|file| file.take(MAX_CONFIG).read_to_end(&mut bytes)) {
            Ok(_) if contains(&bytes, name.as_bytes()) => return Ok(false),
            Ok(_) => {}
            // Removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len().max(1)).any(|window| window == part)
}

fn remove_tree(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    cala_sys::remove_tree::remove_tree(File::open(parent)?, &CString::new(name.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_that_another_container_names_is_used() {
        let dir = tempfile::tempdir().unwrap();
        for (id, text) in [("a", "{\"name\":\"v1\"}"), ("b", "{}")] {
            fs::create_dir(dir.path().join(id)).unwrap();
            fs::write(dir.path().join(id).join("container.json"), text).unwrap();
        }
        fs::create_dir(dir.path().join("half-removed")).unwrap();
        assert!(!is_unused(dir.path(), "v1").unwrap());
        assert!(is_unused(dir.path(), "v2").unwrap());
    }
}

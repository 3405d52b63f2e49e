//! What a data root may be.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cala_store::{Store, StoreError};

use crate::fixture::{Fixture, open};

fn opened(data: &Path) -> Result<Store, StoreError> {
    let run = tempfile::tempdir().unwrap();
    Store::open(data, &run.path().join("run"))
}

#[test]
fn a_fresh_root_is_private_and_marked_and_opens_again() {
    let fixture = Fixture::new();
    let mode = std::fs::metadata(fixture.data()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let marker = std::fs::read_to_string(fixture.data().join("format.json")).unwrap();
    assert_eq!(marker.trim_end(), r#"{"writes":1,"min_reader":1}"#);
    assert_eq!(std::fs::metadata(fixture.data().join("reserve")).unwrap().len(), 4 << 20);
    open(fixture.folder.path());
}

#[test]
fn the_root_of_the_system_the_home_and_relative_paths_are_refused() {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    for path in [Path::new("/"), &home, Path::new("data")] {
        assert!(matches!(opened(path), Err(StoreError::RefusedRoot { .. })), "{}", path.display());
    }
}

#[test]
fn a_directory_with_foreign_entries_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.odt"), "x").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = opened(folder.path()).unwrap_err().to_string();
    assert!(error.contains("thesis.odt"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(std::fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_root_of_a_later_version_is_refused() {
    let fixture = Fixture::new();
    std::fs::write(fixture.data().join("format.json"), r#"{"writes":9,"min_reader":2,"new":1}"#).unwrap();
    assert!(matches!(opened(&fixture.data()), Err(StoreError::NewerFormat { needed: 2, .. })));
    std::fs::write(fixture.data().join("format.json"), r#"{"writes":9,"min_reader":1}"#).unwrap();
    assert!(opened(&fixture.data()).is_ok());
}

#[test]
fn an_interrupted_first_opening_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tmp")).unwrap();
    std::fs::write(folder.path().join(".tmp-1-0-format.json"), "{").unwrap();
    assert!(opened(folder.path()).is_ok());
}

#[test]
fn a_file_is_no_root() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(matches!(opened(&folder.path().join("file")), Err(StoreError::RefusedRoot { .. })));
}

#[test]
fn a_fresh_root_may_be_opened_by_many_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let openers: Vec<_> = (0..8)
            .map(|_| {
                let data = data.clone();
                std::thread::spawn(move || opened(&data).map(drop))
            })
            .collect();
        for opener in openers {
            opener.join().unwrap().unwrap();
        }
    }
}

//! A scratch store with a canary beside it, and the program that works in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cala_spec::Digest;
use cala_store::helper::{HelperError, StoreHelper, UnpackRequest, UnpackedLayer};
use cala_store::layers::{LayerRecord, read_record};
use sha2::{Digest as _, Sha256};

pub(crate) const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

pub(crate) struct Place {
    folder: tempfile::TempDir,
    before: BTreeMap<PathBuf, String>,
}

pub(crate) fn diff_id(archive: &[u8]) -> Digest {
    Digest::sha256(&Sha256::digest(archive).into())
}

/// `examples/cala-store.rs`, which cargo builds beside the tests (not for `--test unpack` alone).
fn program() -> PathBuf {
    let this = std::env::current_exe().expect("own path");
    let program = this.ancestors().nth(2).expect("target directory").join("examples/cala-store");
    assert!(program.exists(), "build it first: cargo build -p cala-store --example cala-store");
    program
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("cala-store-").tempdir().expect("scratch");
        let root = folder.path();
        for name in ["data", "canary"] {
            fs::create_dir(root.join(name)).expect("scratch");
        }
        fs::write(root.join("canary/secret"), b"secret").expect("scratch");
        fs::set_permissions(root.join("canary/secret"), fs::Permissions::from_mode(0o600)).expect("scratch");
        let before = snapshot(&root.join("canary"));
        Self { folder, before }
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    pub(crate) fn canary(&self) -> String {
        self.root().join("canary").display().to_string()
    }

    pub(crate) fn helper(&self) -> StoreHelper {
        StoreHelper::spawn(&program(), &self.data()).expect("cala-store")
    }

    /// Unpacks layers one on top of the other; the result of the last.
    pub(crate) fn unpack(&self, archives: &[Vec<u8>]) -> Result<UnpackedLayer, HelperError> {
        let helper = self.helper();
        let mut parents = Vec::new();
        let mut last = None;
        for archive in archives {
            let result = unpack_with(&helper, archive, TAR, diff_id(archive), &parents);
            self.check_canary();
            last = Some(result?);
            parents.push(diff_id(archive));
        }
        Ok(last.expect("one archive at least"))
    }

    /// Unpacks one layer that must succeed; its tree.
    pub(crate) fn tree(&self, archive: &[u8]) -> PathBuf {
        let layer = self.unpack(&[archive.to_vec()]).expect("a good layer");
        self.diff(&layer)
    }

    pub(crate) fn diff(&self, layer: &UnpackedLayer) -> PathBuf {
        cala_store::layers::diff_dir(&self.data(), &layer.key)
    }

    pub(crate) fn record(&self, layer: &UnpackedLayer) -> LayerRecord {
        read_record(&self.data(), &layer.key).expect("layer.json")
    }

    /// The message of a layer that must fail; nothing of it is left.
    pub(crate) fn refused(&self, archive: &[u8]) -> String {
        let error = self.unpack(&[archive.to_vec()]).expect_err("a bad layer");
        self.assert_nothing_left();
        error.to_string()
    }

    pub(crate) fn assert_nothing_left(&self) {
        for folder in ["layers", "tmp"] {
            let left: Vec<_> = fs::read_dir(self.data().join(folder)).expect("store").flatten().collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }

    pub(crate) fn check_canary(&self) {
        assert_eq!(snapshot(&self.root().join("canary")), self.before, "the canary changed");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(helper) = StoreHelper::spawn(&program(), &self.data()) else { return };
        for folder in ["layers", "tmp"] {
            let _ = helper.remove_tree(Path::new(folder));
        }
    }
}

pub(crate) fn unpack_with(
    helper: &StoreHelper,
    stream: &[u8],
    media_type: &str,
    diff_id: Digest,
    parents: &[Digest],
) -> Result<UnpackedLayer, HelperError> {
    let request = UnpackRequest {
        media_type: media_type.to_owned(),
        diff_id,
        parent_diff_ids: parents.to_vec(),
        blob: None,
    };
    let (pipe, pending) = helper.unpack_layer(&request)?;
    // A layer that is refused early closes its pipe; the answer says why.
    let _ = fs::File::from(pipe).write_all(stream);
    pending.wait()
}

/// Everything below a directory: kind, mode, size, times, content.
fn snapshot(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(path) = waiting.pop() {
        let stat = fs::symlink_metadata(&path).expect("canary");
        if stat.is_dir() {
            waiting.extend(fs::read_dir(&path).expect("canary").flatten().map(|entry| entry.path()));
        }
        let content = fs::read(&path).unwrap_or_default();
        let facts =
            format!("{:o} {} {} {} {content:?}", stat.mode(), stat.nlink(), stat.mtime_nsec(), stat.uid());
        all.insert(path, facts);
    }
    all
}

//! Unpacking a layer into `tmp/`, and giving it its name when it is whole and on the disk.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cala_spec::Digest;
use cala_sys::openat2::{Mode, OFlags, Root};
use cala_sys::remove_tree::remove_tree;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::RenameFlags;
use rustix::io::Errno;

use super::group::GroupSync;
use super::lock::{LayerLock, PREFIX};
use super::under_way::{Outlook, UnderWay};
use super::{IdMapping, LayerRecord, chain_ids, chain_key, diff_dir, diff_key, layer_present};
use crate::helper::{UnpackRequest, UnpackedLayer};
use crate::tar::Reader;
use crate::unpack::{Lower, Options, Summary, UnpackError, Unpacking, stream};

/// Layers that are unpacked at once; more wait, their bytes stay in the pipe.
const WORKERS: usize = 4;

/// How long a layer waits for one below it of which nothing is heard.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of the file system that stay free.
const KEEP_FREE: u64 = 32 << 20;

/// Prefix of what is in `tmp/` only to be removed; may be removed by anybody at any time.
const REMOVED: &str = "removed-";

/// The directories that layers are installed in. Lives inside the user namespace U.
#[derive(Debug)]
pub struct Installer {
    data: PathBuf,
    tmp: OwnedFd,
    layers: OwnedFd,
    mapping: IdMapping,
    under_way: UnderWay,
    flush: GroupSync,
    publish: GroupSync,
}

impl Installer {
    /// Opens `tmp/` and `layers/` below the data root and makes them when they are missing.
    ///
    /// # Errors
    ///
    /// They cannot be made or opened.
    pub fn open(data: &Path) -> io::Result<Self> {
        let root = Root::open(data)?;
        let open = |name: &str| {
            match rustix::fs::mkdirat(&root, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            root.beneath(name, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
        };
        Ok(Self {
            tmp: open("tmp")?,
            layers: open("layers")?,
            data: data.to_path_buf(),
            mapping: IdMapping::current()?,
            under_way: UnderWay::new(),
            flush: GroupSync::default(),
            publish: GroupSync::default(),
        })
    }

    /// Whether only one id is mapped, so that owners cannot be kept.
    #[must_use]
    pub fn is_single_id(&self) -> bool {
        self.mapping.is_single()
    }

    fn tmp_path(&self) -> PathBuf {
        self.data.join("tmp")
    }

    /// Unpacks the layer that `source` delivers, unless it is there already; then its bytes are read and forgotten.
    ///
    /// # Errors
    ///
    /// The layer is bad or the file system refuses; nothing of it is left.
    pub fn install(&self, request: &UnpackRequest, source: OwnedFd) -> Result<UnpackedLayer, UnpackError> {
        let mut begun = self.under_way.begin(&request.diff_id);
        let hex = request.diff_id.hex();
        let failed = |error| UnpackError::file("lock", hex.as_bytes(), error);
        let _lock = LayerLock::wait(&self.tmp_path(), hex).map_err(failed)?;
        let chain_id = chain_of(request);
        if let Some(info) = layer_present(&self.data, &request.diff_id, &chain_id) {
            begun.succeeded = true;
            swallow(File::from(source));
            return Ok(UnpackedLayer {
                key: info.key,
                size: info.size,
                existed: true,
                dropped: 0,
                squashed: 0,
            });
        }
        let name = CString::new(format!("{PREFIX}{hex}")).unwrap_or_default();
        let clean = || remove_tree(&self.tmp, &name);
        clean().map_err(|error| UnpackError::file("remove the leftover of", hex.as_bytes(), error))?;
        // Asked before the leftover is removed, which gives its inodes back.
        let result = self.build(request, &chain_id, source, &name).map_err(|error| error.told_by(&self.tmp));
        if result.is_err() {
            // What cannot be removed now is swept later.
            let _ = clean();
        }
        begun.succeeded = result.is_ok();
        result
    }

    fn build(
        &self,
        request: &UnpackRequest,
        chain_id: &Digest,
        source: OwnedFd,
        name: &CString,
    ) -> Result<UnpackedLayer, UnpackError> {
        let failed = |error: Errno| UnpackError::file("create", name.as_bytes(), error);
        let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::mkdirat(&self.tmp, name, Mode::RWXU).map_err(failed)?;
        let place = rustix::fs::openat(&self.tmp, name, open, Mode::empty()).map_err(failed)?;
        rustix::fs::mkdirat(&place, c"diff", Mode::RWXU).map_err(failed)?;
        let diff = rustix::fs::openat(&place, c"diff", open, Mode::empty()).map_err(failed)?;
        let mut unpacking = self.unpack(request, source, diff)?;
        let alone = unpacking.is_self_contained();
        if !alone && !request.parent_diff_ids.is_empty() {
            unpacking.complete(&self.lower(&request.parent_diff_ids)?)?;
        }
        let summary = unpacking.finish()?;
        let key = if alone { diff_key(&request.diff_id) } else { chain_key(chain_id) };
        let record = self.record(request, chain_id, alone, &summary);
        write_record(&place, &record).map_err(|error| UnpackError::file("write", b"layer.json", error))?;
        self.publish(name, &key).map_err(|error| UnpackError::file("store", key.as_bytes(), error))?;
        Ok(UnpackedLayer {
            key,
            size: summary.size,
            existed: false,
            dropped: summary.dropped,
            squashed: summary.squashed,
        })
    }

    fn unpack(
        &self,
        request: &UnpackRequest,
        source: OwnedFd,
        diff: OwnedFd,
    ) -> Result<Unpacking, UnpackError> {
        // Only who has bytes takes a turn: else all turns could wait for layers that are not fed yet.
        wait_readable(&source).map_err(|error| UnpackError::file("read", b"", error))?;
        let _turn = self.under_way.turn(WORKERS);
        let options = Options { single_id: self.mapping.is_single(), keep_free: KEEP_FREE, plain: false };
        stream::decompressed(File::from(source), &request.media_type, &request.diff_id, |feed| {
            let mut unpacking = Unpacking::new(diff, options)?;
            unpacking.apply(&mut Reader::new(feed))?;
            Ok(unpacking)
        })
    }

    fn record(
        &self,
        request: &UnpackRequest,
        chain_id: &Digest,
        alone: bool,
        summary: &Summary,
    ) -> LayerRecord {
        LayerRecord {
            diff_id: request.diff_id.clone(),
            chain_id: (!alone).then(|| chain_id.clone()),
            size: summary.size,
            files: summary.files,
            root: summary.root,
            id_mapping: self.mapping.clone(),
        }
    }

    /// Everything onto the disk, then the name, then the name onto the disk.
    fn publish(&self, name: &CString, key: &str) -> io::Result<()> {
        self.flush.run(|| Ok(rustix::fs::syncfs(&self.tmp)?))?;
        loop {
            match rustix::fs::renameat_with(&self.tmp, name, &self.layers, key, RenameFlags::NOREPLACE) {
                Ok(()) => break,
                // Something without a readable record: what stood there was not a layer.
                Err(Errno::EXIST | Errno::NOTEMPTY) => self.discard(key)?,
                Err(error) => return Err(error.into()),
            }
        }
        self.publish.run(|| Ok(rustix::fs::fsync(&self.layers)?))
    }

    fn discard(&self, key: &str) -> io::Result<()> {
        let name = format!("{REMOVED}{}-{key}", std::process::id());
        rustix::fs::renameat(&self.layers, key, &self.tmp, &name)?;
        remove_tree(&self.tmp, &CString::new(name)?)
    }

    /// The layers below, as soon as all of them stand.
    fn lower(&self, parents: &[Digest]) -> Result<Lower, UnpackError> {
        let mut layers = Vec::with_capacity(parents.len());
        for (diff_id, chain_id) in parents.iter().zip(chain_ids(parents)).rev() {
            let key = self.await_parent(diff_id, &chain_id)?;
            let root = Root::open(&diff_dir(&self.data, &key));
            layers.push(root.map_err(|error| UnpackError::file("open", key.as_bytes(), error))?);
        }
        Ok(Lower::new(layers))
    }

    fn await_parent(&self, diff_id: &Digest, chain_id: &Digest) -> Result<String, UnpackError> {
        let mut heard = Instant::now();
        loop {
            if let Some(info) = layer_present(&self.data, diff_id, chain_id) {
                return Ok(info.key);
            }
            match self.under_way.wait(diff_id, Duration::from_millis(200)) {
                Outlook::Hopeful => heard = Instant::now(),
                // Another process may be at it.
                Outlook::Idle if matches!(LayerLock::try_take(&self.tmp_path(), diff_id.hex()), Ok(None)) => {
                    heard = Instant::now();
                }
                Outlook::Idle if heard.elapsed() < PATIENCE => {}
                Outlook::Idle | Outlook::Failed => {
                    return Err(UnpackError::ParentMissing { diff_id: diff_id.clone() });
                }
            }
        }
    }

    /// Removes from `tmp/` the layers that nobody works on, and what waits there for removal.
    ///
    /// # Errors
    ///
    /// The directory cannot be read, or something cannot be removed.
    pub fn sweep(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(self.tmp_path())? {
            let name = entry?.file_name();
            let Some(text) = name.to_str() else { continue };
            if text.starts_with(REMOVED) {
                remove_tree(&self.tmp, &CString::new(text)?)?;
            }
            let Some(hex) = text.strip_prefix(PREFIX) else { continue };
            let hex = hex.strip_suffix(".lock").unwrap_or(hex);
            if let Some(_lock) = LayerLock::try_take(&self.tmp_path(), hex)? {
                remove_tree(&self.tmp, &CString::new(format!("{PREFIX}{hex}"))?)?;
            }
        }
        Ok(())
    }
}

fn chain_of(request: &UnpackRequest) -> Digest {
    let mut all = request.parent_diff_ids.clone();
    all.push(request.diff_id.clone());
    chain_ids(&all).pop().unwrap_or_else(|| request.diff_id.clone())
}

/// Reads until the other side is done, so that it need not know that its bytes were not needed.
fn swallow(mut source: File) {
    let mut piece = vec![0; 64 << 10];
    while !matches!(source.read(&mut piece), Ok(0)) {
        // An interruption is the only error a pipe's read end knows.
    }
}

fn wait_readable(source: impl AsFd) -> io::Result<()> {
    loop {
        match rustix::event::poll(&mut [PollFd::new(&source, PollFlags::IN)], None) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

fn write_record(place: &OwnedFd, record: &LayerRecord) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(place, c"layer.json", flags, Mode::RUSR | Mode::WUSR)?;
    File::from(fd).write_all(&serde_json::to_vec(record)?)
}

//! Content store: images, layers, object directories, names, locks, event log.
//!
//! The file system is the database: one directory per object, replaced and renamed as a whole, so that after any crash
//! everything is there or not there. Readers take no lock. Nothing here starts a process but [`helper`], which runs the
//! store's program in the user namespace for what belongs to its ids: unpacking and deleting trees.
//!
//! Start reading at [`Store`], then [`containers`] and [`images`].

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod archive;
pub mod blobs;
pub mod check;
pub mod containers;
pub mod decompress;
pub mod error;
pub mod events;
pub mod export;
pub mod files;
pub mod helper;
pub mod images;
pub mod layers;
pub mod networks;
mod read;
mod root;
pub mod secrets;
mod store;
pub mod tar;
pub mod unpack;
pub mod volumes;

pub use blobs::{BlobStage, BlobWriter, NewBlob, StagedBlob, Verification};
pub use check::Referenced;
pub use containers::{
    AsideTree, Container, ContainerDir, ContainerEntry, DamagedContainer, StageLock, remove_id_file, volumes,
};
pub use error::StoreError;
pub use events::{EventFollower, EventReader, append_event, read_events};
pub use images::{
    Image, ImageRecord, LayerUse, NewImage, PullGuard, RemoveLater, Removed, TreeRemover, parse_manifest,
};
pub use networks::{DamagedNetwork, NetworkEntry, default_network_id};
pub use secrets::Secret;
pub use store::{Store, new_container_id, now_ns, random_bytes};
pub use volumes::{DamagedVolume, Volume, VolumeEntry};

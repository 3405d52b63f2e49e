//! What the engine shows: containers, images, networks and the machine, in the field names of Podman's JSON.
//!
//! Plain data for the faces: the command line prints and templates it, the window draws it, the API will send it.
//! Names are those of `podman ps|inspect|images|info|version --format json`; what Podman knows and Cala does not have
//! yet is absent or holds Podman's empty value. Nothing here reads a file.

mod change;
mod container;
mod image;
mod image_history;
mod info;
mod inspect;
mod inspect_host;
mod inspect_network;
mod network;
mod network_doctor;
mod network_map;
mod secret;
mod stats;
mod system;
mod top;
mod volume;

pub use change::{Change, ChangeKind};
pub use container::{ContainerSummary, PortMapping};
pub use image::{
    HistoryEntry, ImageInspect, ImageInspectConfig, ImageSummary, LoadedImage, RemovedImage, RootFs,
    SearchResult,
};
pub use image_history::{HistoryLayer, ImageTree, TreeLayer};
pub use info::{
    ContainerCounts, HostInfo, IdMapping, IdMappings, ImageCounts, Info, NetworkInterface, OciRuntimeInfo,
    SecurityInfo, StoreInfo, UnderlyingDistribution, UplinkInfo, Version, VersionDetail,
};
pub use inspect::{ContainerInspect, GraphDriver, InspectConfig, InspectMount, InspectState};
pub use inspect_host::{HostConfig, InspectDevice, InspectUlimit, LogConfig, RestartPolicy};
pub use inspect_network::{NetworkEndpoint, NetworkSettings};
pub use network::{
    LeaseRange, NetworkAddress, NetworkContainer, NetworkEndpointAddresses, NetworkInspect, NetworkSubnet,
    NetworkSummary,
};
pub use network_doctor::{
    PortHolder, PortReport, PortSocket, ReachAttempt, ReachOutcome, ReachReason, ReachReport,
};
pub use network_map::{MapContainer, MapEndpoint, MapLive, MapNetwork, MapPort, MapUplink, NetworkMap};
pub use secret::{InspectSecret, SecretDetail, SecretDriver, SecretInspect};
pub use stats::{ContainerStats, NetworkStats};
pub use system::{CheckProblem, ContainerUsage, DiskUsage, ImageUsage, SystemPruned, VolumeUsage};
pub use top::ProcessTable;
pub use volume::VolumeInspect;

//! What a container uses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a container used at one moment; the fields of Podman's `define.ContainerStats`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerStats {
    /// Per cent of one processor since its start.
    #[serde(rename = "AvgCPU")]
    pub avg_cpu: f64,
    /// The id.
    #[serde(rename = "ContainerID")]
    pub container_id: String,
    /// The name.
    pub name: String,
    /// Per cent of one processor since the sample before, else since its start.
    #[serde(rename = "CPU")]
    pub cpu: f64,
    /// CPU time since its start, in nanoseconds.
    #[serde(rename = "CPUNano")]
    pub cpu_nano: u64,
    /// Of it in the kernel, in nanoseconds; 0 where that is not told.
    #[serde(rename = "CPUSystemNano")]
    pub cpu_system_nano: u64,
    /// When it was looked, in nanoseconds since the Unix epoch.
    pub system_nano: u64,
    /// Bytes of memory.
    pub mem_usage: u64,
    /// Bytes that it may use: its limit, else what the machine has.
    pub mem_limit: u64,
    /// The one in per cent of the other.
    pub mem_perc: f64,
    /// What went over its networks, by interface; empty without a network of its own.
    pub network: BTreeMap<String, NetworkStats>,
    /// Bytes read from disks; 0 where that is not told.
    pub block_input: u64,
    /// Bytes written to disks; 0 where that is not told.
    pub block_output: u64,
    /// Processes and threads.
    #[serde(rename = "PIDs")]
    pub pids: u64,
    /// CPU time since its start, in nanoseconds; Podman's name for it.
    pub up_time: u64,
    /// The same.
    pub duration: u64,
}

/// What went over an interface since the container's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkStats {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets dropped on the way in.
    pub rx_dropped: u64,
    /// Errors on the way in.
    pub rx_errors: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets dropped on the way out.
    pub tx_dropped: u64,
    /// Errors on the way out.
    pub tx_errors: u64,
    /// Packets sent.
    pub tx_packets: u64,
}

//! Listing containers.

use std::collections::BTreeMap;

use cala_spec::{ContainerConfig, ContainerState, ContainerStatus, PortMapping, human};
use cala_store::{Container, ContainerEntry, DamagedContainer};

use crate::filter::{ContainerMatcher, Subject};
use crate::view::{self, ContainerSummary};
use crate::{ContainerFilter, Engine, EngineError, Result, time};
use cala_store::volumes;

impl Engine {
    /// Lists containers, the oldest first.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn containers(&self, filter: &ContainerFilter) -> Result<Vec<ContainerSummary>> {
        let store = self.store()?;
        let created_of = |name: &str| -> Result<i64> {
            Ok(store.read_config(&store.resolve_container(name)?)?.created_ns)
        };
        let matcher = ContainerMatcher::parse::<EngineError>(&filter.filters, created_of)?;
        let any_status = filter.all || filter.last.is_some() || matcher.asks_for_any_status();
        let mut entries = store.containers()?;
        entries.retain(|entry| (any_status || is_up(entry)) && matches(&matcher, entry));
        if let Some(last) = filter.last {
            entries.drain(..entries.len().saturating_sub(last));
        }
        let now = time::now_ns();
        let mut rows: Vec<ContainerSummary> = entries.iter().map(|entry| summary(entry, now)).collect();
        self.name_networks(&mut rows);
        if filter.size {
            self.add_sizes(&entries, &mut rows)?;
        }
        Ok(rows)
    }

    /// Ids of networks become their names; one that is gone keeps its id.
    fn name_networks(&self, rows: &mut [ContainerSummary]) {
        if rows.iter().all(|row| row.networks.is_empty()) {
            return;
        }
        let networks = self.store().and_then(|store| Ok(store.networks()?)).unwrap_or_default();
        for id in rows.iter_mut().flat_map(|row| &mut row.networks) {
            if let Some(network) = networks.iter().find(|network| network.id() == id.as_str()) {
                *id = network.name().to_owned();
            }
        }
    }

    /// What each container wrote, in bytes on the disk.
    fn add_sizes(&self, entries: &[ContainerEntry], rows: &mut [ContainerSummary]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let (store, helper) = (self.store()?, self.helper()?);
        for (entry, row) in entries.iter().zip(rows) {
            // One that was just removed has no size.
            row.size = helper
                .disk_usage(&store.container_dir(entry.id()).join("upper"))
                .ok()
                .map(|usage| usage.allocated);
        }
        Ok(())
    }
}

/// Podman lists running and paused ones by default; damaged ones that may still run are not hidden either.
fn is_up(entry: &ContainerEntry) -> bool {
    let up = entry.status().has_run() || entry.status() == ContainerStatus::Restarting;
    up || matches!(entry, ContainerEntry::Damaged(damaged) if damaged.alive)
}

fn matches(matcher: &ContainerMatcher, entry: &ContainerEntry) -> bool {
    let config = entry.config();
    let empty = BTreeMap::new();
    matcher.matches(&Subject {
        id: entry.id().as_str(),
        name: entry.name().map_or("", |name| name.as_str()),
        labels: config.map_or(&empty, |config| &config.labels),
        status: entry.status(),
        exit_code: entry.sound().map_or(0, |container| container.state.exit_code),
        image: config.map_or("", |config| &config.image),
        image_id: config.map(|config| &config.image_id),
        created_ns: config.map_or(0, |config| config.created_ns),
        volumes: config.map_or_else(Vec::new, volumes_and_targets),
        network: config.map_or("", |config| config.spec.network.as_str()),
    })
}

/// A volume is asked for by its name or by its place in the container.
fn volumes_and_targets(config: &ContainerConfig) -> Vec<&str> {
    volumes(config).chain(config.spec.mounts.iter().map(|mount| mount.target.as_str())).collect()
}

fn summary(entry: &ContainerEntry, now_ns: i64) -> ContainerSummary {
    match entry {
        ContainerEntry::Sound(container) => sound(container, now_ns),
        ContainerEntry::Damaged(damaged) => damaged_row(damaged),
    }
}

fn sound(container: &Container, now_ns: i64) -> ContainerSummary {
    let Container { config, state, .. } = container;
    ContainerSummary {
        exited: state.status == ContainerStatus::Exited,
        exited_at: time::seconds(state.finished_ns),
        exit_code: state.exit_code,
        pid: state.pid,
        restarts: state.restart_count,
        started_at: time::seconds(state.started_ns),
        state: state.status,
        status: status_text(state, now_ns),
        ..of_config(config)
    }
}

fn of_config(config: &ContainerConfig) -> ContainerSummary {
    ContainerSummary {
        auto_remove: config.spec.remove,
        command: config.args.clone(),
        created_at: time::rfc3339(config.created_ns),
        exited: false,
        exited_at: time::seconds(0),
        exit_code: 0,
        id: config.id.to_string(),
        image: config.image.clone(),
        image_id: config.image_id.hex().to_owned(),
        labels: config.labels.clone(),
        mounts: config.spec.mounts.iter().map(|mount| mount.target.clone()).collect(),
        names: vec![config.name.to_string()],
        networks: config.networks.iter().map(|attachment| attachment.network.clone()).collect(),
        pid: 0,
        ports: spans(&config.ports),
        exposed_ports: exposed(&config.exposed_ports),
        restarts: 0,
        size: None,
        started_at: time::seconds(0),
        state: ContainerStatus::Created,
        status: String::new(),
        created: time::seconds(config.created_ns),
        damaged: None,
    }
}

/// `80/tcp` as the number to its protocols.
fn exposed(ports: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for (port, protocol) in ports.iter().filter_map(|port| port.split_once('/')) {
        all.entry(port.to_owned()).or_default().push(protocol.to_owned());
    }
    all
}

/// Ports that follow one another are shown as a range.
fn spans(ports: &[PortMapping]) -> Vec<view::PortMapping> {
    let mut ports = ports.to_vec();
    ports.sort_by_key(|port| (port.host_ip, port.protocol, port.container_port, port.host_port));
    let mut spans: Vec<view::PortMapping> = Vec::with_capacity(ports.len());
    for port in &ports {
        let host_ip = port.host_ip.map(|ip| ip.to_string()).unwrap_or_default();
        let protocol = port.protocol.as_str();
        let follows = |last: &&mut view::PortMapping| {
            last.host_ip == host_ip
                && last.protocol == protocol
                && last.container_port.checked_add(last.range) == Some(port.container_port)
                && last.host_port.checked_add(last.range) == Some(port.host_port)
        };
        match spans.last_mut().filter(follows) {
            Some(last) => last.range += 1,
            None => spans.push(view::PortMapping {
                host_ip,
                container_port: port.container_port,
                host_port: port.host_port,
                range: 1,
                protocol: protocol.to_owned(),
            }),
        }
    }
    spans
}

fn damaged_row(damaged: &DamagedContainer) -> ContainerSummary {
    let known = damaged.config.as_deref().map(of_config);
    ContainerSummary {
        state: ContainerStatus::Damaged,
        status: format!("Damaged: {}", damaged.reason),
        damaged: Some(damaged.reason.clone()),
        ..known.unwrap_or_else(|| ContainerSummary {
            auto_remove: false,
            command: Vec::new(),
            created_at: time::rfc3339(0),
            exited: false,
            exited_at: time::seconds(0),
            exit_code: 0,
            id: damaged.id.to_string(),
            image: String::new(),
            image_id: String::new(),
            labels: BTreeMap::new(),
            mounts: Vec::new(),
            names: damaged.name.iter().map(ToString::to_string).collect(),
            networks: Vec::new(),
            pid: 0,
            ports: Vec::new(),
            exposed_ports: BTreeMap::new(),
            restarts: 0,
            size: None,
            started_at: time::seconds(0),
            state: ContainerStatus::Damaged,
            status: String::new(),
            created: time::seconds(0),
            damaged: None,
        })
    }
}

/// The STATUS column of `podman ps`.
fn status_text(state: &ContainerState, now_ns: i64) -> String {
    let since = |then: i64| human::duration(now_ns.saturating_sub(then));
    match state.status {
        ContainerStatus::Created => "Created".to_owned(),
        ContainerStatus::Initialized => "Initialized".to_owned(),
        ContainerStatus::Running => format!("Up {}", since(state.started_ns)),
        ContainerStatus::Paused => "Paused".to_owned(),
        ContainerStatus::Stopping => "Stopping".to_owned(),
        ContainerStatus::Exited => format!("Exited ({}) {} ago", state.exit_code, since(state.finished_ns)),
        ContainerStatus::Restarting => {
            format!("Restarting ({}) {} ago", state.exit_code, since(state.finished_ns))
        }
        ContainerStatus::Removing => "Removing".to_owned(),
        ContainerStatus::Damaged => "Damaged".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_column_reads_as_in_podman() {
        let state = |status| ContainerState {
            status,
            started_ns: 1_000_000_000,
            finished_ns: 61_000_000_000,
            exit_code: 3,
            ..ContainerState::default()
        };
        let now = 121_000_000_000;
        assert_eq!(status_text(&state(ContainerStatus::Running), now), "Up 2 minutes");
        assert_eq!(status_text(&state(ContainerStatus::Exited), now), "Exited (3) About a minute ago");
        assert_eq!(status_text(&state(ContainerStatus::Created), now), "Created");
    }
}

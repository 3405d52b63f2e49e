//! The specification as a whole, for some wishes.

use std::path::Path;

use cala_spec::container::NetworkMode;
use cala_spec::mount::{Mount as Wish, MountSource};
use cala_spec::{ByteSize, ContainerId, ContainerSpec, Digest};

use super::*;

fn config(spec: ContainerSpec) -> ContainerConfig {
    ContainerConfig {
        id: ContainerId::from_random([7; 32]),
        name: "calm_reef".parse().expect("a name"),
        created_ns: 0,
        image: "docker.io/library/alpine:latest".into(),
        image_id: Digest::sha256(&[1; 32]),
        layers: vec!["aa".into()],
        args: vec!["sh".into()],
        entrypoint_len: 0,
        env: vec!["PATH=/bin".into()],
        workdir: "/".into(),
        user: "1000:1000".into(),
        hostname: "070707070707".into(),
        labels: [].into(),
        stop_signal: 15,
        stop_timeout: 10,
        networks: Vec::new(),
        ports: Vec::new(),
        exposed_ports: Vec::new(),
        spec,
    }
}

fn made(spec: ContainerSpec) -> Spec {
    let places = Places {
        container_dir: Path::new("/d/c"),
        layers_dir: Path::new("/d/l"),
        volumes_dir: Path::new("/d/v"),
        has_tty_group: true,
    };
    let machine = Machine { places, max_gid: 65536, default_pids: Some(2048), seccomp: None };
    super::spec(&config(spec), machine).expect("it is valid")
}

fn targets(spec: &Spec) -> Vec<String> {
    spec.mounts().iter().flatten().map(|m| m.destination().display().to_string()).collect()
}

fn find(spec: &Spec, target: &str) -> Mount {
    spec.mounts()
        .iter()
        .flatten()
        .find(|m| m.destination() == Path::new(target))
        .expect("it is mounted")
        .clone()
}

fn wish(source: MountSource, target: &str) -> Wish {
    Wish { source, target: target.into(), read_only: false, options: Vec::new() }
}

use oci_spec::runtime::Mount;

#[test]
fn a_plain_container_has_all_namespaces_and_the_usual_mounts() {
    let spec = made(ContainerSpec { shm_size: Some(ByteSize(1 << 20)), ..ContainerSpec::default() });
    assert_eq!(
        targets(&spec),
        [
            "/proc",
            "/dev",
            "/dev/pts",
            "/dev/shm",
            "/dev/mqueue",
            "/sys",
            "/sys/fs/cgroup",
            "/etc/hostname",
            "/etc/hosts",
            "/etc/resolv.conf",
            "/run/.containerenv"
        ]
    );
    let linux = spec.linux().as_ref().expect("linux");
    assert_eq!(linux.namespaces().as_ref().map(Vec::len), Some(7));
    assert_eq!(linux.sysctl().as_ref().expect("some")["net.ipv4.ping_group_range"], "0 65536");
    assert!(linux.masked_paths().as_ref().expect("some").iter().any(|p| p == "/proc/kcore"));
    assert!(find(&spec, "/dev/shm").options().as_ref().expect("some").iter().any(|o| o == "size=1048576"));
    let user = spec.process().as_ref().expect("process").user();
    assert_eq!(user.username().as_deref(), Some("1000:1000"));
    let pids = linux.resources().as_ref().and_then(|r| r.pids().as_ref().map(LinuxPids::limit));
    assert_eq!(pids, Some(2048));
}

#[test]
fn the_hosts_network_brings_its_sysfs() {
    let spec = made(ContainerSpec { network: NetworkMode::Host, ..ContainerSpec::default() });
    let namespaces: Vec<_> = spec
        .linux()
        .as_ref()
        .and_then(|l| l.namespaces().clone())
        .expect("some")
        .iter()
        .map(LinuxNamespace::typ)
        .collect();
    assert!(!namespaces.contains(&LinuxNamespaceType::Network));
    assert_eq!(find(&spec, "/sys").typ().as_deref(), Some("bind"));
    assert!(spec.linux().as_ref().and_then(|l| l.sysctl().clone()).expect("some").is_empty());
}

#[test]
fn a_wish_supersedes_a_default_and_parents_come_first() {
    let bind = |path: &str| MountSource::Bind { path: path.into(), create: false };
    let spec = made(ContainerSpec {
        mounts: vec![
            wish(bind("/srv/deep"), "/data/a/b"),
            wish(MountSource::Volume { name: Some("vol".into()) }, "/data"),
            wish(bind("/srv/hosts"), "/etc/hosts"),
            wish(MountSource::Tmpfs, "/dev/shm"),
        ],
        ..ContainerSpec::default()
    });
    let targets = targets(&spec);
    let at = |path: &str| targets.iter().position(|t| t == path).expect("it is mounted");
    assert!(at("/data") < at("/data/a/b"));
    assert_eq!(targets.iter().filter(|t| *t == "/etc/hosts" || *t == "/dev/shm").count(), 2);
    assert_eq!(find(&spec, "/data").source().as_deref(), Some(Path::new("/d/v/vol/_data")));
    let options = find(&spec, "/data").options().clone().expect("some");
    assert_eq!(options, ["rw", "rprivate", "nosuid", "nodev", "rbind"]);
}

#[test]
fn mount_options_are_completed_as_in_podman() {
    let tmpfs = Wish { options: vec!["size=1m".into(), "noexec".into()], ..wish(MountSource::Tmpfs, "/t") };
    assert_eq!(
        mounts::options(&tmpfs),
        ["rw", "size=1m", "noexec", "rprivate", "nosuid", "nodev", "tmpcopyup"]
    );
    let bind = MountSource::Bind { path: "/x".into(), create: false };
    let bind = Wish { read_only: true, options: vec!["Z".into(), "rslave".into()], ..wish(bind, "/x") };
    assert_eq!(mounts::options(&bind), ["ro", "rslave", "rbind"]);
}

#[test]
fn a_read_only_root_keeps_places_to_write() {
    let spec = made(ContainerSpec { read_only: true, ..ContainerSpec::default() });
    assert_eq!(spec.root().as_ref().and_then(oci_spec::runtime::Root::readonly), Some(true));
    let targets = targets(&spec);
    for path in ["/run", "/tmp", "/var/tmp"] {
        assert!(targets.iter().any(|t| t == path), "{path}");
    }
    let at = |path: &str| targets.iter().position(|t| t == path);
    assert!(at("/run") < at("/run/.containerenv"));
}

#[test]
fn limits_and_privileges_are_carried_over() {
    let spec = made(ContainerSpec {
        privileged: true,
        resources: Resources { memory: Some(ByteSize(32 << 20)), cpus: Some(1.5), pids_limit: Some(-1) },
        security_opt: vec!["no-new-privileges".into()],
        ..ContainerSpec::default()
    });
    let linux = spec.linux().as_ref().expect("linux");
    let resources = linux.resources().as_ref().expect("some");
    assert_eq!(resources.memory().as_ref().and_then(LinuxMemory::limit), Some(32 << 20));
    assert_eq!(resources.cpu().as_ref().and_then(LinuxCpu::quota), Some(150_000));
    assert!(resources.pids().is_none());
    assert!(linux.masked_paths().as_ref().expect("some").is_empty());
    let process = spec.process().as_ref().expect("process");
    assert_eq!(process.no_new_privileges(), Some(true));
    assert!(find(&spec, "/sys").options().as_ref().expect("some").iter().any(|o| o == "rw"));
}

#[test]
fn cpus_become_a_quota() {
    assert_eq!(
        [0.5, 2.0, 0.0, -1.0, f64::NAN].map(cpu_quota),
        [Some(50_000), Some(200_000), None, None, None]
    );
}

//! The command line that makes a container of a wish: for `inspect` (`Config.CreateCommand`) and for people who want to
//! see what the window does.

use cala_spec::container::{NetworkMode, PullPolicy};
use cala_spec::mount::{Mount, MountSource};
use cala_spec::namespaces::{IpcMode, NamespaceMode, Namespaces};
use cala_spec::process::ProcessOptions;
use cala_spec::restart::RestartPolicy;
use cala_spec::{ContainerSpec, NetworkAttachment, PortMapping, Protocol};

/// `cala create …`.
#[must_use]
pub fn create(spec: &ContainerSpec) -> Vec<String> {
    words("create", spec)
}

/// `cala run …`.
#[must_use]
pub fn run(spec: &ContainerSpec) -> Vec<String> {
    words("run", spec)
}

fn words(verb: &str, spec: &ContainerSpec) -> Vec<String> {
    let mut line = Line(vec!["cala".to_owned(), verb.to_owned()]);
    process(&mut line, spec);
    process_options(&mut line, &spec.process);
    namespaces(&mut line, spec.namespaces);
    surroundings(&mut line, spec);
    limits(&mut line, spec);
    // `--entrypoint` takes one word, or several as a JSON list.
    if let Some(entrypoint) = &spec.entrypoint {
        let word = match entrypoint.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            several => serde_json::to_string(several).unwrap_or_default(),
        };
        line.option("--entrypoint", &word);
    }
    line.0.push(spec.image.clone());
    line.0.extend(spec.command.iter().cloned());
    line.0
}

struct Line(Vec<String>);

impl Line {
    fn flag(&mut self, flag: &str, on: bool) {
        if on {
            self.0.push(flag.to_owned());
        }
    }

    fn option(&mut self, option: &str, value: &str) {
        self.0.extend([option.to_owned(), value.to_owned()]);
    }

    fn maybe(&mut self, option: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.option(option, &value.to_string());
        }
    }

    fn pairs<'a>(&mut self, option: &str, pairs: impl IntoIterator<Item = (&'a String, &'a String)>) {
        self.all(option, pairs.into_iter().map(|(name, value)| format!("{name}={value}")));
    }

    fn all(&mut self, option: &str, values: impl IntoIterator<Item = String>) {
        for value in values {
            self.option(option, &value);
        }
    }
}

fn process(line: &mut Line, spec: &ContainerSpec) {
    line.flag("--rm", spec.remove);
    line.maybe("--restart", (spec.restart != RestartPolicy::No).then_some(spec.restart));
    line.flag("--interactive", spec.interactive);
    line.flag("--tty", spec.tty);
    line.flag("--init", spec.init);
    line.maybe("--name", spec.name.as_ref());
    line.pairs("--env", spec.env.iter().map(|(name, value)| (name, value)));
    line.maybe("--workdir", spec.workdir.as_ref());
    line.maybe("--user", spec.user.as_ref());
    line.maybe("--hostname", spec.hostname.as_ref());
    line.pairs("--label", &spec.labels);
    line.maybe("--stop-signal", spec.stop_signal.as_ref());
    line.maybe("--stop-timeout", spec.stop_timeout);
    line.maybe("--timeout", (spec.timeout > 0).then_some(spec.timeout));
    line.maybe("--platform", spec.platform.as_ref());
    let pull = match spec.pull {
        PullPolicy::Missing => None,
        PullPolicy::Always => Some("always"),
        PullPolicy::Never => Some("never"),
        PullPolicy::Newer => Some("newer"),
    };
    line.maybe("--pull", pull);
}

fn process_options(line: &mut Line, options: &ProcessOptions) {
    line.pairs("--env-merge", options.env_merge.iter().map(|(name, value)| (name, value)));
    line.all("--unsetenv", options.unset_env.iter().cloned());
    line.flag("--unsetenv-all", options.unset_all_env);
    line.all("--group-add", options.groups.iter().cloned());
    line.pairs("--sysctl", &options.sysctls);
    line.pairs("--annotation", &options.annotations);
    line.maybe("--umask", options.umask.map(|mask| format!("{mask:04o}")));
    line.maybe("--oom-score-adj", options.oom_score_adj);
    line.maybe("--tz", options.timezone.as_ref());
    line.flag("--passwd=false", options.no_passwd);
}

fn namespaces(line: &mut Line, namespaces: Namespaces) {
    let Namespaces { ipc, uts, cgroup } = namespaces;
    line.maybe("--ipc", (ipc != IpcMode::default()).then_some(ipc));
    line.maybe("--uts", (uts != NamespaceMode::default()).then_some(uts));
    line.maybe("--cgroupns", (cgroup != NamespaceMode::default()).then_some(cgroup));
}

fn surroundings(line: &mut Line, spec: &ContainerSpec) {
    match &spec.network {
        NetworkMode::Bridge => line.all("--network", spec.networks.iter().map(network_words)),
        mode => line.option("--network", &mode.to_string()),
    }
    line.all("--publish", spec.ports.iter().map(port_words));
    line.flag("--publish-all", spec.publish_all);
    line.all("--dns", spec.dns.iter().map(ToString::to_string));
    line.all("--dns-search", spec.dns_search.iter().cloned());
    line.all("--dns-option", spec.dns_options.iter().cloned());
    line.all("--add-host", spec.add_hosts.iter().cloned());
    line.flag("--no-hosts", spec.no_hosts);
    line.flag("--no-hostname", spec.no_hostname);
    line.all("--expose", spec.expose.iter().cloned());
    line.flag("--read-only-tmpfs=false", spec.read_only_everywhere);
    line.maybe("--pidfile", spec.pid_file.as_ref().map(|file| file.display()));
    line.all("--secret", spec.secrets.iter().map(ToString::to_string));
    line.all("--volumes-from", spec.volumes_from.iter().cloned());
    for mount in &spec.mounts {
        let (option, value) = mount_words(mount);
        line.option(option, &value);
    }
    line.flag("--read-only", spec.read_only);
    line.flag("--privileged", spec.privileged);
    line.all("--cap-add", spec.cap_add.iter().cloned());
    line.all("--cap-drop", spec.cap_drop.iter().cloned());
    line.all("--security-opt", spec.security_opt.iter().cloned());
    line.all(
        "--device",
        spec.devices.iter().map(|d| format!("{}:{}:{}", d.host, d.container, d.permissions)),
    );
}

/// `NET:ip=…,alias=…`.
fn network_words(attachment: &NetworkAttachment) -> String {
    let mut options: Vec<String> = Vec::new();
    let mut add = |key: &str, value: Option<String>| {
        options.extend(value.map(|value| format!("{key}={value}")));
    };
    add("ip", attachment.ip.map(|ip| ip.to_string()));
    add("ip6", attachment.ip6.map(|ip| ip.to_string()));
    add("mac", attachment.mac.clone());
    attachment.aliases.iter().for_each(|alias| add("alias", Some(alias.clone())));
    add("interface_name", attachment.interface_name.clone());
    if options.is_empty() {
        attachment.network.clone()
    } else {
        format!("{}:{}", attachment.network, options.join(","))
    }
}

/// `[ip:]host:container[/udp]`; without a host port a free one is chosen.
fn port_words(port: &PortMapping) -> String {
    let address = match port.host_ip {
        Some(std::net::IpAddr::V6(address)) => format!("[{address}]:"),
        Some(address) => format!("{address}:"),
        None => String::new(),
    };
    let host = if port.host_port == 0 { String::new() } else { port.host_port.to_string() };
    let container = port.container_port;
    let protocol = if port.protocol == Protocol::Tcp { String::new() } else { format!("/{}", port.protocol) };
    match (address.is_empty(), host.is_empty()) {
        (true, true) => format!("{container}{protocol}"),
        _ => format!("{address}{host}:{container}{protocol}"),
    }
}

fn mount_words(mount: &Mount) -> (&'static str, String) {
    let read_only = mount.read_only.then_some("ro");
    let options: Vec<&str> = read_only.into_iter().chain(mount.options.iter().map(String::as_str)).collect();
    let options = if options.is_empty() { String::new() } else { format!(":{}", options.join(",")) };
    let target = &mount.target;
    let long = |kind: &str, source: &str| {
        let more: String = mount.options.iter().map(|option| format!(",{option}")).collect();
        ("--mount", format!("type={kind}{source},target={target}{more}"))
    };
    match &mount.source {
        MountSource::Image { image, .. } => {
            let writable = if mount.read_only { "" } else { ",rw=true" };
            long("image", &format!(",source={image}{writable}"))
        }
        MountSource::Glob { pattern, .. } => {
            let read_only = if mount.read_only { ",ro" } else { "" };
            long("glob", &format!(",source={pattern}{read_only}"))
        }
        MountSource::Devpts => long("devpts", ""),
        MountSource::Volume { name: Some(name) } if mount.subpath().is_some() => {
            let read_only = if mount.read_only { ",ro" } else { "" };
            long("volume", &format!(",source={name}{read_only}"))
        }
        MountSource::Bind { path, .. } => ("--volume", format!("{path}:{target}{options}")),
        MountSource::Volume { name: Some(name) } => ("--volume", format!("{name}:{target}{options}")),
        MountSource::Volume { name: None } => ("--volume", target.clone()),
        MountSource::Tmpfs => ("--tmpfs", format!("{target}{options}")),
    }
}

fn limits(line: &mut Line, spec: &ContainerSpec) {
    let bounds =
        |soft: i64, hard: i64| if soft == hard { soft.to_string() } else { format!("{soft}:{hard}") };
    line.all(
        "--ulimit",
        spec.ulimits.iter().map(|limit| match limit.name.as_str() {
            "host" => limit.name.clone(),
            name => format!("{name}={}", bounds(limit.soft, limit.hard)),
        }),
    );
    line.maybe("--memory", spec.resources.memory);
    line.maybe("--cpus", spec.resources.cpus);
    line.maybe("--pids-limit", spec.resources.pids_limit);
    line.maybe("--shm-size", spec.shm_size);
    line.all("--log-opt", spec.log_max_size.map(|size| format!("max-size={size}")));
    line.all("--log-opt", spec.log_max_files.map(|files| format!("max-file={files}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_becomes_the_words_that_make_it() {
        let spec = ContainerSpec {
            image: "alpine".into(),
            command: vec!["sh".into(), "-c".into(), "a b".into()],
            name: "web".parse().ok(),
            remove: true,
            tty: true,
            env: vec![("A".into(), "1".into())],
            mounts: vec![
                Mount {
                    source: MountSource::Bind { path: "/srv".into(), create: false },
                    target: "/data".into(),
                    read_only: true,
                    options: vec!["rslave".into()],
                },
                Mount {
                    source: MountSource::Tmpfs,
                    target: "/t".into(),
                    read_only: false,
                    options: Vec::new(),
                },
            ],
            network: NetworkMode::Host,
            ..ContainerSpec::default()
        };
        assert_eq!(
            run(&spec).join(" "),
            "cala run --rm --tty --name web --env A=1 --network host --volume /srv:/data:ro,rslave --tmpfs /t alpine sh -c a b"
        );
        assert_eq!(
            create(&ContainerSpec { image: "a".into(), ..ContainerSpec::default() }),
            ["cala", "create", "a"]
        );
    }
}

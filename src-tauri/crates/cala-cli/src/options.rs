//! The options that `run` and `create` share, and the wish that is made of them.

mod process;
mod refused;

use std::path::{Path, PathBuf};

use cala_engine::{Engine, PullOptions};
use cala_spec::container::{NetworkMode, PullPolicy, Resources, Ulimit};
use cala_spec::mount::{DeviceMapping, Mount};
use cala_spec::network::{DEFAULT_NETWORK, parse_mac};
use cala_spec::port::{parse_expose, parse_publish};
use cala_spec::restart::RestartPolicy;
use cala_spec::security_opt::SecurityOpt;
use cala_spec::{ByteSize, ContainerSpec, NetworkAttachment, PortMapping, Signal, capability, env};

use crate::failure::{Failure, reason};
use crate::platform::PlatformOptions;
use crate::registry_options::RetryOptions;
use process::ProcessArgs;
use refused::RefusedArgs;

/// Options of `run` and `create`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct CreateOptions {
    /// Add a line to /etc/hosts (NAME[;NAME…]:ADDRESS, or :host-gateway for the host)
    #[arg(long, value_name = "strings")]
    pub(crate) add_host: Vec<String>,
    /// Path of the authentication file
    #[arg(long, value_name = "string")]
    pub(crate) authfile: Option<PathBuf>,
    /// Add capabilities to the container
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    pub(crate) cap_add: Vec<String>,
    /// Drop capabilities from the container
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    pub(crate) cap_drop: Vec<String>,
    /// Write the container ID to the file
    #[arg(long, value_name = "string")]
    pub(crate) cidfile: Option<PathBuf>,
    /// Number of CPUs, such as 1.5
    #[arg(long, value_name = "float")]
    pub(crate) cpus: Option<f64>,
    /// Add a host device to the container
    #[arg(long, value_name = "stringArray")]
    pub(crate) device: Vec<String>,
    /// Ask this name server instead of the one of the networks
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    pub(crate) dns: Vec<String>,
    /// Set an option of the resolver
    #[arg(long, visible_alias = "dns-opt", value_name = "strings", value_delimiter = ',')]
    pub(crate) dns_option: Vec<String>,
    /// Set a search domain (. for none)
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    pub(crate) dns_search: Vec<String>,
    /// Overwrite the default ENTRYPOINT of the image
    #[arg(long, value_name = "string")]
    pub(crate) entrypoint: Option<String>,
    /// Set environment variables in the container
    #[arg(short, long, value_name = "stringArray")]
    pub(crate) env: Vec<String>,
    /// Read in a file of environment variables
    #[arg(long, value_name = "stringArray")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Pass all environment variables of the host
    #[arg(long)]
    pub(crate) env_host: bool,
    /// Tell of ports that are used inside (PORT[-PORT][/udp]); -P publishes them
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    pub(crate) expose: Vec<String>,
    /// Set the container's host name
    #[arg(short = 'h', long, value_name = "string")]
    pub(crate) hostname: Option<String>,
    /// Run an init inside the container that forwards signals and reaps processes
    #[arg(long)]
    pub(crate) init: bool,
    /// Keep standard input open
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Fixed IPv4 address in the network
    #[arg(long, value_name = "string")]
    pub(crate) ip: Option<String>,
    /// Fixed IPv6 address in the network
    #[arg(long, value_name = "string")]
    pub(crate) ip6: Option<String>,
    /// Set metadata on the container
    #[arg(short, long, value_name = "stringArray")]
    pub(crate) label: Vec<String>,
    /// Read in a file of labels, one a line
    #[arg(long, value_name = "stringArray")]
    pub(crate) label_file: Vec<PathBuf>,
    /// Logging driver; k8s-file is the one there is
    #[arg(long, value_name = "string", hide = true)]
    pub(crate) log_driver: Option<String>,
    /// Options of the log (max-size=SIZE, max-file=NUMBER)
    #[arg(long, value_name = "stringArray")]
    pub(crate) log_opt: Vec<String>,
    /// Fixed MAC address in the network
    #[arg(long, value_name = "string")]
    pub(crate) mac_address: Option<String>,
    /// Memory limit (a number with unit b, k, m or g)
    #[arg(short, long, value_name = "<number>[<unit>]")]
    pub(crate) memory: Option<String>,
    /// Attach a file system to the container (type=bind|volume|tmpfs|image|glob|devpts,source=…,target=…)
    #[arg(long, value_name = "stringArray")]
    pub(crate) mount: Vec<String>,
    /// Assign a name to the container
    #[arg(long, value_name = "string")]
    pub(crate) name: Option<String>,
    /// Connect the container to a network (NAME[:ip=…,ip6=…,mac=…,alias=…,interface_name=…]; several are several interfaces),
    /// or use none, host, container:NAME, ns:PATH, or pasta[:OPTIONS] or slirp4netns[:OPTIONS] for one of its own
    #[arg(long, visible_alias = "net", value_name = "stringArray")]
    pub(crate) network: Vec<String>,
    /// Add a name of the container in its networks
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    pub(crate) network_alias: Vec<String>,
    /// Leave the image's /etc/hostname as it is
    #[arg(long)]
    pub(crate) no_hostname: bool,
    /// Leave the image's /etc/hosts as it is
    #[arg(long)]
    pub(crate) no_hosts: bool,
    /// Tune the number of processes (-1 for unlimited)
    #[arg(long, value_name = "int")]
    pub(crate) pids_limit: Option<i64>,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
    #[command(flatten)]
    pub(crate) process: ProcessArgs,
    #[command(flatten)]
    pub(crate) refused: RefusedArgs,
    /// Give the container all powers that you have
    #[arg(long)]
    pub(crate) privileged: bool,
    /// Publish a container's port to the host ([[ADDRESS:]HOST_PORT:]PORT[/udp], also ranges; a free port of the host if it is
    /// left out)
    #[arg(short, long, value_name = "strings")]
    pub(crate) publish: Vec<String>,
    /// Publish all ports that the image exposes, on free ports of the host
    #[arg(short = 'P', long)]
    pub(crate) publish_all: bool,
    /// When to pull the image ("always"|"missing"|"never"|"newer")
    #[arg(long, value_name = "string", default_value = "missing")]
    pub(crate) pull: String,
    /// Do not show the progress of a pull
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Make the container's root file system read-only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Let /run, /tmp, /var/tmp and /dev/shm be written with --read-only
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_name = "bool")]
    pub(crate) read_only_tmpfs: bool,
    /// Replace a container of the same name
    #[arg(long)]
    pub(crate) replace: bool,
    /// When it is started again after it has ended ("no"|"on-failure[:N]"|"always"|"unless-stopped")
    #[arg(long, value_name = "string", default_value = "no", hide_default_value = true)]
    pub(crate) restart: RestartPolicy,
    /// Remove the container and its anonymous volumes when it ends
    #[arg(long)]
    pub(crate) rm: bool,
    /// Give the container a secret (NAME[,type=mount|env][,target=PATH|VARIABLE][,uid=UID][,gid=GID][,mode=OCTAL])
    #[arg(long, value_name = "secret")]
    pub(crate) secret: Vec<String>,
    /// Security options
    #[arg(long, value_name = "stringArray")]
    pub(crate) security_opt: Vec<String>,
    /// Size of /dev/shm (a number with unit b, k, m or g)
    #[arg(long, value_name = "<number>[<unit>]")]
    pub(crate) shm_size: Option<String>,
    /// Signal to stop the container; SIGTERM unless the image says another
    #[arg(long, value_name = "string")]
    pub(crate) stop_signal: Option<String>,
    /// Seconds between the stop signal and SIGKILL (default 10)
    #[arg(long, value_name = "uint")]
    pub(crate) stop_timeout: Option<u64>,
    #[command(flatten)]
    pub(crate) retry: RetryOptions,
    /// Seconds after which the container is killed (0 for never)
    #[arg(long, value_name = "uint", default_value_t = 0, hide_default_value = true)]
    pub(crate) timeout: u32,
    /// Require HTTPS and verify certificates when pulling
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "bool")]
    pub(crate) tls_verify: Option<bool>,
    /// Mount a temporary file system into the container
    #[arg(long, value_name = "tmpfs")]
    pub(crate) tmpfs: Vec<String>,
    /// Allocate a terminal for the container
    #[arg(short, long)]
    pub(crate) tty: bool,
    /// Resource limits of processes (NAME=SOFT[:HARD])
    #[arg(long, value_name = "strings")]
    pub(crate) ulimit: Vec<String>,
    /// User name or UID (<name|uid>[:<group|gid>])
    #[arg(short, long, value_name = "string")]
    pub(crate) user: Option<String>,
    /// Mount a folder or a volume into the container
    #[arg(short, long, value_name = "stringArray")]
    pub(crate) volume: Vec<String>,
    /// Mount the volumes and folders of another container too (CONTAINER[:ro|rw])
    #[arg(long, value_name = "stringArray")]
    pub(crate) volumes_from: Vec<String>,
    /// Working directory inside the container
    #[arg(short, long, value_name = "string")]
    pub(crate) workdir: Option<String>,
}

impl CreateOptions {
    /// The wish for a container of `words` (image, command, arguments).
    pub(crate) fn spec(&self, words: &[String]) -> Result<ContainerSpec, Failure> {
        let Some((image, command)) = words.split_first() else {
            return Err(
                Failure::new("requires at least 1 arg(s), only received 0").hint("name the image to run")
            );
        };
        self.refused.refuse()?;
        self.refuse_what_is_not_there()?;
        let (network, networks) = self.networks()?;
        let mut spec = ContainerSpec {
            image: image.clone(),
            pull: pull_policy(&self.pull)?,
            platform: self.platform.wanted()?,
            name: self.name.as_deref().map(str::parse).transpose()?,
            command: command.to_vec(),
            entrypoint: self.entrypoint.as_deref().map(entrypoint),
            env: self.environment()?,
            mounts: self.mounts()?,
            volumes_from: self.volumes_from.clone(),
            secrets: self.secret.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
            workdir: self.workdir.clone(),
            user: self.user.clone(),
            hostname: self.hostname.clone().filter(|name| !name.is_empty()),
            labels: self.labels()?,
            tty: self.tty,
            interactive: self.interactive,
            restart: self.restart,
            timeout: self.timeout,
            remove: self.rm,
            init: self.init,
            read_only: self.read_only,
            privileged: self.privileged,
            cap_add: capabilities(&self.cap_add)?,
            cap_drop: capabilities(&self.cap_drop)?,
            security_opt: self.security_opt.clone(),
            ulimits: self.ulimit.iter().map(|text| text.parse::<Ulimit>()).collect::<Result<_, _>>()?,
            devices: self
                .device
                .iter()
                .map(|text| text.parse::<DeviceMapping>())
                .collect::<Result<_, _>>()?,
            resources: self.resources()?,
            stop_signal: self.stop_signal.clone(),
            stop_timeout: self.stop_timeout,
            network,
            networks,
            ports: self.ports()?,
            publish_all: self.publish_all,
            dns: self.dns.iter().map(|text| name_server(text)).collect::<Result<_, _>>()?,
            dns_search: self.dns_search.clone(),
            dns_options: self.dns_option.clone(),
            add_hosts: self.add_host.clone(),
            no_hosts: self.no_hosts,
            no_hostname: self.no_hostname,
            read_only_everywhere: !self.read_only_tmpfs,
            expose: self.exposed()?,
            namespaces: self.process.namespaces(),
            process: self.process.process()?,
            pid_file: self.process.pid_file()?,
            shm_size: self
                .shm_size
                .as_deref()
                .map(|text| size("unable to translate --shm-size", text))
                .transpose()?,
            log_max_size: None,
            log_max_files: None,
            cidfile: self
                .cidfile
                .as_deref()
                .map(std::path::absolute)
                .transpose()
                .map_err(|error| Failure::io("finding the working directory", &error))?,
        };
        for option in &self.security_opt {
            option.parse::<SecurityOpt>()?;
        }
        if let Some(signal) = &self.stop_signal {
            signal.parse::<Signal>()?;
        }
        self.log_options(&mut spec)?;
        Ok(spec)
    }

    /// How the image is pulled when it is not here.
    pub(crate) fn pull_options(&self) -> Result<PullOptions, Failure> {
        Ok(PullOptions {
            tls_verify: self.tls_verify,
            authfile: self.authfile.clone(),
            retry: self.retry.wanted()?,
            ..PullOptions::default()
        })
    }

    fn refuse_what_is_not_there(&self) -> Result<(), Failure> {
        match self.log_driver.as_deref() {
            None | Some("k8s-file" | "json-file") => Ok(()),
            Some(other) => {
                Err(Failure::new(format!("invalid log driver {other:?}"))
                    .hint("k8s-file is the one there is"))
            }
        }
    }

    fn environment(&self) -> Result<Vec<env::Pair>, Failure> {
        let mut all = if self.env_host { Vec::new() } else { self.process.proxies() };
        all.extend(environment(&self.env_file, &self.env, self.env_host)?);
        Ok(all)
    }

    fn exposed(&self) -> Result<Vec<String>, Failure> {
        let all: Vec<Vec<String>> =
            self.expose.iter().map(|text| parse_expose(text)).collect::<Result<_, _>>()?;
        Ok(all.concat())
    }

    fn mounts(&self) -> Result<Vec<Mount>, Failure> {
        let here =
            std::env::current_dir().map_err(|error| Failure::io("finding the working directory", &error))?;
        if self.volume.iter().any(|text| relabels(text)) {
            tracing::info!("SELinux is not used: the options z and Z of volumes change nothing");
        }
        let volumes = self.volume.iter().map(|text| Mount::parse_volume(text, &here));
        let mounts = self.mount.iter().map(|text| Mount::parse_mount(text, &here));
        let tmpfs = self.tmpfs.iter().map(|text| Mount::parse_tmpfs(text));
        Ok(volumes.chain(mounts).chain(tmpfs).collect::<Result<_, _>>()?)
    }

    fn labels(&self) -> Result<std::collections::BTreeMap<String, String>, Failure> {
        let mut labels = std::collections::BTreeMap::new();
        for file in &self.label_file {
            labels.extend(env::parse_label_file(&file.display().to_string(), &contents(file)?)?);
        }
        for label in &self.label {
            labels.extend([env::parse_label(label)?]);
        }
        Ok(labels)
    }

    fn resources(&self) -> Result<Resources, Failure> {
        if let Some(cpus) = self.cpus.filter(|cpus| !cpus.is_finite() || *cpus < 0.0) {
            return Err(Failure::new(format!("invalid value for cpus: {cpus} is not a number of CPUs")));
        }
        let memory = self.memory.as_deref().map(|text| size("invalid value for memory", text)).transpose()?;
        Ok(Resources {
            // 0 is no limit.
            memory: memory.filter(|memory| memory.0 > 0),
            cpus: self.cpus.filter(|cpus| *cpus > 0.0),
            pids_limit: self.pids_limit,
        })
    }

    /// The networks; `--ip` and its like are about the only one.
    fn networks(&self) -> Result<(NetworkMode, Vec<NetworkAttachment>), Failure> {
        let (mode, mut networks) = Engine::parse_networks(&self.network)?;
        let fixed = self.ip.is_some() || self.ip6.is_some() || self.mac_address.is_some();
        if !fixed && self.network_alias.is_empty() {
            return Ok((mode, networks));
        }
        if mode != NetworkMode::Bridge {
            return Err(Failure::new(format!(
                "--ip, --ip6, --mac-address and --network-alias have no network with --network {mode}"
            )));
        }
        if networks.len() > 1 && fixed {
            return Err(Failure::new("--ip, --ip6 and --mac-address can only be set for a single network")
                .hint("write them to the network they are for: --network NAME:ip=ADDRESS"));
        }
        if networks.is_empty() {
            networks.push(NetworkAttachment {
                network: DEFAULT_NETWORK.to_owned(),
                ..NetworkAttachment::default()
            });
        }
        for network in &mut networks {
            network.ip = self.ip.as_deref().map(|text| address("--ip", text)).transpose()?.or(network.ip);
            network.ip6 = self.ip6.as_deref().map(|text| address("--ip6", text)).transpose()?.or(network.ip6);
            if let Some(mac) = &self.mac_address {
                network.mac = Some(parse_mac(mac)?);
            }
            network.aliases.extend(self.network_alias.iter().cloned());
        }
        Ok((mode, networks))
    }

    fn ports(&self) -> Result<Vec<PortMapping>, Failure> {
        let all: Vec<Vec<PortMapping>> =
            self.publish.iter().map(|text| parse_publish(text)).collect::<Result<_, _>>()?;
        Ok(all.concat())
    }

    fn log_options(&self, spec: &mut ContainerSpec) -> Result<(), Failure> {
        for option in &self.log_opt {
            let allowed = "allowed: max-size=SIZE such as 10mb, max-file=NUMBER";
            match option.split_once('=') {
                Some(("max-size", value)) => spec.log_max_size = Some(ByteSize::parse_decimal(value)?),
                Some(("max-file", value)) => {
                    let files = value.parse().ok().filter(|count: &u32| *count > 0);
                    let invalid =
                        || Failure::new(format!("invalid log option {option:?}: not a number from 1 on"));
                    spec.log_max_files = Some(files.ok_or_else(invalid)?);
                }
                _ => return Err(Failure::new(format!("invalid log option {option:?}")).hint(allowed)),
            }
        }
        Ok(())
    }
}

pub(crate) fn address<T: std::str::FromStr>(flag: &str, text: &str) -> Result<T, Failure> {
    text.parse()
        .map_err(|_| Failure::new(format!("invalid value {text:?} for {flag}: this is no such address")))
}

fn name_server(text: &str) -> Result<std::net::IpAddr, Failure> {
    address("--dns", text)
}

fn size(place: &str, text: &str) -> Result<ByteSize, Failure> {
    text.parse::<ByteSize>().map_err(|error| error.within(place).into())
}

fn capabilities(names: &[String]) -> Result<Vec<String>, Failure> {
    Ok(names.iter().map(|name| capability::canonical(name)).collect::<Result<_, _>>()?)
}

/// A JSON list of words, or one word.
fn entrypoint(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|_| vec![text.to_owned()])
}

/// Whether `-v` asks for a label of SELinux.
fn relabels(volume: &str) -> bool {
    let options = volume.split(':').nth(2).unwrap_or_default();
    options.split(',').any(|option| matches!(option, "z" | "Z"))
}

/// The words of `--pull`, those of older versions too.
pub(crate) fn pull_policy(text: &str) -> Result<PullPolicy, Failure> {
    match text.to_ascii_lowercase().as_str() {
        "always" | "true" => Ok(PullPolicy::Always),
        "missing" | "ifnotpresent" | "" => Ok(PullPolicy::Missing),
        "never" | "false" => Ok(PullPolicy::Never),
        "newer" | "ifnewer" => Ok(PullPolicy::Newer),
        _ => Err(Failure::new(format!("unsupported pull policy {text:?}"))
            .hint("allowed: always, missing, never, newer")),
    }
}

/// Environment of files, then of `-e`, which wins.
pub(crate) fn environment(
    files: &[PathBuf],
    words: &[String],
    host: bool,
) -> Result<Vec<env::Pair>, Failure> {
    let shell: Vec<env::Pair> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    let mut pairs = if host { shell.clone() } else { Vec::new() };
    for file in files {
        pairs.extend(env::parse_env_file(&file.display().to_string(), &contents(file)?, &shell)?);
    }
    for word in words {
        pairs.extend(env::parse_env(word, &shell)?);
    }
    Ok(pairs)
}

fn contents(file: &Path) -> Result<Vec<u8>, Failure> {
    let name = file.display().to_string();
    std::fs::read(file)
        .map_err(|error| Failure::new(format!("parsing file {name:?}: open {name}: {}", reason(&error))))
}

//! `cala network create`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cala_spec::NetworkSpec;

use super::parted;
use crate::arguments;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Create a network for containers
///
/// Makes a network of its own for containers that belong together: they find each other by name, and no container of
/// another network reaches them. Without a name it is called podman1, podman2 and so on; without a subnet it gets one that
/// neither the host nor another network uses.
///
/// Containers do not reach what listens on the host's 127.0.0.1 only. `--allow host-loopback` opens all of it to every
/// container of this network, by the name host.containers.internal; a single container gets the same by
/// `cala run --network pasta:--map-gw`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-network-create(1)")]
#[command(
    after_help = "cala network create shop\ncala network create --internal database\ncala network create --subnet 10.90.0.0/24 --gateway 10.90.0.254 --ip-range 10.90.0.128/25 office\ncala network create --ipv6 --label project=shop --opt mtu=1400 shop\ncala network create --allow host-loopback tools"
)]
pub(crate) struct Args {
    /// Open something that is closed: host-loopback (the host's 127.0.0.1 is host.containers.internal)
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    allow: Vec<String>,
    /// Do not answer names of containers
    #[arg(long)]
    disable_dns: bool,
    /// Resolver that is asked instead of the host's
    #[arg(long, value_name = "strings")]
    dns: Vec<String>,
    /// Driver of the network
    #[arg(short, long, value_name = "string", default_value = "bridge")]
    driver: String,
    /// Address of the network itself in the subnet, IPv4 or IPv6
    #[arg(long, value_name = "ipSlice")]
    gateway: Vec<String>,
    /// Take a network of this name that is there already as it is
    #[arg(long)]
    ignore: bool,
    /// Accepted and without meaning: the bridge is in a namespace of its own
    #[arg(long, value_name = "string")]
    interface_name: Option<String>,
    /// No way out of the network, and no published ports
    #[arg(long)]
    internal: bool,
    /// Part of the subnet that containers get addresses from
    #[arg(long, value_name = "stringArray")]
    ip_range: Vec<String>,
    /// How addresses are chosen: host-local
    #[arg(long, value_name = "string")]
    ipam_driver: Option<String>,
    /// An IPv6 subnet too
    #[arg(long)]
    ipv6: bool,
    /// Label as KEY=VALUE
    #[arg(long, value_name = "stringArray")]
    label: Vec<String>,
    /// Option of the driver: mtu=BYTES, isolate=BOOL, host_loopback=BOOL
    #[arg(short, long, value_name = "stringArray")]
    opt: Vec<String>,
    /// Not supported
    #[arg(long, value_name = "stringArray", hide = true)]
    route: Vec<String>,
    /// Subnet as ADDRESS/LENGTH, at most one of IPv4 and one of IPv6
    #[arg(long, value_name = "stringArray")]
    subnet: Vec<String>,
    #[arg(value_name = "[NAME]", num_args = 0..)]
    name: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let spec = spec(args)?;
    let network = context.engine()?.create_network(&spec)?;
    if args.interface_name.is_some() {
        output::warning(
            "--interface-name has no meaning: each network's bridge is in a namespace of its own",
        );
    }
    output::line(network.name)?;
    Ok(0)
}

fn spec(args: &Args) -> Result<NetworkSpec, Failure> {
    if args.name.len() > 1 {
        return Err(Failure::new(format!("accepts at most 1 arg(s), received {}", args.name.len())));
    }
    if !args.route.is_empty() {
        return Err(Failure::new("static routes of networks are not supported")
            .hint("a container in several networks reaches all of them without routes"));
    }
    let gateways = parted(&args.gateway);
    if let Some(wrong) = gateways.iter().find(|text| text.parse::<IpAddr>().is_err()) {
        let what = format!("invalid string being converted to IP address: {wrong}");
        return Err(Failure::usage(
            "cala network create",
            arguments::invalid_value("--gateway", wrong.as_bytes(), &what),
        ));
    }
    Ok(NetworkSpec {
        name: args.name.first().cloned(),
        driver: args.driver.clone(),
        subnets: args.subnet.clone(),
        gateways,
        ip_ranges: args.ip_range.clone(),
        ipv6: args.ipv6,
        internal: args.internal,
        disable_dns: args.disable_dns,
        dns_servers: parted(&args.dns),
        labels: pairs(&args.label, "failed to parse labels")?,
        options: options(args)?,
        ipam_driver: args.ipam_driver.clone().unwrap_or_default(),
        ignore: args.ignore,
    })
}

/// The options with what `--allow` adds to them.
fn options(args: &Args) -> Result<BTreeMap<String, String>, Failure> {
    let mut options = pairs(&args.opt, "unable to parse options")?;
    for what in &args.allow {
        match what.as_str() {
            "host-loopback" => _ = options.insert("host_loopback".to_owned(), "true".to_owned()),
            other => {
                return Err(Failure::new(format!("cannot allow {other:?} in a network"))
                    .hint("allowed: host-loopback"));
            }
        }
    }
    Ok(options)
}

/// `KEY=VALUE`, or a key alone.
fn pairs(texts: &[String], act: &str) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &String| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.is_empty() {
            return Err(
                Failure::new(format!("{act}: invalid label format: {text:?}")).hint("write KEY=VALUE")
            );
        }
        Ok((key.to_owned(), value.to_owned()))
    };
    texts.iter().map(pair).collect()
}

//! `cala network connect`.

use cala_spec::NetworkAttachment;
use cala_spec::network::parse_mac;

use crate::context::Context;
use crate::failure::Failure;
use crate::options::address;

/// Add a container to a network, also while it runs
#[derive(Debug, clap::Args)]
#[command(after_help = "cala network connect --alias db shop postgres")]
pub(crate) struct Args {
    /// Add a name of the container in this network
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    alias: Vec<String>,
    /// Fixed IPv4 address
    #[arg(long, value_name = "string")]
    ip: Option<String>,
    /// Fixed IPv6 address
    #[arg(long, value_name = "string")]
    ip6: Option<String>,
    /// Fixed MAC address
    #[arg(long, value_name = "string")]
    mac_address: Option<String>,
    #[arg(value_names = ["NETWORK", "CONTAINER"], num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [network, container] = args.names.as_slice() else {
        return Err(Failure::new(format!("accepts 2 arg(s), received {}", args.names.len())));
    };
    let wish = NetworkAttachment {
        network: network.clone(),
        aliases: args.alias.clone(),
        ip: args.ip.as_deref().map(|text| address("--ip", text)).transpose()?,
        ip6: args.ip6.as_deref().map(|text| address("--ip6", text)).transpose()?,
        mac: args.mac_address.as_deref().map(parse_mac).transpose()?,
        interface_name: None,
    };
    context.engine()?.connect_network(container, &wish)?;
    Ok(0)
}

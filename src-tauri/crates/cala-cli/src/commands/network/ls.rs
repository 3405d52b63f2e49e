//! `cala network ls`.

use cala_engine::view::NetworkSummary;

use super::row;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format, Headings};
use crate::template::Value;

/// List networks
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala network ls\ncala network ls --filter label=project=shop\ncala network ls --format \"table {{.Name}} {{.Subnets}}\""
)]
pub(crate) struct Args {
    /// Choose networks by a condition: name, id, driver, label, until, dangling
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Show networks as JSON or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Do not cut ids
    #[arg(long)]
    no_trunc: bool,
    /// Do not print headings
    #[arg(short, long)]
    noheading: bool,
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

const HEADINGS: Headings<'_> = &[
    ("Created", "CREATED"),
    ("DNSEnabled", "DNS ENABLED"),
    ("Driver", "DRIVER"),
    ("ID", "NETWORK ID"),
    ("IPAMOptions", "IPAM OPTIONS"),
    ("IPv6Enabled", "IPV6 ENABLED"),
    ("Internal", "INTERNAL"),
    ("Labels", "LABELS"),
    ("Name", "NAME"),
    ("NetworkDNSServers", "NETWORK DNS SERVERS"),
    ("NetworkInterface", "NETWORK INTERFACE"),
    ("Options", "OPTIONS"),
    ("Routes", "ROUTES"),
    ("Subnets", "SUBNETS"),
];

const COLUMNS: &str = "table {{.ID}}\t{{.Name}}\t{{.Driver}}";

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala network ls` takes no arguments"));
    }
    let format = args.format.as_deref().map(|format| Format::parse("ls", format)).transpose()?;
    let networks = context.engine()?.networks(&args.filter)?;
    output::data(shown(args, format, &networks)?)?;
    Ok(0)
}

fn shown(args: &Args, format: Option<Format>, networks: &[NetworkSummary]) -> Result<String, Failure> {
    if args.quiet {
        return Ok(networks.iter().map(|network| format!("{}\n", network.name)).collect());
    }
    let format = match format {
        Some(Format::Json) => return report::json(networks, 2),
        Some(_) if args.format.as_deref().is_some_and(report::is_whole) => {
            return networks.iter().map(report::compact_json).collect();
        }
        Some(format) => format,
        None => Format::parse("ls", COLUMNS)?,
    };
    let rows: Vec<Value> = networks.iter().map(|network| row::listed(network, args.no_trunc)).collect();
    format.render(HEADINGS, !args.noheading, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> NetworkSummary {
        serde_json::from_value(serde_json::json!({
            "name": "p1", "id": "82a11986587031720108c64448c9fa39343a1b921fa6158543f4640c322c3f11",
            "driver": "bridge", "network_interface": "br0", "created": "2026-11-25T07:02:00.103572854Z",
            "subnets": [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}], "ipv6_enabled": false,
            "internal": false, "dns_enabled": true, "labels": {"x": "1", "y": ""},
            "ipam_options": {"driver": "host-local"}
        }))
        .expect("a network")
    }

    fn rendered(format: &str) -> String {
        let format = Format::parse("ls", format).expect("a format");
        format
            .render(HEADINGS, true, &[row::listed(&network(), false)])
            .unwrap_or_else(|failure| failure.text().to_owned())
    }

    #[test]
    fn the_columns_are_podmans() {
        assert_eq!(rendered(COLUMNS), "NETWORK ID    NAME        DRIVER\n82a119865870  p1          bridge\n");
        assert_eq!(
            rendered("table {{.Name}} {{.ID}} {{.Labels}} {{.Created}}"),
            "NAME        NETWORK ID    LABELS      CREATED\n\
             p1          82a119865870  x=1,y=      2026-11-25 07:02:00.103572854 +0000 UTC\n"
        );
    }

    #[test]
    fn templates_see_podmans_fields() {
        assert_eq!(
            rendered(
                "{{range .Subnets}}{{.Subnet}} {{.Gateway}}{{end}} {{.Options}} {{.IPAMOptions}} {{.Internal}} {{.DNSEnabled}} {{.IPv6Enabled}}"
            ),
            "10.89.0.0/24 10.89.0.1 map[] map[driver:host-local] false true false\n"
        );
        assert_eq!(
            rendered("{{json .Subnets}} {{.NetworkDNSServers}} {{.Routes}}"),
            "[{\"subnet\":\"10.89.0.0/24\",\"gateway\":\"10.89.0.1\"}] [] []\n"
        );
        for (name, _) in HEADINGS {
            assert!(!rendered(&format!("{{{{.{name}}}}}")).contains("can't evaluate"), "{name}");
        }
        assert!(rendered("{{.Nope}}").contains("can't evaluate field Nope"));
    }
}

//! `cala stats`.

use std::io::IsTerminal as _;
use std::time::Duration;

use cala_engine::view::ContainerStats;
use cala_spec::{ByteSize, human};
use serde::Serialize;

use crate::commands::select::{bare, latest};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format, Headings};
use crate::template::Value;

/// Display what containers use: processors, memory, networks, disks, processes
///
/// Of containers with a control group by its files; what is not told there, because a controller is not delegated, is the
/// sum over the container's processes.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala stats\ncala stats --no-stream --format json web db")]
pub(crate) struct Args {
    /// Show all containers, not only those that run
    #[arg(short, long)]
    all: bool,
    /// Print JSON, a table or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Seconds between two rounds
    #[arg(short, long, value_name = "int", default_value = "5")]
    interval: i64,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Do not clear the screen between two rounds
    #[arg(long)]
    no_reset: bool,
    /// Show one round and end
    #[arg(long)]
    no_stream: bool,
    /// Do not cut the IDs
    #[arg(long)]
    no_trunc: bool,
    #[arg(value_names = ["[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

const COLUMNS: &str = "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}\t{{.UpTime}}\t{{.AVGCPU}}";

const HEADINGS: Headings<'_> = &[
    ("AVGCPU", "AVG CPU %"),
    ("AvgCPU", "AVG CPU %"),
    ("BlockIO", "BLOCK IO"),
    ("BlockInput", "BLOCK INPUT"),
    ("BlockOutput", "BLOCK OUTPUT"),
    ("CPU", "CPU"),
    ("CPUNano", "CPU NANO"),
    ("CPUPerc", "CPU %"),
    ("CPUSystemNano", "CPU SYSTEM NANO"),
    ("ContainerID", "CONTAINER ID"),
    ("Duration", "DURATION"),
    ("ID", "ID"),
    ("MemLimit", "MEM LIMIT"),
    ("MemPerc", "MEM %"),
    ("MemUsage", "MEM USAGE / LIMIT"),
    ("MemUsageBytes", "MEM USAGE / LIMIT"),
    ("Name", "NAME"),
    ("NetIO", "NET IO"),
    ("Network", "NETWORK"),
    ("PIDS", "PIDS"),
    ("PIDs", "PIDS"),
    ("SystemNano", "SYSTEM NANO"),
    ("UpTime", "CPU TIME"),
];

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if usize::from(args.all) + usize::from(args.latest) + usize::from(!args.names.is_empty()) > 1 {
        return Err(Failure::new("--all, --latest and containers cannot be used together"));
    }
    let interval = u64::try_from(args.interval).ok().filter(|seconds| *seconds > 0);
    let Some(interval) = interval else {
        return Err(Failure::new("invalid interval, must be a positive number greater zero"));
    };
    let format = Format::parse("stats", args.format.as_deref().unwrap_or(COLUMNS))?;
    let engine = context.engine()?;
    let names = match args.latest {
        true => vec![latest(&engine)?],
        false => args.names.iter().map(|name| bare(name).to_owned()).collect(),
    };
    let mut reader = engine.stats(&names, args.all)?;
    // A screen is cleared for a person only, and only when a next round follows.
    let clear = !args.no_stream && !args.no_reset && std::io::stdout().is_terminal();
    loop {
        let round = shown(&reader.sample()?, &format, args.no_trunc)?;
        output::data(if clear { format!("\x1b[2J\x1b[H{round}") } else { round })?;
        if args.no_stream {
            return Ok(0);
        }
        reader.wait(Duration::from_secs(interval))?;
    }
}

fn shown(stats: &[ContainerStats], format: &Format, whole: bool) -> Result<String, Failure> {
    match format {
        Format::Json => report::json(&stats.iter().map(|stats| Row::of(stats, whole)).collect::<Vec<_>>(), 1),
        format => {
            let rows: Vec<Value> = stats.iter().map(|stats| row(stats, whole)).collect();
            format.render(HEADINGS, true, &rows)
        }
    }
}

/// A container in Podman's JSON, which is made of texts.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    cpu_time: String,
    cpu_percent: String,
    avg_cpu: String,
    mem_usage: String,
    mem_percent: String,
    net_io: String,
    block_io: String,
    pids: String,
}

impl Row {
    fn of(stats: &ContainerStats, whole: bool) -> Self {
        let received: u64 = stats.network.values().map(|network| network.rx_bytes).sum();
        let sent: u64 = stats.network.values().map(|network| network.tx_bytes).sum();
        Self {
            id: stats.container_id.chars().take(if whole { usize::MAX } else { 12 }).collect(),
            name: stats.name.clone(),
            cpu_time: human::go_duration(stats.up_time),
            cpu_percent: per_cent(stats.cpu),
            avg_cpu: per_cent(stats.avg_cpu),
            mem_usage: both(stats.mem_usage, stats.mem_limit),
            mem_percent: per_cent(stats.mem_perc),
            net_io: both(received, sent),
            block_io: both(stats.block_input, stats.block_output),
            pids: stats.pids.to_string(),
        }
    }
}

fn per_cent(value: f64) -> String {
    format!("{value:.2}%")
}

fn both(one: u64, other: u64) -> String {
    format!("{} / {}", ByteSize(one).human_compact(4), ByteSize(other).human_compact(4))
}

/// A container as templates see it: Podman's field names.
fn row(stats: &ContainerStats, whole: bool) -> Value {
    let texts = Row::of(stats, whole);
    let bytes = format!(
        "{} / {}",
        ByteSize(stats.mem_usage).human_binary(),
        ByteSize(stats.mem_limit).human_binary()
    );
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let fields: [(&str, Value); 22] = [
        ("ID", Value::text(texts.id)),
        ("ContainerID", Value::text(stats.container_id.as_str())),
        ("Name", Value::text(stats.name.as_str())),
        ("CPUPerc", Value::text(texts.cpu_percent)),
        ("AVGCPU", Value::text(texts.avg_cpu)),
        ("AvgCPU", Value::Float(stats.avg_cpu)),
        ("CPU", Value::Float(stats.cpu)),
        ("CPUNano", number(stats.cpu_nano)),
        ("CPUSystemNano", number(stats.cpu_system_nano)),
        ("SystemNano", number(stats.system_nano)),
        ("MemUsage", Value::text(texts.mem_usage)),
        ("MemUsageBytes", Value::text(bytes)),
        ("MemLimit", number(stats.mem_limit)),
        ("MemPerc", Value::text(texts.mem_percent)),
        ("NetIO", Value::text(texts.net_io)),
        ("Network", Value::of(&stats.network)),
        ("BlockIO", Value::text(texts.block_io)),
        ("BlockInput", number(stats.block_input)),
        ("BlockOutput", number(stats.block_output)),
        ("PIDS", Value::text(texts.pids)),
        ("UpTime", Value::text(texts.cpu_time)),
        ("Duration", number(stats.duration)),
    ];
    Value::structure(
        "containerStats",
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cala_engine::view::NetworkStats;

    use super::*;

    fn stats() -> ContainerStats {
        let network = NetworkStats { rx_bytes: 1_500, tx_bytes: 20, ..NetworkStats::default() };
        ContainerStats {
            avg_cpu: 0.156,
            container_id: "ceae414c87e7dd63a81eaf67ac81b72c17cab5b71e65c41309972e890042c1b4".to_owned(),
            name: "web".to_owned(),
            cpu: 12.345,
            cpu_nano: 7_742_000,
            mem_usage: 1 << 20,
            mem_limit: 25_276_059_648,
            mem_perc: 0.004,
            network: BTreeMap::from([("eth0".to_owned(), network), ("eth1".to_owned(), network)]),
            pids: 3,
            up_time: 7_742_000,
            ..ContainerStats::default()
        }
    }

    fn render(format: &str) -> String {
        let format = Format::parse("stats", format).expect("a format");
        shown(&[stats()], &format, false).unwrap_or_else(|failure| failure.text().to_owned())
    }

    #[test]
    fn the_table_is_podmans() {
        assert_eq!(
            render(COLUMNS),
            "ID            NAME        CPU %       MEM USAGE / LIMIT  MEM %       NET IO      BLOCK IO    PIDS        CPU TIME    AVG CPU %\n\
             ceae414c87e7  web         12.35%      1.049MB / 25.28GB  0.00%       3kB / 40B   0B / 0B     3           7.742ms     0.16%\n"
        );
    }

    #[test]
    fn templates_and_json_have_podmans_fields() {
        assert_eq!(
            render("{{.ID}} {{.MemUsageBytes}} {{.UpTime}} {{.PIDs}} {{.PIDS}} {{.CPU}}"),
            "ceae414c87e7 1MiB / 23.54GiB 7.742ms 3 3 12.345\n"
        );
        for (name, _) in HEADINGS {
            assert!(!render(&format!("{{{{.{name}}}}}")).contains("can't evaluate"), "{name}");
        }
        assert_eq!(
            render("json"),
            "[\n {\n  \"id\": \"ceae414c87e7\",\n  \"name\": \"web\",\n  \"cpu_time\": \"7.742ms\",\n  \"cpu_percent\": \"12.35%\",\n  \"avg_cpu\": \"0.16%\",\n  \"mem_usage\": \"1.049MB / 25.28GB\",\n  \"mem_percent\": \"0.00%\",\n  \"net_io\": \"3kB / 40B\",\n  \"block_io\": \"0B / 0B\",\n  \"pids\": \"3\"\n }\n]\n"
        );
    }
}

//! Limits as `update` and `container clone` take them, and those that Cala does not have.

use cala_engine::UpdateOptions;
use cala_spec::ByteSize;

use crate::failure::Failure;

/// Microseconds of a period where none is given.
const PERIOD: u64 = 100_000;

/// Options of podman-update(1).
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LimitArgs {
    /// Length of a CPU period in microseconds, for --cpu-quota (default 100000)
    #[arg(long, value_name = "uint")]
    cpu_period: Option<u64>,
    /// CPU time in each period in microseconds; -1 for no limit
    #[arg(long, value_name = "int")]
    cpu_quota: Option<i64>,
    /// Number of CPUs; 0 for no limit
    #[arg(long, value_name = "float")]
    cpus: Option<f64>,
    /// Memory limit, such as 512m; 0 for none
    #[arg(short, long, value_name = "<number>[<unit>]")]
    memory: Option<String>,
    /// Limit of processes; -1 for none
    #[arg(long, value_name = "int")]
    pids_limit: Option<i64>,
    #[command(flatten)]
    refused: Refused,
}

/// What is understood and refused with a reason.
#[derive(Debug, Clone, clap::Args)]
struct Refused {
    #[arg(long, hide = true)]
    blkio_weight: Option<String>,
    #[arg(long, hide = true)]
    blkio_weight_device: Vec<String>,
    #[arg(long, hide = true)]
    cpu_rt_period: Option<String>,
    #[arg(long, hide = true)]
    cpu_rt_runtime: Option<String>,
    #[arg(short, long, hide = true)]
    cpu_shares: Option<String>,
    #[arg(long, hide = true)]
    cpuset_cpus: Option<String>,
    #[arg(long, hide = true)]
    cpuset_mems: Option<String>,
    #[arg(long, hide = true)]
    device_read_bps: Vec<String>,
    #[arg(long, hide = true)]
    device_read_iops: Vec<String>,
    #[arg(long, hide = true)]
    device_write_bps: Vec<String>,
    #[arg(long, hide = true)]
    device_write_iops: Vec<String>,
    #[arg(long, hide = true)]
    memory_reservation: Option<String>,
    #[arg(long, hide = true)]
    memory_swap: Option<String>,
    #[arg(long, hide = true)]
    memory_swappiness: Option<String>,
}

impl LimitArgs {
    /// The limits that were asked for.
    pub(crate) fn options(&self) -> Result<UpdateOptions, Failure> {
        self.refused.check()?;
        if let Some(cpus) = self.cpus.filter(|cpus| !cpus.is_finite() || *cpus < 0.0) {
            return Err(Failure::new(format!("invalid value for cpus: {cpus} is not a number of CPUs")));
        }
        let memory = self.memory.as_deref().map(|text| {
            let size: Result<ByteSize, _> = text.parse();
            size.map_err(|error| Failure::from(error).within("invalid value for memory"))
        });
        Ok(UpdateOptions {
            memory: memory.transpose()?,
            cpus: self.cpus()?,
            pids_limit: self.pids_limit,
            restart: None,
        })
    }

    /// `--cpus`, or what a quota of a period comes to.
    fn cpus(&self) -> Result<Option<f64>, Failure> {
        let (Some(quota), None) = (self.cpu_quota, self.cpus) else {
            return match (self.cpus, self.cpu_quota, self.cpu_period) {
                (Some(_), None, None) | (None, None, None) => Ok(self.cpus),
                (None, None, Some(_)) => Err(Failure::new("--cpu-period needs --cpu-quota")),
                _ => Err(Failure::new("--cpus cannot be used with --cpu-quota or --cpu-period")),
            };
        };
        let period = self.cpu_period.unwrap_or(PERIOD);
        if !(1_000..=1_000_000).contains(&period) {
            return Err(Failure::new(format!(
                "invalid value for cpu-period: {period} is not between 1000 and 1000000 microseconds"
            )));
        }
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a period are far below 2^52")]
        let cpus = quota.max(0) as f64 / period as f64;
        Ok(Some(cpus))
    }
}

impl Refused {
    fn check(&self) -> Result<(), Failure> {
        let asked = [
            ("blkio-weight", self.blkio_weight.is_some()),
            ("blkio-weight-device", !self.blkio_weight_device.is_empty()),
            ("cpu-rt-period", self.cpu_rt_period.is_some()),
            ("cpu-rt-runtime", self.cpu_rt_runtime.is_some()),
            ("cpu-shares", self.cpu_shares.is_some()),
            ("cpuset-cpus", self.cpuset_cpus.is_some()),
            ("cpuset-mems", self.cpuset_mems.is_some()),
            ("device-read-bps", !self.device_read_bps.is_empty()),
            ("device-read-iops", !self.device_read_iops.is_empty()),
            ("device-write-bps", !self.device_write_bps.is_empty()),
            ("device-write-iops", !self.device_write_iops.is_empty()),
            ("memory-reservation", self.memory_reservation.is_some()),
            ("memory-swap", self.memory_swap.is_some()),
            ("memory-swappiness", self.memory_swappiness.is_some()),
        ];
        let Some((name, _)) = asked.iter().find(|(_, asked)| *asked) else { return Ok(()) };
        let why = match *name {
            "cpu-rt-period" | "cpu-rt-runtime" | "memory-swappiness" => "cgroup v2 does not have it",
            _ => "Cala does not set it",
        };
        Err(Failure::new(format!("--{name} is not supported: {why}"))
            .hint("there are --cpus, --cpu-quota, --cpu-period, --memory and --pids-limit"))
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn read(line: &str) -> Result<UpdateOptions, String> {
        let command = LimitArgs::augment_args(clap::Command::new("update").disable_help_flag(true));
        let words = std::iter::once("update").chain(line.split(' ').filter(|word| !word.is_empty()));
        let matches = command.try_get_matches_from(words).map_err(|error| error.to_string())?;
        let args = LimitArgs::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        args.options().map_err(|failure| failure.text().to_owned())
    }

    #[test]
    fn limits_are_read() {
        assert_eq!(read(""), Ok(UpdateOptions::default()));
        let with = |cpus| UpdateOptions { cpus: Some(cpus), ..UpdateOptions::default() };
        assert_eq!(read("--cpus=1.5"), Ok(with(1.5)));
        assert_eq!(read("--cpu-quota=50000"), Ok(with(0.5)));
        assert_eq!(read("--cpu-quota=50000 --cpu-period=200000"), Ok(with(0.25)));
        assert_eq!(read("--cpu-quota=-1"), Ok(with(0.0)));
        let all = UpdateOptions {
            memory: Some(ByteSize(512 << 20)),
            pids_limit: Some(-1),
            ..UpdateOptions::default()
        };
        assert_eq!(read("--memory=512m --pids-limit=-1"), Ok(all));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (line, expected) in [
            ("--memory=1x", "invalid value for memory: invalid size: '1x'"),
            ("--cpus=-1", "invalid value for cpus: -1 is not a number of CPUs"),
            ("--cpu-period=1000", "--cpu-period needs --cpu-quota"),
            ("--cpus=1 --cpu-quota=1000", "--cpus cannot be used with --cpu-quota or --cpu-period"),
            (
                "--cpu-quota=1000 --cpu-period=1",
                "invalid value for cpu-period: 1 is not between 1000 and 1000000 microseconds",
            ),
            ("--cpu-shares=5", "--cpu-shares is not supported: Cala does not set it"),
            ("--memory-swappiness=5", "--memory-swappiness is not supported: cgroup v2 does not have it"),
        ] {
            assert_eq!(read(line), Err(expected.to_owned()), "{line}");
        }
    }
}

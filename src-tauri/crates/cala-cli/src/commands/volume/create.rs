//! `cala volume create`.

use std::collections::BTreeMap;

use cala_spec::VolumeSpec;

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Create a volume
///
/// Makes a folder that Cala keeps for containers. Without a name it gets 64 random hex digits.
///
/// `-o type=tmpfs -o device=tmpfs -o o=size=64M,nodev` is memory: each container that mounts it gets its own. `-o type=bind
/// -o device=/FOLDER -o o=bind,ro` is a folder of the host under a name. `-o o=uid=1000,gid=1000` says who it belongs to in
/// containers, `-o nocopy` that nothing is copied into it from the image. Quotas (`o=size=…` of a kept volume) and devices are
/// an administrator's and refused.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala volume create data\ncala volume create --label project=shop data\ncala volume create -o type=tmpfs -o device=tmpfs -o o=size=64M scratch\ncala volume create -o type=bind -o device=/srv/site -o o=bind,ro site"
)]
pub(crate) struct Args {
    /// Driver of the volume: local
    #[arg(short, long, value_name = "string", default_value = "local")]
    driver: String,
    /// Take a volume of this name that is there already as it is
    #[arg(long)]
    ignore: bool,
    /// Label as KEY=VALUE
    #[arg(short, long, value_name = "stringArray")]
    label: Vec<String>,
    /// Option of the driver: type=, device=, o=, copy, nocopy
    #[arg(short, long, value_name = "stringArray")]
    opt: Vec<String>,
    #[arg(value_name = "[NAME]", num_args = 0..)]
    name: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.name.len() > 1 {
        return Err(Failure::new(format!("accepts at most 1 arg(s), received {}", args.name.len())));
    }
    let spec = VolumeSpec {
        name: args.name.first().cloned(),
        driver: args.driver.clone(),
        labels: pairs(&args.label, "unable to process labels")?,
        options: pairs(&args.opt, "unable to process options")?,
        ignore: args.ignore,
    };
    output::line(context.engine()?.create_volume(&spec)?)?;
    Ok(0)
}

/// `KEY=VALUE`, or a key alone.
fn pairs(texts: &[String], act: &str) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &String| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.is_empty() {
            return Err(Failure::new(format!("{act}: invalid format: {text:?}")).hint("write KEY=VALUE"));
        }
        Ok((key.to_owned(), value.to_owned()))
    };
    texts.iter().map(pair).collect()
}

//! `cala secret create`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;

use cala_spec::secret::MAX_SECRET;

use crate::context::Context;
use crate::failure::{Failure, reason};
use crate::output;

/// Keep a secret for containers
///
/// Reads it from a file, or with `-` from standard input. It is kept in a folder that only you can read, and gets into
/// containers by `cala run --secret`: as a file in their memory or as a variable, never into an image, a log or a label.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "printf secret | cala secret create password -\ncala secret create --label project=shop key ./key.pem\ncala secret create --env token TOKEN"
)]
pub(crate) struct Args {
    /// Driver of the secret: file
    #[arg(short, long, value_name = "string", default_value = "file")]
    driver: String,
    /// Not supported: where secrets are kept is not a choice
    #[arg(long, value_name = "stringToString")]
    driver_opts: Vec<String>,
    /// Read it from the environment variable that is named in place of the file
    #[arg(long)]
    env: bool,
    /// Label as KEY=VALUE
    #[arg(short, long, value_name = "stringArray")]
    label: Vec<String>,
    /// Replace a secret of the same name
    #[arg(long)]
    replace: bool,
    #[arg(value_names = ["NAME", "FILE|-"], num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [name, source] = args.words.as_slice() else {
        return Err(Failure::new(format!("accepts 2 arg(s), received {}", args.words.len())));
    };
    if !args.driver_opts.is_empty() {
        return Err(Failure::new("--driver-opts is not supported: secrets are kept in the data root")
            .hint("`--root` says where that is"));
    }
    let labels = args.label.iter().map(|label| pair(label)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let data = if args.env { variable(source)? } else { file(source)? };
    let engine = context.engine()?;
    output::line(engine.create_secret(name, &data, labels, &args.driver, args.replace)?)?;
    Ok(0)
}

fn variable(name: &str) -> Result<Vec<u8>, Failure> {
    let value = std::env::vars_os().find(|(key, _)| key == name).map(|(_, value)| value.into_vec());
    value.ok_or_else(|| {
        Failure::new(format!("cannot create store secret data: environment variable {name} is not set"))
    })
}

/// No more than is needed to see that it is too much.
fn file(path: &str) -> Result<Vec<u8>, Failure> {
    let mut data = Vec::new();
    let limit = MAX_SECRET as u64;
    if path == "-" {
        std::io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut data)
            .map_err(|error| Failure::io("reading standard input", &error))?;
        return Ok(data);
    }
    let failed = |error: std::io::Error| Failure::new(format!("open {path}: {}", reason(&error)));
    std::fs::File::open(path).map_err(failed)?.take(limit).read_to_end(&mut data).map_err(failed)?;
    Ok(data)
}

fn pair(text: &str) -> Result<(String, String), Failure> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() {
        return Err(Failure::new(format!("invalid label format: {text:?}")).hint("write KEY=VALUE"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

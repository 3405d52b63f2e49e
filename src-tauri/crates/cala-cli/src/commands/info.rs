//! `cala info`.

use crate::context::Context;
use crate::failure::Failure;
use crate::report::{self, Format};
use crate::template::Value;
use crate::{output, yaml};

/// Display what cala knows of this machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Change the output format to JSON or a Go template
    #[arg(short, long, value_name = "string")]
    format: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let format = args.format.as_deref().map(|format| Format::parse("info", format)).transpose()?;
    let info = Context::wait_for(context.engine()?.info())??;
    match format {
        None => output::data(yaml::document(&Value::of(&info)))?,
        Some(Format::Json) => output::data(report::json(&info, 2)?)?,
        Some(format) => output::data(format.render(&[], false, &[Value::of(&info)])?)?,
    }
    Ok(0)
}

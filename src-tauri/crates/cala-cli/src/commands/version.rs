//! `cala version`.

use cala_engine::Engine;
use cala_engine::view::Version;

use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format};
use crate::template::Value;

/// Display the version of cala
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Change the output format to JSON or a Go template
    #[arg(short, long, value_name = "string")]
    format: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let version = Version { client: Engine::version() };
    let Some(format) = &args.format else {
        let client = &version.client;
        output::data(format!(
            "Client:        Cala\nVersion:       {}\nAPI Version:   {}\nOS/Arch:       {}\n",
            client.version, client.api_version, client.os_arch
        ))?;
        return Ok(0);
    };
    match Format::parse("version", format)? {
        Format::Json => output::data(report::compact_json(&version)?)?,
        format => output::data(format.render(&[], false, &[Value::of(&version)])?)?,
    }
    Ok(0)
}

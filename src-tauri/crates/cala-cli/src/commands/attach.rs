//! `cala attach`.

use cala_engine::AttachOptions;

use crate::attach::{self, DetachKeys, Session};
use crate::commands::run::{finish, killer};
use crate::commands::select::latest;
use crate::context::Context;
use crate::failure::Failure;

/// Attach to a running container
#[derive(Debug, clap::Args)]
#[command(after_help = "cala attach web\ncala attach --no-stdin web")]
pub(crate) struct Args {
    /// Keys that detach from the container
    #[arg(long, value_name = "string", default_value = "ctrl-p,ctrl-q")]
    detach_keys: String,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Do not forward standard input
    #[arg(long)]
    no_stdin: bool,
    /// Pass signals on to the container
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_name = "bool")]
    sig_proxy: bool,
    #[arg(value_name = "CONTAINER", num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let engine = context.engine()?;
    let name = match (args.names.as_slice(), args.latest) {
        ([name], false) => name.clone(),
        ([], true) => latest(&engine)?,
        _ => {
            return Err(Failure::new(
                "attach requires the name or id of one running container or the latest flag",
            ));
        }
    };
    let id = engine.resolve_container(&name)?;
    let config = engine.inspect_container(id.as_str())?.config;
    let stdin = config.open_stdin && !args.no_stdin;
    let keys = DetachKeys::parse(&args.detach_keys)?;
    let streams = AttachOptions {
        stdin,
        stdout: true,
        stderr: !config.tty,
        size: attach::window(config.tty),
        logs: false,
    };
    let attachment = engine.attach(id.as_str(), &streams)?;
    let session = Session {
        stdin,
        tty: config.tty,
        proxy_signals: args.sig_proxy,
        detach_keys: keys,
        kill: Some(killer(&engine, &id)),
    };
    finish(attach::session(attachment, session)?, &engine, &id)
}

//! `cala exec`.

use std::path::PathBuf;

use cala_engine::ExecOptions;
use cala_spec::{Classify as _, ErrorKind};

use crate::attach::{self, DetachKeys, Session};
use crate::commands::select::latest;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::environment;
use crate::output;

/// Run a command in a running container
#[derive(Debug, clap::Args)]
#[command(after_help = "cala exec -it web sh\ncala exec -it -w /tmp web pwd\ncala exec --user root web ls")]
pub(crate) struct Args {
    /// Do not wait for the command
    #[arg(short, long)]
    detach: bool,
    /// Keys that detach from the command
    #[arg(long, value_name = "string", default_value = "ctrl-p,ctrl-q")]
    detach_keys: String,
    /// Set environment variables
    #[arg(short, long, value_name = "stringArray")]
    env: Vec<String>,
    /// Read in a file of environment variables
    #[arg(long, value_name = "stringArray")]
    env_file: Vec<PathBuf>,
    /// Forward standard input to the command
    #[arg(short, long)]
    interactive: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Give the command all capabilities
    #[arg(long)]
    privileged: bool,
    /// Allocate a terminal for the command
    #[arg(short, long)]
    tty: bool,
    /// User name or UID, and optionally group name or GID
    #[arg(short, long, value_name = "string")]
    user: Option<String>,
    /// Working directory inside the container
    #[arg(short, long, value_name = "string")]
    workdir: Option<String>,
    #[arg(value_names = ["CONTAINER", "COMMAND", "[ARG...]"], num_args = 0.., trailing_var_arg = true)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let (name, command) = match args.words.split_first() {
        _ if args.latest => (None, args.words.as_slice()),
        Some((name, command)) => (Some(name.clone()), command),
        None => return Err(Failure::new("exec requires the name or ID of a container or the --latest flag")),
    };
    if command.is_empty() {
        return Err(Failure::new(
            "must provide a non-empty command to start an exec session: invalid argument",
        ));
    }
    let options = ExecOptions {
        command: command.to_vec(),
        env: environment(&args.env_file, &args.env, false)?,
        workdir: args.workdir.clone(),
        user: args.user.clone(),
        tty: args.tty,
        interactive: args.interactive,
        privileged: args.privileged,
        detach: args.detach,
        size: attach::window(args.tty),
    };
    let keys = DetachKeys::parse(&args.detach_keys)?;
    let engine = context.engine()?;
    let name = name.map_or_else(|| latest(&engine), Ok)?;
    let started = engine.exec(&name, &options).map_err(|error| {
        // As Podman: a container that does not run and a user that is unknown are not 125, which would be the engine's
        // own failure; and what does not start without anybody waiting for it is.
        let code = match error.kind() {
            ErrorKind::Conflict => 255,
            _ if error.code() == "user_not_found" => 255,
            ErrorKind::CommandNotFound | ErrorKind::CommandNotExecutable if args.detach => 125,
            kind => kind.exit_code(),
        };
        Failure::from(error).exit(code)
    })?;
    let Some(attachment) = started.attachment else {
        output::line(&started.id)?;
        return Ok(0);
    };
    let session = Session {
        stdin: args.interactive,
        tty: args.tty,
        proxy_signals: true,
        detach_keys: keys,
        kill: None,
    };
    let end = attach::session(attachment, session)?;
    attach::exit_code(end, || Err(Failure::new(format!("the connection to container {name} was lost"))))
}

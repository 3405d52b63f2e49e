//! `cala start`.

use cala_engine::{AttachOptions, EngineError};
use cala_spec::{Classify as _, ErrorKind};

use crate::attach::{self, DetachKeys, Session};
use crate::commands::run::{finish, killer};
use crate::commands::select::{Selection, for_each_at_once};
use crate::context::Context;
use crate::failure::Failure;

/// Start one or more containers
#[derive(Debug, clap::Args)]
#[command(after_help = "cala start web\ncala start --attach --interactive web")]
pub(crate) struct Args {
    /// Start all containers
    #[arg(long)]
    all: bool,
    /// Attach to the container's output
    #[arg(short, long)]
    attach: bool,
    /// Keys that detach from the container
    #[arg(long, value_name = "string", default_value = "ctrl-p,ctrl-q")]
    detach_keys: String,
    /// Choose containers by a condition
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Forward standard input to the container
    #[arg(short, long)]
    interactive: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Pass signals on to the container
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "bool")]
    sig_proxy: Option<bool>,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    check(args)?;
    let engine = context.engine()?;
    let selection = Selection {
        names: &args.names,
        all: args.all,
        latest: args.latest,
        filters: &args.filter,
        ..Selection::default()
    };
    let names = selection.chosen(&engine, |container| !container.state.has_run())?;
    if !(args.attach || args.interactive) {
        return for_each_at_once(&names, false, |name| {
            let id = engine.resolve_container(name)?;
            let started = engine.start(id.as_str());
            started.map(|_| Some(name.to_owned())).map_err(|error| not_started(error, &format!("\"{id}\"")))
        });
    }
    let [name] = names.as_slice() else {
        return Err(Failure::new("you cannot start and attach multiple containers at once"));
    };
    let id = engine.resolve_container(name)?;
    let tty = engine.inspect_container(id.as_str())?.config.tty;
    let streams = AttachOptions {
        stdin: args.interactive,
        stdout: true,
        stderr: !tty,
        size: attach::window(tty),
        logs: false,
    };
    let keys = DetachKeys::parse(&args.detach_keys)?;
    let started = engine.start_attached(id.as_str(), &streams);
    let attachment = started.map_err(|error| not_started(error, id.as_str()))?;
    let session = Session {
        stdin: args.interactive,
        tty,
        proxy_signals: args.sig_proxy.unwrap_or(true),
        detach_keys: keys,
        kill: Some(killer(&engine, &id)),
    };
    finish(attach::session(attachment, session)?, &engine, &id)
}

/// What goes together, in Podman's words.
fn check(args: &Args) -> Result<(), Failure> {
    let (named, attach) = (!args.names.is_empty(), args.attach || args.interactive);
    let wrong = |text: &str| Err(Failure::new(text));
    match () {
        () if !(named || args.latest || args.all || !args.filter.is_empty()) => {
            wrong("start requires at least one argument")
        }
        () if args.all && args.latest => wrong("--all and --latest cannot be used together"),
        () if named && args.latest => wrong("--latest and containers cannot be used together"),
        () if args.names.len() > 1 && attach => {
            wrong("you cannot start and attach multiple containers at once")
        }
        () if named && args.all => {
            wrong("either start all containers or the container(s) provided in the arguments")
        }
        () if attach && args.all => wrong("you cannot start and attach all containers at once"),
        () if args.sig_proxy == Some(true) && !attach => {
            wrong("you cannot use sig-proxy without --attach: invalid argument")
        }
        () => Ok(()),
    }
}

/// As Podman: that a container's command cannot run is told with the container, and no exit code of the command.
fn not_started(error: EngineError, container: &str) -> Failure {
    match error.kind() {
        ErrorKind::CommandNotFound | ErrorKind::CommandNotExecutable => {
            Failure::from(error).within(&format!("unable to start container {container}")).exit(125)
        }
        _ => error.into(),
    }
}

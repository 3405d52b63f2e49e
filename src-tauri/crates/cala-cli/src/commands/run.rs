//! `cala run`.

use std::sync::Arc;

use cala_engine::{AttachOptions, Engine, RemoveOptions, WaitCondition};
use cala_spec::{ContainerId, Signal};

use crate::attach::{self, DetachKeys, End, Kill, Session};
use crate::commands::create;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::CreateOptions;
use crate::output;

/// Run a command in a new container
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala run --rm cala/hello\ncala run -it --rm alpine sh\ncala run -d --name web -p 8080:80 -v ./site:/srv:ro httpd\ncala run -d --name db --network shop --network-alias cache redis"
)]
pub(crate) struct Args {
    #[command(flatten)]
    options: CreateOptions,
    /// Attach to STDIN, STDOUT or STDERR
    #[arg(short, long, value_name = "strings", value_delimiter = ',')]
    attach: Vec<String>,
    /// Run the container in the background and print its ID
    #[arg(short, long)]
    detach: bool,
    /// Keys that detach from the container
    #[arg(long, value_name = "string", default_value = "ctrl-p,ctrl-q")]
    detach_keys: String,
    /// Remove the image too when the container has ended, unless others use it; implies --rm
    #[arg(long)]
    rmi: bool,
    /// Pass signals on to the container
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_name = "bool")]
    sig_proxy: bool,
    #[arg(value_names = ["IMAGE", "[COMMAND", "[ARG...]]"], num_args = 0.., trailing_var_arg = true)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let mut spec = args.options.spec(&args.words)?;
    if args.rmi && args.detach {
        return Err(Failure::new("--rmi and --detach cannot be used together")
            .hint("nobody is left to remove the image; remove it later: cala rmi IMAGE"));
    }
    spec.remove |= args.rmi;
    let image = args.rmi.then(|| spec.image.clone());
    let keys = DetachKeys::parse(&args.detach_keys)?;
    let streams = streams(args)?;
    if spec.tty && spec.interactive && !attach::is_terminal() {
        output::warning(
            "The input device is not a TTY. The --tty and --interactive flags might not work properly",
        );
    }
    let (tty, remove) = (spec.tty, spec.remove);
    let engine = context.engine()?;
    let id = create::make(&engine, spec, &args.options)?;
    let started = if args.detach {
        engine.start(id.as_str()).map(|_| None)
    } else {
        engine.start_attached(id.as_str(), &streams).map(Some)
    };
    let attachment = match started {
        Ok(attachment) => attachment,
        Err(error) => {
            if remove {
                let options = RemoveOptions { force: true, volumes: true, ..RemoveOptions::default() };
                let _ = engine.remove(id.as_str(), &options);
            }
            return Err(error.into());
        }
    };
    let Some(attachment) = attachment else {
        output::line(id.as_str())?;
        return Ok(0);
    };
    let session = Session {
        stdin: streams.stdin,
        tty,
        proxy_signals: args.sig_proxy,
        detach_keys: keys,
        kill: Some(killer(&engine, &id)),
    };
    let end = attach::session(attachment, session)?;
    let code = finish(end, &engine, &id)?;
    if let Some(image) = image {
        // Its container is gone only when its monitor has removed it.
        let _ = engine.wait(id.as_str(), WaitCondition::Removed);
        if let Err(error) = engine.remove_image(&image, false) {
            output::warning(&format!("the image stays: {}", cala_spec::error::chain(&error)));
        }
    }
    Ok(code)
}

/// The streams to attach: input with `-i`, outputs always, unless `-a` says which.
fn streams(args: &Args) -> Result<AttachOptions, Failure> {
    let tty = args.options.tty;
    let size = attach::window(tty);
    if args.attach.is_empty() {
        return Ok(AttachOptions {
            stdin: args.options.interactive,
            stdout: true,
            stderr: !tty,
            size,
            logs: false,
        });
    }
    if args.detach {
        return Err(Failure::new("--attach and --detach cannot be used together"));
    }
    let mut options = AttachOptions { size, ..AttachOptions::default() };
    for stream in &args.attach {
        match stream.to_ascii_lowercase().as_str() {
            "stdin" => options.stdin = true,
            "stdout" => options.stdout = true,
            "stderr" => options.stderr = true,
            other => {
                return Err(Failure::new(format!(
                    "invalid stream {other:?} for --attach - must be one of STDIN, STDOUT, or STDERR"
                )));
            }
        }
    }
    Ok(options)
}

/// Sends signals to a container by a connection of their own.
pub(crate) fn killer(engine: &Engine, id: &ContainerId) -> Kill {
    let (engine, id) = (engine.clone(), id.clone());
    Arc::new(move |signal| {
        let _ = engine.kill(id.as_str(), Signal(signal));
    })
}

/// The exit code of a session with a container.
pub(crate) fn finish(end: End, engine: &Engine, id: &ContainerId) -> Result<u8, Failure> {
    attach::exit_code(end, || {
        let code = engine.wait(id.as_str(), WaitCondition::Stopped).unwrap_or(-1);
        if code < 0 {
            return Err(Failure::new(format!("the supervisor of container {} is gone", id.as_str())));
        }
        Ok(code)
    })
}

//! `cala unshare`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::context::Context;
use crate::failure::Failure;

/// Run a command in the user namespace that images and containers have their ids in
#[derive(Debug, clap::Args)]
#[command(after_help = "cala unshare cat /proc/self/uid_map\ncala unshare rm -r folder-of-a-container")]
pub(crate) struct Args {
    /// There is no network namespace common to all containers: refused
    #[arg(long)]
    rootless_netns: bool,
    #[arg(value_names = ["COMMAND", "[ARG...]"], num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.rootless_netns {
        return Err(Failure::new("--rootless-netns: each network has a namespace of its own here")
            .hint("`cala network doctor` looks into networks"));
    }
    let words = match args.words.as_slice() {
        [] => match std::env::var("SHELL") {
            Ok(shell) => vec![shell],
            Err(_) => return Err(Failure::new("no command specified and no $SHELL specified")),
        },
        words => words.to_vec(),
    };
    let program = find(words.first().map_or("", String::as_str))?;
    Err(context.engine()?.unshare(&program, &words).into())
}

/// Where a command is, as execvp(3) finds it.
fn find(command: &str) -> Result<PathBuf, Failure> {
    let usable = |path: &PathBuf| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if command.contains('/') {
        let path = PathBuf::from(command);
        return match path.metadata() {
            Ok(_) if usable(&path) => Ok(path),
            Ok(_) => Err(Failure::new(format!("fork/exec {command}: permission denied")).exit(126)),
            Err(_) => Err(Failure::new(format!("fork/exec {command}: no such file or directory")).exit(127)),
        };
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join(command)).find(usable);
    found.ok_or_else(|| {
        Failure::new(format!("exec: {command:?}: executable file not found in $PATH")).exit(127)
    })
}

//! `cala container checkpoint` and `cala container restore`: all of Podman's options are understood, and refused with the
//! reason.

use crate::failure::Failure;

/// Write a running container down to go on with it later: not possible without root
///
/// It takes CRIU, which needs privileges that Cala does without. `cala pause` lets a container stand still, `cala commit`
/// keeps its files.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Act on all containers
    #[arg(short, long)]
    all: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    #[arg(short = 'c', long, hide = true)]
    compress: Option<String>,
    #[arg(long, hide = true)]
    create_image: Option<String>,
    #[arg(short = 'e', long, hide = true)]
    export: Option<String>,
    #[arg(long, hide = true)]
    file_locks: bool,
    #[arg(long, hide = true)]
    ignore_rootfs: bool,
    #[arg(long, hide = true)]
    ignore_volumes: bool,
    #[arg(short = 'k', long, hide = true)]
    keep: bool,
    #[arg(short = 'R', long, hide = true)]
    leave_running: bool,
    #[arg(short = 'P', long, hide = true)]
    pre_checkpoint: bool,
    #[arg(long, hide = true)]
    print_stats: bool,
    #[arg(long, hide = true)]
    tcp_established: bool,
    #[arg(long, hide = true)]
    with_previous: bool,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    words: Vec<String>,
}

/// Go on with a container that was written down: not possible without root
///
/// It takes CRIU, which needs privileges that Cala does without.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// Act on all containers
    #[arg(short, long)]
    all: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    #[arg(long, hide = true)]
    file_locks: bool,
    #[arg(long, hide = true)]
    ignore_rootfs: bool,
    #[arg(long, hide = true)]
    ignore_static_ip: bool,
    #[arg(long, hide = true)]
    ignore_static_mac: bool,
    #[arg(long, hide = true)]
    ignore_volumes: bool,
    #[arg(short = 'i', long, hide = true)]
    import: Option<String>,
    #[arg(long, hide = true)]
    import_previous: Option<String>,
    #[arg(short = 'k', long, hide = true)]
    keep: bool,
    #[arg(short = 'n', long, hide = true)]
    name: Option<String>,
    #[arg(long, hide = true)]
    pod: Option<String>,
    #[arg(long, hide = true)]
    print_stats: bool,
    #[arg(short = 'p', long, hide = true)]
    publish: Vec<String>,
    #[arg(long, hide = true)]
    tcp_established: bool,
    #[arg(value_names = ["CONTAINER|IMAGE", "[CONTAINER|IMAGE...]"], num_args = 0..)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    Err(refusal("checkpointing", args.all || args.latest || !args.words.is_empty()))
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<u8, Failure> {
    let named = args.all || args.latest || args.import.is_some() || !args.words.is_empty();
    Err(refusal("restoring", named))
}

fn refusal(act: &str, named: bool) -> Failure {
    if !named {
        return Failure::new("you must provide at least one name or id");
    }
    Failure::new(format!("{act} a container requires root: it takes CRIU, which Cala does not use"))
        .hint("`cala pause` lets a container stand still until `cala unpause`")
}

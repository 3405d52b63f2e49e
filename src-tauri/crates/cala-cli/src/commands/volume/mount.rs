//! `cala volume mount` and `cala volume unmount`.
//!
//! A volume's files are always at the same place of the host, so nothing has to be mounted for them to be seen. They belong to
//! ids of the user's range: who reads them all needs `cala unshare` or the volume's export.

use super::missing;
use crate::commands::select::for_each;
use crate::context::Context;
use crate::failure::Failure;

/// Say where the files of volumes are
///
/// Prints a folder for each volume. It is there all the time; nothing has to be unmounted. Files that a container made belong
/// to ids of your range.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala volume mount data\nls \"$(cala volume mount data)\"")]
pub(crate) struct Args {
    #[arg(value_names = ["VOLUME", "[VOLUME...]"], num_args = 0..)]
    names: Vec<String>,
}

/// Take back what `volume mount` did: nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "cala volume unmount data")]
pub(crate) struct UnmountArgs {
    #[arg(value_names = ["VOLUME", "[VOLUME...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let engine = context.engine()?;
    for_each(some(&args.names)?, false, |name| {
        engine.volume_mountpoint(name).map(Some).map_err(|error| missing(name, error))
    })
}

pub(super) fn unmount(args: &UnmountArgs, context: &Context) -> Result<u8, Failure> {
    let engine = context.engine()?;
    for_each(some(&args.names)?, false, |name| match engine.inspect_volume(name) {
        Ok(volume) => Ok(Some(volume.name)),
        Err(error) => Err(missing(name, error)),
    })
}

fn some(names: &[String]) -> Result<&[String], Failure> {
    if names.is_empty() {
        return Err(Failure::new("requires at least 1 arg(s), only received 0"));
    }
    Ok(names)
}

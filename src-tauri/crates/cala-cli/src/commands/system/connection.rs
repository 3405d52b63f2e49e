//! `cala system connection`: there are none.

use crate::failure::Failure;
use crate::output;
use crate::report::Format;

/// Connections to other machines: Cala works on this machine only
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Commands {
    #[command(hide = true)]
    Add(Words),
    #[command(hide = true)]
    Default(Words),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    #[command(hide = true, visible_alias = "rm")]
    Remove(Words),
    #[command(hide = true)]
    Rename(Words),
}

/// Not supported
#[derive(Debug, clap::Args)]
pub(crate) struct Words {
    #[arg(hide = true, num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// List connections: there are none
#[derive(Debug, clap::Args)]
#[command(after_help = "cala system connection list")]
pub(crate) struct ListArgs {
    /// Show connections as JSON or by a Go template
    #[arg(short, long, value_name = "string")]
    format: Option<String>,
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(command: &Commands) -> Result<u8, Failure> {
    let args = match command {
        Commands::List(args) => args,
        Commands::Add(words)
        | Commands::Default(words)
        | Commands::Remove(words)
        | Commands::Rename(words) => {
            let what = words.words.join(" ");
            return Err(Failure::new(format!("connections to other machines are not supported: {what:?}"))
                .hint("run cala on the other machine, as by `ssh MACHINE cala ps`"));
        }
    };
    super::none("connection list", &args.words)?;
    match args.format.as_deref().map(|format| Format::parse("list", format)).transpose()? {
        Some(Format::Json) => output::line("[]")?,
        None if !args.quiet => output::line("Name        URI         Identity    Default     ReadWrite")?,
        _ => {}
    }
    Ok(0)
}

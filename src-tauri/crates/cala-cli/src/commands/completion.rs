//! `cala completion`.

use clap_complete::Shell;

use crate::failure::Failure;
use crate::output;

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala completion bash >~/.local/share/bash-completion/completions/cala\ncala completion fish >~/.config/fish/completions/cala.fish"
)]
pub(crate) struct Args {
    #[arg(value_name = "bash|zsh|fish", num_args = 0..)]
    shell: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let shell = match args.shell.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bash"] => Shell::Bash,
        ["zsh"] => Shell::Zsh,
        ["fish"] => Shell::Fish,
        _ => return Err(Failure::new("name one shell: bash, zsh or fish")),
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::command(), "cala", &mut script);
    output::data(script)?;
    Ok(0)
}

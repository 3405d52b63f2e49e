//! The program `cala`: the command line.

fn main() -> std::process::ExitCode {
    cala_cli::main()
}

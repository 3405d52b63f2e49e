//! Cala's window, and the same window served on loopback.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

mod app;
mod call;
mod channel;
#[cfg(feature = "window")]
mod download;
mod dto;
#[cfg(test)]
mod generated;
mod last_words;
#[cfg(feature = "window")]
mod link;
mod serve;
mod settings;
mod tasks;
#[cfg(feature = "window")]
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Cala: containers on your desktop.
#[derive(Debug, Parser)]
#[command(name = "cala-desktop", version)]
struct Arguments {
    /// Serve the window on loopback; the first line printed is the address with its one-time token.
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    serve: Option<std::net::SocketAddr>,
    /// Where images and containers are kept.
    #[arg(long, value_name = "PATH")]
    root: Option<PathBuf>,
    /// Where sockets and locks are kept.
    #[arg(long, value_name = "PATH")]
    runroot: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("CALA_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "there is no window to say it in")]
            {
                eprintln!("Error: {error:#}");
            }
            ExitCode::from(125)
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let app = app::App::open(arguments.root, arguments.runroot)?;
    match arguments.serve {
        Some(address) => runtime.block_on(serve::serve(app, address)),
        #[cfg(feature = "window")]
        None => window::open(app, &runtime),
        #[cfg(not(feature = "window"))]
        None => anyhow::bail!("this program was built without a window: use --serve"),
    }
}

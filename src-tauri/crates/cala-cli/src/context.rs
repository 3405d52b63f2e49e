//! What every command gets: the global flags, and on demand the engine and a runtime.

use std::future::Future;
use std::path::PathBuf;

use cala_engine::{Engine, EngineOptions};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::failure::Failure;

/// The flags that hold for all commands.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Globals {
    /// Folder that images and containers are kept in
    #[arg(long, global = true, value_name = "string")]
    pub(crate) root: Option<PathBuf>,
    /// Folder that holds what lives no longer than a session
    #[arg(long, global = true, value_name = "string")]
    pub(crate) runroot: Option<PathBuf>,
    /// Say more of what is done (trace, debug, info, warn, error)
    #[arg(long, global = true, value_name = "string")]
    pub(crate) log_level: Option<String>,
}

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Context {
    globals: Globals,
}

impl Context {
    pub(crate) fn new(globals: Globals) -> Result<Self, Failure> {
        match &globals.log_level {
            Some(level) => log_to_stderr(level)?,
            None => warn_on_stderr(),
        }
        Ok(Self { globals })
    }

    /// Opens the engine.
    pub(crate) fn engine(&self) -> Result<Engine, Failure> {
        let options = EngineOptions {
            root: self.globals.root.clone(),
            runroot: self.globals.runroot.clone(),
            programs: None,
        };
        Ok(Engine::open(options)?)
    }

    /// Runs a future to its end on a runtime of this thread.
    pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::io("starting the runtime", &error))?;
        Ok(runtime.block_on(future))
    }
}

/// What the engine warns of, in the form of our own warnings.
fn warn_on_stderr() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(crate::output::watched())
        .event_format(Warning)
        .init();
}

/// `Warning: …` without time and place.
struct Warning;

impl<S, N> FormatEvent<S, N> for Warning
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        writer.write_str("Warning: ")?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

fn log_to_stderr(level: &str) -> Result<(), Failure> {
    use tracing_subscriber::filter::LevelFilter;
    let filter = match level.to_ascii_lowercase().as_str() {
        "trace" => LevelFilter::TRACE,
        "debug" => LevelFilter::DEBUG,
        "info" => LevelFilter::INFO,
        "warn" | "warning" => LevelFilter::WARN,
        "error" | "fatal" | "panic" => LevelFilter::ERROR,
        _ => {
            return Err(Failure::new(format!(
                "Log Level {level:?} is not supported, choose from: trace, debug, info, warn, warning, error, fatal, panic"
            )));
        }
    };
    tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_writer(std::io::stderr)
        .with_ansi(crate::output::watched())
        .init();
    Ok(())
}

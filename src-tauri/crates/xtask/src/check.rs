//! `cargo xtask check`: everything that can be judged without running a container.

use anyhow::Result;

use crate::node;
use crate::packages;
use crate::step::{cargo, has, step};

/// Options of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Also what costs minutes or needs more network: cargo deny, npm audit, long fuzzing.
    #[arg(long)]
    full: bool,
}

/// Installs what the checks need, then checks.
pub(crate) fn run(options: &Options) -> Result<()> {
    packages::ensure(&[packages::ENGINE, packages::WINDOW, node::packages()])?;
    node::install()?;
    checks()?;
    if options.full { full() } else { Ok(()) }
}

/// The checks themselves.
pub(crate) fn checks() -> Result<()> {
    step("formatting", "cargo fmt --all", cargo().args(["fmt", "--all", "--check"]))?;
    step(
        "lints",
        "see the warnings above; each lint's reason stands in Cargo.toml and clippy.toml",
        cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    )?;
    step(
        "architecture",
        "src-tauri/ARCHITECTURE.md says which room may use which",
        cargo().args(["test", "--quiet", "--package", "xtask"]),
    )?;
    step("types of the window", "npm run check, in ui/", node::npm().args(["run", "check"]))?;
    step("lints of the window", "npm run lint, in ui/", node::npm().args(["run", "lint"]))?;
    step("messages in both languages", "npm run i18n:check, in ui/", node::npm().args(["run", "i18n:check"]))
}

fn full() -> Result<()> {
    if has("cargo-deny") {
        step(
            "licences, bans, sources",
            "see deny.toml",
            cargo().args(["deny", "check", "licenses", "bans", "sources"]),
        )?;
        step(
            "advisories",
            "needs the advisory database's network",
            cargo().args(["deny", "check", "advisories"]),
        )?;
    } else {
        anyhow::bail!("cargo-deny is not installed\nremedy: cargo install --locked cargo-deny");
    }
    step("npm audit", "npm audit fix, in ui/", node::npm().args(["audit"]))?;
    let mut fuzz = cargo();
    fuzz.args(["test", "--quiet", "--workspace", "--exclude", "cala-desktop", "--lib"])
        .env("PROPTEST_CASES", "20000");
    step(
        "long fuzzing of the parsers",
        "the failing input stands above and in proptest-regressions/",
        &mut fuzz,
    )
}

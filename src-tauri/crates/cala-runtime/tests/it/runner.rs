//! The little of libtest that cargo and nextest ask for: a filter, `--exact`, `--list`, `--ignored`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// A test by name.
pub(crate) type Case = (&'static str, fn());

pub(crate) fn run(args: &[String], cases: &[Case]) -> ExitCode {
    let flag = |name: &str| args.iter().any(|arg| arg == name);
    if flag("--ignored") && flag("--list") {
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = args.iter().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let chosen = cases.iter().filter(|(name, _)| {
        filters.is_empty()
            || filters
                .iter()
                .any(|filter| if flag("--exact") { name == filter } else { name.contains(filter.as_str()) })
    });
    if flag("--list") {
        chosen.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let mut failed = Vec::new();
    let mut passed = 0;
    for (name, case) in chosen {
        let result = catch_unwind(AssertUnwindSafe(case));
        println!("test {name} ... {}", if result.is_ok() { "ok" } else { "FAILED" });
        if result.is_ok() { passed += 1 } else { failed.push(name) }
    }
    println!("test result: {passed} passed; {} failed {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

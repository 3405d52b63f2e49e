//! The question before something is lost.

use std::io::BufRead as _;

use crate::failure::Failure;
use crate::output;

/// Says what will be and asks; only a word that begins with `y` is a yes.
pub(crate) fn confirmed(warning: &str) -> Result<bool, Failure> {
    output::data(format!("WARNING! {warning}\nAre you sure you want to continue? [y/N] "))?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::io("reading the answer", &error))?;
    Ok(answer.trim_start().starts_with(['y', 'Y']))
}

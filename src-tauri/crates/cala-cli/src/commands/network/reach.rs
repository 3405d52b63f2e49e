//! `cala network reach`.

use std::fmt::Write as _;

use cala_engine::view::{ReachOutcome, ReachReport};

use super::{hinted, is_json};
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, report};

/// Try whether a container reaches another one, a name or an address, and tell why not
///
/// With a port a TCP connection is tried from the container's own network, with `/udp` an empty datagram, without a port an
/// echo request. The exit code is 0 when it was answered (or, by UDP, taken by a program of the other container without an
/// answer), and 1 when it was not.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala network reach web database:5432\ncala network reach web database\ncala network reach web names:53/udp\ncala network reach web example.org:443 --format json"
)]
pub(crate) struct Args {
    /// Show the answer as JSON
    #[arg(long, value_name = "json")]
    format: Option<String>,
    #[arg(value_names = ["CONTAINER", "CONTAINER|NAME|ADDRESS[:PORT[/udp]]"], num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [from, to] = args.words.as_slice() else {
        return Err(Failure::new(format!("accepts 2 arg(s), received {}", args.words.len())));
    };
    let json = is_json(args.format.as_deref())?;
    let found = context.engine()?.network_reach(from, to)?;
    let text = if json { report::json(&found, 2)? } else { shown(&found) };
    output::data(text)?;
    if !json {
        hinted(&found.hints);
    }
    Ok(u8::from(!found.reached))
}

fn shown(found: &ReachReport) -> String {
    let mut out = format!("{}\n", found.message);
    if found.reached && !found.names.is_empty() {
        _ = writeln!(out, "names: {}", found.names.join(", "));
    }
    for attempt in &found.attempts {
        let network = attempt.network.as_ref().map_or_else(String::new, |name| format!(" (network {name})"));
        _ = writeln!(out, "  {}{network}: {}", attempt.address, outcome(attempt.outcome));
    }
    out
}

fn outcome(outcome: ReachOutcome) -> &'static str {
    match outcome {
        ReachOutcome::Answered => "answers",
        ReachOutcome::Taken => "takes datagrams, and did not answer an empty one",
        ReachOutcome::Refused => "refuses",
        ReachOutcome::Silent => "does not answer",
        ReachOutcome::Unreachable => "no route",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_the_sentence_the_names_and_the_attempts() {
        let found: ReachReport = serde_json::from_value(serde_json::json!({
            "from": "a", "to": "b", "reached": true, "names": ["b", "sql"], "message": "a reaches b as b",
            "attempts": [{"network": "back", "address": "10.89.0.3", "outcome": "answered"}]
        }))
        .expect("a report");
        assert_eq!(shown(&found), "a reaches b as b\nnames: b, sql\n  10.89.0.3 (network back): answers\n");
    }
}
